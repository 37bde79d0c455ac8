//! Elastic Load Balancing: the applied balancer, its listeners, rules and target group.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

use anyhow::Context as _;
use serde::de::{Deserialize, Deserializer, Error};

use super::Client;

type Attributes = BTreeMap<String, String>;

/// The balancer and its listeners.
#[derive(Debug, serde::Deserialize)]
pub struct Balancer {
    /// ARN.
    pub arn: String,
    /// Subnets of its nodes.
    pub subnets: Vec<String>,
    /// Attributes, such as `idle_timeout.timeout_seconds`.
    #[serde(default)]
    pub attributes: Attributes,
    /// Listeners, ordered by port.
    #[serde(default)]
    pub listeners: Vec<Listener>,
}

/// A port of the balancer.
#[derive(Debug, serde::Deserialize)]
pub struct Listener {
    /// Port.
    pub port: u16,
    /// `HTTP` or `HTTPS`.
    pub protocol: String,
    /// Attributes, such as `routing.http.response.…`.
    #[serde(default)]
    pub attributes: Attributes,
    /// Rules, ordered by priority. The default rule is last and has no condition.
    #[serde(default)]
    pub rules: Vec<Rule>,
}

/// A rule for the requests that match all conditions.
#[derive(Debug, serde::Deserialize)]
pub struct Rule {
    /// The lowest priority is first; `None` for the listener's default rule.
    pub priority: Option<u32>,
    /// Field (`path-pattern`, `http-request-method`, `host-header`) and its values. One matching value is enough.
    pub conditions: Vec<(String, Vec<String>)>,
    /// The action.
    pub action: Action,
}

/// The actions that this stack uses. Any other action is an error, so that none is silently ignored.
#[derive(Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(
    tag = "kind",
    content = "config",
    rename_all = "kebab-case",
    rename_all_fields = "PascalCase"
)]
pub enum Action {
    /// Forwards to the target group with this ARN.
    Forward(String),
    /// A fixed response of the balancer.
    FixedResponse {
        /// Status.
        #[serde(rename = "StatusCode", deserialize_with = "number")]
        status: u16,
        /// Media type.
        #[serde(default)]
        content_type: String,
        /// Body.
        #[serde(rename = "MessageBody", default)]
        body: String,
    },
    /// Redirects to another protocol and port of the same host, path and query.
    Redirect {
        /// 301 or 302.
        #[serde(rename = "StatusCode", deserialize_with = "number")]
        status: u16,
        /// `HTTP` or `HTTPS`.
        protocol: String,
        /// Port.
        #[serde(deserialize_with = "number")]
        port: u16,
    },
}

/// A number as text. A redirect's status has a prefix: `HTTP_301`.
fn number<'de, D: Deserializer<'de>, T: FromStr<Err: Display>>(from: D) -> Result<T, D::Error> {
    let text = String::deserialize(from)?;
    text.trim_start_matches("HTTP_").parse().map_err(D::Error::custom)
}

/// A target group and its health check.
#[derive(Debug, serde::Deserialize)]
pub struct TargetGroup {
    /// ARN.
    pub arn: String,
    /// Port of the targets.
    pub port: u16,
    /// Path of the health check.
    pub path: String,
    /// Status codes of a healthy target: `200`, `200-299`, `200,202`.
    pub matcher: String,
    /// Seconds between two checks.
    pub interval: u64,
    /// Timeout of a check in seconds.
    pub timeout: u64,
    /// Successful checks in a row until a target is healthy.
    pub healthy: u32,
    /// Failed checks in a row until a target is unhealthy.
    pub unhealthy: u32,
    /// Attributes, such as `deregistration_delay.timeout_seconds`.
    #[serde(default)]
    pub attributes: Attributes,
}

impl TargetGroup {
    /// Seconds in which a deregistered target can finish its requests.
    pub fn deregistration_delay(&self) -> anyhow::Result<u64> {
        let value = self.attributes.get("deregistration_delay.timeout_seconds");
        value
            .context("the target group has no deregistration delay")?
            .parse()
            .context("the deregistration delay is not a number")
    }
}

