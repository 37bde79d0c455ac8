//! Elastic Load Balancing: the applied balancer, its listeners, rules and target group.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

use anyhow::Context as _;
use serde::de::{Deserialize, Deserializer, Error};

use super::Client;

type Attributes = BTreeMap<String, String>;

/// The balancer and everything that hangs on it.
#[derive(Debug, serde::Deserialize)]
pub struct Balancer {
    /// ARN.
    pub arn: String,
    /// Subnets that its nodes stand in.
    pub subnets: Vec<String>,
    /// `idle_timeout.timeout_seconds` and the like.
    #[serde(default)]
    pub attributes: Attributes,
    /// In order of their ports.
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
    /// `routing.http.response.…` and the like.
    #[serde(default)]
    pub attributes: Attributes,
    /// In order of priority; the default comes last and has no condition.
    #[serde(default)]
    pub rules: Vec<Rule>,
}

/// What is done with the requests that match all conditions.
#[derive(Debug, serde::Deserialize)]
pub struct Rule {
    /// Lower comes first; `None` for the listener's default.
    pub priority: Option<u32>,
    /// Field (`path-pattern`, `http-request-method`, `host-header`) and the values, any of which matches.
    pub conditions: Vec<(String, Vec<String>)>,
    /// What is done.
    pub action: Action,
}

/// The actions that this stack uses; another one is an error, so that nothing is left out in silence.
#[derive(Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(
    tag = "kind",
    content = "config",
    rename_all = "kebab-case",
    rename_all_fields = "PascalCase"
)]
pub enum Action {
    /// To the target group with this ARN.
    Forward(String),
    /// An answer of the balancer's own.
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
    /// To another protocol and port, the rest as it was.
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

/// A number that is written as text; a redirect's status is `HTTP_301`.
fn number<'de, D: Deserializer<'de>, T: FromStr<Err: Display>>(from: D) -> Result<T, D::Error> {
    let text = String::deserialize(from)?;
    text.trim_start_matches("HTTP_").parse().map_err(D::Error::custom)
}

/// Where requests are forwarded to, and how a target's health is found.
#[derive(Debug, serde::Deserialize)]
pub struct TargetGroup {
    /// ARN.
    pub arn: String,
    /// Port of the targets.
    pub port: u16,
    /// Path of the health check.
    pub path: String,
    /// Codes that mean healthy: `200`, `200-299`, `200,202`.
    pub matcher: String,
    /// Seconds from one check to the next.
    pub interval: u64,
    /// Seconds that a check may take.
    pub timeout: u64,
    /// Good checks in a row until a target is healthy.
    pub healthy: u32,
    /// Bad checks in a row until a target is unhealthy.
    pub unhealthy: u32,
    /// `deregistration_delay.timeout_seconds` and the like.
    #[serde(default)]
    pub attributes: Attributes,
}

impl TargetGroup {
    /// Seconds that a deregistered target may finish its requests in.
    pub fn deregistration_delay(&self) -> anyhow::Result<u64> {
        let value = self.attributes.get("deregistration_delay.timeout_seconds");
        value
            .context("the target group has no deregistration delay")?
            .parse()
            .context("the deregistration delay is no number")
    }
}

/// Reads the only balancer there is.
pub async fn balancer(client: &Client) -> anyhow::Result<Balancer> {
    let query = "LoadBalancers[0].{arn: LoadBalancerArn, subnets: AvailabilityZones[].SubnetId}";
    let call = ["elbv2", "describe-load-balancers", "--query", query];
    let found: Balancer = client.call(&call).await.context("no load balancer was applied")?;
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
    // A rule with several actions, or with a condition of another kind, has no answer here: that is an error.
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
    fn an_action_that_is_not_known_is_an_error() {
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
