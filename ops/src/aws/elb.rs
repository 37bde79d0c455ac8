//! Elastic Load Balancing: the applied balancer, its listeners, rules and target group.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail};
use roxmltree::Node;

use super::{Client, xml};

const VERSION: &str = "2015-12-01";

/// The balancer and everything that hangs on it.
#[derive(Debug)]
pub struct Balancer {
    /// ARN.
    pub arn: String,
    /// Name that callers resolve.
    pub dns_name: String,
    /// Subnets that its nodes stand in.
    pub subnets: Vec<String>,
    /// `idle_timeout.timeout_seconds` and the like.
    pub attributes: BTreeMap<String, String>,
    /// In order of their ports.
    pub listeners: Vec<Listener>,
}

/// A port of the balancer.
#[derive(Debug)]
pub struct Listener {
    /// Port.
    pub port: u16,
    /// `HTTP` or `HTTPS`.
    pub protocol: String,
    /// `routing.http.response.…` and the like; empty where the emulator keeps none.
    pub attributes: BTreeMap<String, String>,
    /// In order of priority; the default comes last and has no condition.
    pub rules: Vec<Rule>,
}

/// What is done with the requests that match all conditions.
#[derive(Debug)]
pub struct Rule {
    /// Lower comes first; `None` for the listener's default.
    pub priority: Option<u32>,
    /// Field (`path-pattern`, `http-request-method`, `host-header`) and the values, any of which matches.
    pub conditions: Vec<(String, Vec<String>)>,
    /// What is done.
    pub action: Action,
}

/// The actions that this stack uses; another one is an error, so that nothing is left out in silence.
#[derive(Debug, PartialEq, Eq)]
pub enum Action {
    /// To the target group with this ARN.
    Forward(String),
    /// An answer of the balancer's own.
    Fixed {
        /// Status.
        status: u16,
        /// Media type.
        content_type: String,
        /// Body.
        body: String,
    },
    /// To another protocol and port, the rest as it was.
    Redirect {
        /// `HTTP_301` or `HTTP_302`.
        status: u16,
        /// Scheme in lower case.
        protocol: String,
        /// Port.
        port: u16,
    },
}

/// Where requests are forwarded to, and how a target's health is found.
#[derive(Debug)]
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
    pub attributes: BTreeMap<String, String>,
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
    let answer = call(client, "DescribeLoadBalancers", &[]).await?;
    let document = xml::parse(&answer, "DescribeLoadBalancers")?;
    let found =
        *xml::list(&document, "LoadBalancers").first().context("no load balancer was applied")?;
    let arn = xml::required(found, "LoadBalancerArn")?;
    let subnets = xml::members(found, "AvailabilityZones")
        .iter()
        .filter_map(|z| xml::text(*z, "SubnetId"))
        .collect();
    let attributes =
        attributes(client, "DescribeLoadBalancerAttributes", "LoadBalancerArn", &arn).await?;
    Ok(Balancer {
        dns_name: xml::required(found, "DNSName")?,
        subnets,
        attributes,
        listeners: listeners(client, &arn).await?,
        arn,
    })
}

async fn listeners(client: &Client, balancer: &str) -> anyhow::Result<Vec<Listener>> {
    let answer = call(client, "DescribeListeners", &[("LoadBalancerArn", balancer)]).await?;
    let document = xml::parse(&answer, "DescribeListeners")?;
    let mut listeners = Vec::new();
    for member in xml::list(&document, "Listeners") {
        let arn = xml::required(member, "ListenerArn")?;
        listeners.push(Listener {
            port: xml::required(member, "Port")?.parse().context("a listener's port")?,
            protocol: xml::required(member, "Protocol")?,
            attributes: attributes(client, "DescribeListenerAttributes", "ListenerArn", &arn)
                .await
                .unwrap_or_default(),
            rules: rules(client, &arn).await?,
        });
    }
    listeners.sort_by_key(|l| l.port);
    Ok(listeners)
}

async fn rules(client: &Client, listener: &str) -> anyhow::Result<Vec<Rule>> {
    let answer = call(client, "DescribeRules", &[("ListenerArn", listener)]).await?;
    let document = xml::parse(&answer, "DescribeRules")?;
    let mut rules =
        xml::list(&document, "Rules").into_iter().map(rule).collect::<anyhow::Result<Vec<_>>>()?;
    rules.sort_by_key(|r| r.priority.unwrap_or(u32::MAX));
    Ok(rules)
}