/// Reads the only balancer.
pub async fn balancer(client: &Client) -> anyhow::Result<Balancer> {
    let query = "LoadBalancers[0].{arn: LoadBalancerArn, subnets: AvailabilityZones[].SubnetId}";
    let call = ["elbv2", "describe-load-balancers", "--query", query];
    let found: Balancer =
        client.call(&call).await.context("there is no load balancer: apply the stack first")?;
    let (attributes, listeners) = tokio::try_join!(
        attributes(client, "load-balancer", &found.arn),
        listeners(client, &found.arn)
    )?;
    Ok(Balancer { attributes, listeners, ..found })
}

async fn listeners(client: &Client, balancer: &str) -> anyhow::Result<Vec<Listener>> {
    let query = "sort_by(Listeners, &Port)[].[ListenerArn, {port: Port, protocol: Protocol}]";
    let call = ["--load-balancer-arn", balancer, "--query", query];
    let call = [&["elbv2", "describe-listeners"], &call[..]].concat();
    let mut listeners = Vec::new();
    for (arn, found) in client.call::<Vec<(String, Listener)>>(&call).await? {
        let (attributes, rules) =
            tokio::try_join!(attributes(client, "listener", &arn), rules(client, &arn))?;
        listeners.push(Listener { attributes, rules, ..found });
    }
    Ok(listeners)
}

async fn rules(client: &Client, listener: &str) -> anyhow::Result<Vec<Rule>> {
    // The query returns null for a rule with several actions or with another kind of condition, so that it cannot be
    // parsed.
    let query = "Rules[].{
        priority: to_number(Priority),
        conditions: Conditions[].[
            Field, (PathPatternConfig || HttpRequestMethodConfig || HostHeaderConfig).Values
        ],
        action: (length(Actions) == `1` && Actions[0]).{
            kind: Type,
            config: TargetGroupArn || FixedResponseConfig || RedirectConfig
        }
    }";
    let call = ["elbv2", "describe-rules", "--listener-arn", listener, "--query", query];
    let mut rules: Vec<Rule> = client.call(&call).await?;
    rules.sort_by_key(|rule| rule.priority.unwrap_or(u32::MAX));
    Ok(rules)
}

/// Reads the target group with this ARN.
pub async fn target_group(client: &Client, arn: &str) -> anyhow::Result<TargetGroup> {
    let query = "TargetGroups[0].{
        arn: TargetGroupArn,
        port: Port,
        path: HealthCheckPath,
        matcher: Matcher.HttpCode,
        interval: HealthCheckIntervalSeconds,
        timeout: HealthCheckTimeoutSeconds,
        healthy: HealthyThresholdCount,
        unhealthy: UnhealthyThresholdCount
    }";
    let call = ["elbv2", "describe-target-groups", "--target-group-arns", arn, "--query", query];
    let (found, attributes): (TargetGroup, _) =
        tokio::try_join!(client.call(&call), attributes(client, "target-group", arn))?;
    Ok(TargetGroup { attributes, ..found })
}

async fn attributes(client: &Client, of: &str, arn: &str) -> anyhow::Result<Attributes> {
    let (operation, argument) = (format!("describe-{of}-attributes"), format!("--{of}-arn"));
    let query = "Attributes[].[Key, Value || '']";
    let call = ["elbv2", &operation, &argument, arn, "--query", query];
    let attributes: Vec<(String, String)> = client.call(&call).await?;
    Ok(attributes.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{from_value, json};

    #[test]
    fn unknown_actions_and_conditions_are_errors() {
        let redirect = json!({ "StatusCode": "HTTP_301", "Protocol": "HTTPS", "Port": "443" });
        let redirect = json!({ "kind": "redirect", "config": redirect });
        let expected = Action::Redirect { status: 301, protocol: "HTTPS".into(), port: 443 };
        assert_eq!(from_value::<Action>(redirect).unwrap(), expected);
        for action in [
            json!({ "kind": "authenticate-oidc", "config": {} }),
            json!({ "kind": "forward", "config": null }),
            json!({ "kind": null, "config": null }),
        ] {
            assert!(from_value::<Action>(action.clone()).is_err(), "{action}");
        }
        let condition = json!({ "priority": 1, "conditions": [["source-ip", null]],
            "action": { "kind": "forward", "config": "arn" } });
        assert!(from_value::<Rule>(condition).is_err());
    }
}
