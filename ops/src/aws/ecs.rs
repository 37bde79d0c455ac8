//! ECS: the service and the task definition that it runs.

use anyhow::Context as _;
use serde_json::{Value, json};

use super::Client;
use crate::task::definition::TaskDefinition;

const PREFIX: &str = "AmazonEC2ContainerServiceV20141113";

/// What the rehearsal needs to know of a service.
#[derive(Debug)]
pub struct Service {
    /// ARN of the task definition that the service shall run.
    pub task_definition: String,
    /// Number of tasks asked for.
    pub desired_count: u64,
    /// Seconds after a task's start in which failed balancer checks are forgiven.
    pub health_check_grace_period: u64,
    /// `minimumHealthyPercent` of a deployment.
    pub minimum_healthy_percent: u64,
    /// Whether the deployment circuit breaker is on, and whether it rolls back.
    pub circuit_breaker: (bool, bool),
    /// Target group, container and port of each load balancer.
    pub load_balancers: Vec<(String, String, u64)>,
    /// Subnets of the tasks' network interfaces.
    pub subnets: Vec<String>,
}

/// Cluster and service names of the only service there is.
pub async fn find_service(client: &Client) -> anyhow::Result<(String, String)> {
    let clusters = client.json("ecs", &format!("{PREFIX}.ListClusters"), &json!({})).await?;
    let cluster =
        clusters["clusterArns"][0].as_str().context("no ECS cluster was applied")?.to_owned();
    let services = client
        .json("ecs", &format!("{PREFIX}.ListServices"), &json!({ "cluster": cluster }))
        .await?;
    let service =
        services["serviceArns"][0].as_str().context("no ECS service was applied")?.to_owned();
    Ok((cluster, service))
}

/// `DescribeServices` for one service.
pub async fn describe_service(
    client: &Client,
    cluster: &str,
    service: &str,
) -> anyhow::Result<Service> {
    let answer = client
        .json(
            "ecs",
            &format!("{PREFIX}.DescribeServices"),
            &json!({ "cluster": cluster, "services": [service] }),
        )
        .await?;
    let found = &answer["services"][0];
    let strings = |value: &Value| -> Vec<String> {
        value
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect()
    };
    let breaker = &found["deploymentConfiguration"]["deploymentCircuitBreaker"];
    Ok(Service {
        task_definition: found["taskDefinition"]
            .as_str()
            .context("the service names no task definition")?
            .to_owned(),
        desired_count: found["desiredCount"]
            .as_u64()
            .context("the service has no desired count")?,
        health_check_grace_period: found["healthCheckGracePeriodSeconds"].as_u64().unwrap_or(0),
        minimum_healthy_percent: found["deploymentConfiguration"]["minimumHealthyPercent"]
            .as_u64()
            .unwrap_or(100),
        circuit_breaker: (
            breaker["enable"].as_bool().unwrap_or(false),
            breaker["rollback"].as_bool().unwrap_or(false),
        ),
        load_balancers: found["loadBalancers"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|b| {
                Some((
                    b["targetGroupArn"].as_str()?.to_owned(),
                    b["containerName"].as_str()?.to_owned(),
                    b["containerPort"].as_u64()?,
                ))
            })
            .collect(),
        subnets: strings(&found["networkConfiguration"]["awsvpcConfiguration"]["subnets"]),
    })
}

/// `DescribeTaskDefinition`, as the runner reads it.
pub async fn describe_task_definition(
    client: &Client,
    arn: &str,
) -> anyhow::Result<TaskDefinition> {
    let mut answer = client
        .json("ecs", &format!("{PREFIX}.DescribeTaskDefinition"), &json!({ "taskDefinition": arn }))
        .await?;
    serde_json::from_value(answer["taskDefinition"].take())
        .with_context(|| format!("{arn} is not a task definition that the runner understands"))
}
