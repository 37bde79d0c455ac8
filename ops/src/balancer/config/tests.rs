//! The rendered configuration has the applied values.

use super::*;
use std::collections::BTreeMap;

fn applied() -> (Balancer, TargetGroup, Place) {
    let rule = |priority, conditions: &[(&str, &[&str])], action| Rule {
        priority,
        conditions: conditions
            .iter()
            .map(|(f, v)| ((*f).into(), v.iter().map(|v| (*v).into()).collect()))
            .collect(),
        action,
    };
    let listener = |port, protocol: &str, rules| Listener {
        port,
        protocol: protocol.into(),
        attributes: BTreeMap::new(),
        rules,
    };
    let fixed = Action::FixedResponse {
        status: 404,
        content_type: "application/json".into(),
        body: "{}".into(),
    };
    let redirect = Action::Redirect { status: 301, protocol: "HTTPS".into(), port: 443 };
    let balancer = Balancer {
        arn: "b".into(),
        subnets: vec![],
        attributes: BTreeMap::from([("idle_timeout.timeout_seconds".into(), "60".into())]),
        listeners: vec![
            listener(80, "HTTP", vec![rule(None, &[], redirect)]),
            listener(
                443,
                "HTTPS",
                vec![
                    rule(
                        Some(10),
                        &[("path-pattern", &["/sum", "/v?/*"]), ("http-request-method", &["POST"])],
                        Action::Forward("g".into()),
                    ),
                    rule(None, &[], fixed),
                ],
            ),
        ],
    };
    let group = TargetGroup {
        arn: "g".into(),
        port: 8081,
        path: "/readyz".into(),
        matcher: "200".into(),
        interval: 10,
        timeout: 5,
        healthy: 2,
        unhealthy: 3,
        attributes: BTreeMap::new(),
    };
    let local = |port| SocketAddrV4::new(Ipv4Addr::LOCALHOST, port);
    let place = Place {
        node: Ipv4Addr::new(10, 0, 0, 9),
        certificate: "c.pem".into(),
        socket: "s".into(),
        tunnel: local(1),
        endpoint: (local(2), "127.0.0.1:3".into()),
        credentials: local(4),
    };
    (balancer, group, place)
}

#[test]
fn configuration_has_every_applied_value() {
    let (balancer, group, place) = applied();
    let text = render(&balancer, &group, &place).unwrap();
    for expected in [
        "bind 10.0.0.9:443 ssl crt c.pem",
        "acl rule0_0 path -m reg '^/v./.*$'",
        "acl rule0_1 method -m reg '^POST$'",
        "set-var(txn.rule) int(0) if rule0_0 rule0_1 !{",
        "return status 404 content-type 'application/json' string '{}' if { var(txn.rule) -m int 1 }",
        "redirect code 301 location https://%[req.hdr(host),field(1,:)]:443%[pathq]",
        "inter 10s downinter 1s rise 2 fall 3",
        "timeout check 5s",
        "uri /readyz",
        "expect status 200",
        "timeout client 60s",
        "source 10.0.0.9",
    ] {
        assert!(text.contains(expected), "{expected} is not in\n{text}");
    }
}

#[test]
fn another_target_group_is_refused() {
    let (balancer, mut group, place) = applied();
    group.arn = "other".into();
    assert!(render(&balancer, &group, &place).is_err());
}
