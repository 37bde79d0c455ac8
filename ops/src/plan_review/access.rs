//! Who can get in: the network's doors, IAM's, the keys, TLS.

use serde_json::Value;

use super::container;
use super::finding::{Finding, Level, Topic};
use super::permissions;
use super::plan::{Action, Plan, Resource};

/// What a plan changes about who can get in.
#[must_use]
pub(super) fn findings(plan: &Plan) -> Vec<Finding> {
    plan.changed().flat_map(of_resource).collect()
}

fn of_resource(resource: &Resource) -> Vec<Finding> {
    let finding = |level, text: String| Finding::new(level, Topic::Access, &resource.address, text);
    match resource.kind.as_str() {
        "aws_vpc_security_group_ingress_rule" => rule(resource, "in"),
        "aws_vpc_security_group_egress_rule" => rule(resource, "out"),
        "aws_security_group" | "aws_default_security_group" => inline_rules(resource),
        "aws_iam_role_policy" | "aws_iam_policy" => permissions::findings(resource, "policy"),
        "aws_iam_role" => permissions::findings(resource, "assume_role_policy"),
        "aws_iam_role_policy_attachment"
        | "aws_iam_user"
        | "aws_iam_access_key"
        | "aws_iam_user_policy"
            if resource.action() != Action::Destroy =>
        {
            vec![finding(
                Level::Danger,
                format!("grants rights outside of this stack's own policies ({})", resource.kind),
            )]
        }
        "aws_kms_key" | "aws_kms_key_policy"
            if resource.changes("policy") && !created_or_gone(resource) =>
        {
            vec![finding(Level::Caution, "changes who may use the encryption key".to_owned())]
        }
        "aws_ssm_parameter" => keys(resource),
        "aws_lb_listener" => listener(resource),
        "aws_lb_listener_rule"
            if resource.action() == Action::Update && resource.changes("condition") =>
        {
            vec![finding(
                Level::Caution,
                "changes which paths the load balancer lets through".to_owned(),
            )]
        }
        "aws_lb_listener_rule" if resource.action() == Action::Create => {
            vec![finding(Level::Note, "lets paths through the load balancer".to_owned())]
        }
        "aws_ecs_task_definition" => task(resource),
        "aws_ecs_service" => service(resource),
        _ => Vec::new(),
    }
}

fn created_or_gone(resource: &Resource) -> bool {
    matches!(resource.action(), Action::Create | Action::Destroy)
}

fn rule(resource: &Resource, direction: &str) -> Vec<Finding> {
    let finding =
        |level, text: String| vec![Finding::new(level, Topic::Access, &resource.address, text)];
    if resource.action() == Action::Destroy {
        return finding(
            Level::Caution,
            format!("closes {}", describe_rule(&resource.change.before, direction)),
        );
    }
    let after = &resource.change.after;
    if resource.action() != Action::Create
        && describe_rule(&resource.change.before, direction) == describe_rule(after, direction)
    {
        return Vec::new();
    }
    let opens = format!("opens {}", describe_rule(after, direction));
    let everybody = ["cidr_ipv4", "cidr_ipv6"]
        .iter()
        .any(|name| matches!(after[*name].as_str(), Some("0.0.0.0/0" | "::/0")));
    let all_protocols = after["ip_protocol"].as_str() == Some("-1");
    let web = !all_protocols
        && [80, 443].iter().any(|port| after["from_port"] == *port && after["to_port"] == *port);
    match (direction, everybody) {
        ("in", true) if !web => {
            finding(Level::Danger, format!("{opens}: anybody, not only through the load balancer"))
        }
        (_, true) if all_protocols => finding(Level::Danger, opens),
        ("in", true) => finding(Level::Note, opens),
        (_, true) => finding(Level::Caution, opens),
        _ if all_protocols => finding(Level::Caution, opens),
        _ => finding(Level::Note, opens),
    }
}

fn describe_rule(values: &Value, direction: &str) -> String {
    let peer = ["cidr_ipv4", "cidr_ipv6", "prefix_list_id", "referenced_security_group_id"]
        .iter()
        .find_map(|name| values[*name].as_str())
        .unwrap_or("another security group");
    let ports = match (values["ip_protocol"].as_str(), &values["from_port"], &values["to_port"]) {
        (Some("-1"), ..) => "every port and protocol".to_owned(),
        (protocol, from, to) if from == to => format!("{} port {from}", protocol.unwrap_or("any")),
        (protocol, from, to) => format!("{} ports {from} to {to}", protocol.unwrap_or("any")),
    };
    format!("{ports} {} {peer}", if direction == "in" { "to" } else { "towards" })
}

