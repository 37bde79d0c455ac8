//! Changes of access: network, IAM, keys and TLS.

use serde_json::Value;

use super::container;
use super::finding::Level;
use super::permissions;
use super::rules::Verdict;
use crate::plan::{Action, Resource};

/// The access that the change of a resource gives or takes away.
pub(super) fn changes(resource: &Resource, verdict: &Verdict) -> Vec<(Level, String)> {
    let updated = resource.action() == Action::Update;
    let caution = |text: &str| vec![(Level::Caution, text.to_owned())];
    match resource.kind.as_str() {
        "aws_vpc_security_group_ingress_rule" => {
            group_rule(resource, "to", verdict).into_iter().collect()
        }
        "aws_vpc_security_group_egress_rule" => {
            group_rule(resource, "towards", verdict).into_iter().collect()
        }
        "aws_security_group" | "aws_default_security_group" if changes_inline_rules(resource) => {
            caution("changes rules inside a security group")
        }
        "aws_iam_role_policy" | "aws_iam_policy" => {
            permissions::changes(resource, "policy", verdict)
        }
        "aws_iam_role" => permissions::changes(resource, "assume_role_policy", verdict),
        "aws_kms_key" | "aws_kms_key_policy" if updated && resource.changes("policy") => {
            caution("changes who may use the encryption key")
        }
        "aws_lb_listener" if updated && resource.changes("ssl_policy") => {
            let side = |side: Option<&str>| side.unwrap_or("unknown").to_owned();
            let (before, after) = (resource.before("ssl_policy"), resource.after("ssl_policy"));
            let text = format!("changes the TLS policy from {} to {}", side(before), side(after));
            vec![(Level::Danger, text)]
        }
        "aws_lb_listener_rule" if updated && resource.changes("condition") => {
            caution("changes which paths the load balancer lets through")
        }
        "aws_lb_listener_rule" if resource.action() == Action::Create => {
            vec![(Level::Note, "lets paths through the load balancer".to_owned())]
        }
        "aws_ecs_task_definition" => container::pairs(resource)
            .filter(|(before, after)| {
                before.variable("TRUSTED_PROXIES") != after.variable("TRUSTED_PROXIES")
            })
            .map(|(_, after)| {
                let text = format!("{}: trusts X-Forwarded-For from other addresses", after.name);
                (Level::Danger, text)
            })
            .collect(),
        "aws_ecs_service" if gives_public_addresses(resource) => {
            vec![(Level::Danger, "gives the tasks public addresses".to_owned())]
        }
        _ => Vec::new(),
    }
}

fn group_rule(resource: &Resource, towards: &str, verdict: &Verdict) -> Option<(Level, String)> {
    let before = describe_rule(&resource.change.before, towards);
    let after = describe_rule(&resource.change.after, towards);
    match resource.action() {
        Action::Destroy => Some((Level::Caution, format!("closes {before}"))),
        Action::Update | Action::Replace if before == after => None,
        _ if verdict.refuses(&resource.address, "open to everybody") => Some((
            Level::Danger,
            format!("opens {after}: anybody, not only through the load balancer"),
        )),
        _ => Some((verdict.level(&resource.address), format!("opens {after}"))),
    }
}

fn describe_rule(values: &Value, towards: &str) -> String {
    let peer = ["cidr_ipv4", "cidr_ipv6", "prefix_list_id", "referenced_security_group_id"]
        .iter()
        .find_map(|name| values[*name].as_str())
        .unwrap_or("another security group");
    let ports = match (values["ip_protocol"].as_str(), &values["from_port"], &values["to_port"]) {
        (Some("-1"), ..) => "every port and protocol".to_owned(),
        (protocol, from, to) if from == to => format!("{} port {from}", protocol.unwrap_or("any")),
        (protocol, from, to) => format!("{} ports {from} to {to}", protocol.unwrap_or("any")),
    };
    format!("{ports} {towards} {peer}")
}

fn changes_inline_rules(resource: &Resource) -> bool {
    ["ingress", "egress"].iter().any(|name| {
        resource.changes(name) && resource.change.after[*name].to_string().contains("cidr_blocks")
    })
}

fn gives_public_addresses(resource: &Resource) -> bool {
    let public = |values: &Value| values["network_configuration"][0]["assign_public_ip"] == true;
    public(&resource.change.after) && !public(&resource.change.before)
}