fn rule(node: Node<'_, '_>) -> anyhow::Result<Rule> {
    let conditions = xml::members(node, "Conditions")
        .into_iter()
        .map(condition)
        .collect::<anyhow::Result<_>>()?;
    let actions = xml::members(node, "Actions");
    let [only] = actions[..] else { bail!("a rule with {} actions, expected one", actions.len()) };
    Ok(Rule {
        priority: xml::required(node, "Priority")?.parse().ok(),
        conditions,
        action: action(only)?,
    })
}

fn condition(node: Node<'_, '_>) -> anyhow::Result<(String, Vec<String>)> {
    let field = xml::required(node, "Field")?;
    let config = match field.as_str() {
        "path-pattern" => "PathPatternConfig",
        "http-request-method" => "HttpRequestMethodConfig",
        "host-header" => "HostHeaderConfig",
        other => bail!("the stand-in does not know the condition {other}"),
    };
    let mut values = xml::child(node, config).map_or_else(Vec::new, |c| xml::texts(c, "Values"));
    if values.is_empty() {
        values = xml::texts(node, "Values");
    }
    Ok((field, values))
}

fn action(node: Node<'_, '_>) -> anyhow::Result<Action> {
    Ok(match xml::required(node, "Type")?.as_str() {
        "forward" => Action::Forward(
            xml::text(node, "TargetGroupArn")
                .or_else(|| xml::find(node, "TargetGroupArn")?.text().map(str::to_owned))
                .context("a forward without target group")?,
        ),
        "fixed-response" => {
            let config = xml::child(node, "FixedResponseConfig")
                .context("a fixed response without configuration")?;
            Action::Fixed {
                status: xml::required(config, "StatusCode")?
                    .parse()
                    .context("a fixed response's status")?,
                content_type: xml::text(config, "ContentType").unwrap_or_default(),
                body: xml::text(config, "MessageBody").unwrap_or_default(),
            }
        }
        "redirect" => {
            let config =
                xml::child(node, "RedirectConfig").context("a redirect without configuration")?;
            Action::Redirect {
                status: xml::required(config, "StatusCode")?
                    .trim_start_matches("HTTP_")
                    .parse()
                    .context("a redirect's status")?,
                protocol: xml::required(config, "Protocol")?.to_lowercase(),
                port: xml::required(config, "Port")?.parse().context("a redirect's port")?,
            }
        }
        other => bail!("the stand-in does not know the action {other}"),
    })
}

/// Reads the target group with this ARN.
pub async fn target_group(client: &Client, arn: &str) -> anyhow::Result<TargetGroup> {
    let answer = call(client, "DescribeTargetGroups", &[("TargetGroupArns.member.1", arn)]).await?;
    let document = xml::parse(&answer, "DescribeTargetGroups")?;
    let found = *xml::list(&document, "TargetGroups").first().context("no such target group")?;
    let number = |name: &str| -> anyhow::Result<u64> {
        xml::required(found, name)?.parse().with_context(|| name.to_owned())
    };
    let small = |name: &str| -> anyhow::Result<u32> {
        xml::required(found, name)?.parse().with_context(|| name.to_owned())
    };
    Ok(TargetGroup {
        arn: arn.to_owned(),
        port: xml::required(found, "Port")?.parse().context("a target group's port")?,
        path: xml::required(found, "HealthCheckPath")?,
        matcher: xml::find(found, "HttpCode").and_then(|n| n.text()).unwrap_or("200").to_owned(),
        interval: number("HealthCheckIntervalSeconds")?,
        timeout: number("HealthCheckTimeoutSeconds")?,
        healthy: small("HealthyThresholdCount")?,
        unhealthy: small("UnhealthyThresholdCount")?,
        attributes: attributes(client, "DescribeTargetGroupAttributes", "TargetGroupArn", arn)
            .await?,
    })
}

async fn attributes(
    client: &Client,
    call_name: &str,
    key: &str,
    arn: &str,
) -> anyhow::Result<BTreeMap<String, String>> {
    let answer = call(client, call_name, &[(key, arn)]).await?;
    let document = xml::parse(&answer, call_name)?;
    xml::list(&document, "Attributes")
        .into_iter()
        .map(|m| Ok((xml::required(m, "Key")?, xml::text(m, "Value").unwrap_or_default())))
        .collect()
}

async fn call(
    client: &Client,
    action: &str,
    parameters: &[(&str, &str)],
) -> anyhow::Result<String> {
    client.query("elasticloadbalancing", VERSION, action, parameters).await
}