fn inline_rules(resource: &Resource) -> Vec<Finding> {
    let text = format!("{}{}", resource.change.after["ingress"], resource.change.after["egress"]);
    let rules = text.contains("cidr_blocks");
    let changed = resource.changes("ingress") || resource.changes("egress");
    if !rules || !changed {
        return Vec::new();
    }
    let level = if text.contains("0.0.0.0/0") || text.contains("::/0") {
        Level::Danger
    } else {
        Level::Caution
    };
    vec![Finding::new(
        level,
        Topic::Access,
        &resource.address,
        "changes rules inside a security group",
    )]
}

fn keys(resource: &Resource) -> Vec<Finding> {
    let finding =
        |level, text: &str| vec![Finding::new(level, Topic::Access, &resource.address, text)];
    match resource.action() {
        Action::Update if resource.changes("value_wo_version") => finding(
            Level::Caution,
            "writes the keys again: a key that is missing from TF_VAR_api_keys stops working when the new tasks start",
        ),
        Action::Update if resource.changes("type") => {
            finding(Level::Danger, "changes how the keys are stored")
        }
        _ => Vec::new(),
    }
}

fn listener(resource: &Resource) -> Vec<Finding> {
    let finding = |level, text: String| Finding::new(level, Topic::Access, &resource.address, text);
    let mut found = Vec::new();
    if resource.action() == Action::Destroy && resource.before("protocol") == Some("HTTPS") {
        found.push(finding(Level::Danger, "HTTPS ends: keys travel readable".to_owned()));
    }
    if resource.action() == Action::Update && resource.changes("ssl_policy") {
        let text = format!(
            "changes the TLS policy from {} to {}",
            resource.before("ssl_policy").unwrap_or("none"),
            resource.after("ssl_policy").unwrap_or("unknown")
        );
        found.push(finding(Level::Danger, text));
    }
    let redirects = |values: &Value| values["default_action"][0]["type"] == "redirect";
    if resource.action() == Action::Update
        && redirects(&resource.change.before)
        && !redirects(&resource.change.after)
    {
        found.push(finding(
            Level::Danger,
            "port 80 answers by itself instead of redirecting to HTTPS".to_owned(),
        ));
    }
    found
}

fn task(resource: &Resource) -> Vec<Finding> {
    let finding = |level, text: String| Finding::new(level, Topic::Access, &resource.address, text);
    let mut found = Vec::new();
    for after in container::list(&resource.change.after) {
        let before = container::find(&resource.change.before, &after.name);
        let changed = |read: fn(&container::Container) -> String| {
            before.as_ref().is_none_or(|old| read(old) != read(&after))
        };
        if after.environment.contains_key("API_KEY") {
            found.push(finding(
                Level::Danger,
                format!("{}: API_KEY stands readable in the environment", after.name),
            ));
        }
        if after.environment.get("REQUIRE_API_KEY").is_some_and(|value| value != "true")
            && changed(|c| c.variable("REQUIRE_API_KEY"))
        {
            found.push(finding(
                Level::Danger,
                format!("{}: the API no longer checks keys itself", after.name),
            ));
        }
        if before.is_some() && changed(|c| c.variable("TRUSTED_PROXIES")) {
            found.push(finding(
                Level::Danger,
                format!("{}: trusts X-Forwarded-For from other addresses", after.name),
            ));
        }
        if !after.read_only && changed(|c| c.read_only.to_string()) {
            found.push(finding(
                Level::Danger,
                format!("{}: the root filesystem is writable", after.name),
            ));
        }
        if after.privileged
            || after.user.is_empty()
            || after.user.starts_with('0')
            || after.user.starts_with("root")
        {
            found.push(finding(
                Level::Danger,
                format!("{}: runs as root or privileged", after.name),
            ));
        }
    }
    found
}

fn service(resource: &Resource) -> Vec<Finding> {
    let mut found = Vec::new();
    if resource.change.after["enable_execute_command"] == true
        && resource.changes("enable_execute_command")
    {
        found.push(Finding::new(
            Level::Danger,
            Topic::Access,
            &resource.address,
            "allows a shell in the running containers",
        ));
    }
    let public = |values: &Value| values["network_configuration"][0]["assign_public_ip"] == true;
    if public(&resource.change.after) && !public(&resource.change.before) {
        found.push(Finding::new(
            Level::Danger,
            Topic::Access,
            &resource.address,
            "gives the tasks public addresses",
        ));
    }
    found
}
