//! ECS: the service and the task definition that it runs.

use anyhow::Context as _;
use serde::Deserialize;

use super::Client;
use crate::task::definition::TaskDefinition;

/// The attributes of a service that the rehearsal needs.
#[derive(Debug, Deserialize)]
pub struct Service {
    /// ARN of the service's task definition.
    pub task_definition: String,
    /// Desired number of tasks.
    pub desired_count: u64,
    /// Target group, container and port of each load balancer.
    pub load_balancers: Vec<(String, String, u64)>,
    /// Subnets of the tasks' network interfaces.
    pub subnets: Vec<String>,
}

/// ARNs of the only cluster and the only service.
pub async fn find_service(client: &Client) -> anyhow::Result<(String, String)> {
    let clusters = ["ecs", "list-clusters", "--query", "clusterArns[0]"];
    let cluster: String =
        client.call(&clusters).await.context("ECS has no cluster: apply the stack first")?;
    let services = ["ecs", "list-services", "--cluster", &cluster, "--query", "serviceArns[0]"];
    let service =
        client.call(&services).await.context("ECS has no service: apply the stack first")?;
    Ok((cluster, service))
}

/// One service.
pub async fn describe_service(
    client: &Client,
    cluster: &str,
    service: &str,
) -> anyhow::Result<Service> {
    let query = "services[0].{
        task_definition: taskDefinition,
        desired_count: desiredCount,
        load_balancers: loadBalancers[].[targetGroupArn, containerName, containerPort],
        subnets: networkConfiguration.awsvpcConfiguration.subnets
    }";
    let service = ["--cluster", cluster, "--services", service, "--query", query];
    client.call(&[&["ecs", "describe-services"], &service[..]].concat()).await
}

/// A task definition for the runner.
pub async fn describe_task_definition(
    client: &Client,
    arn: &str,
) -> anyhow::Result<TaskDefinition> {
    let definition = ["--task-definition", arn, "--query", "taskDefinition"];
    client.call(&[&["ecs", "describe-task-definition"], &definition[..]].concat()).await
}

/// The number of deployments that ECS lists for the service.
pub async fn count_deployments(
    client: &Client,
    cluster: &str,
    service: &str,
) -> anyhow::Result<usize> {
    let query = ["--query", "length(serviceDeployments)"];
    let names = ["--cluster", cluster, "--service", service];
    client.call(&[&["ecs", "list-service-deployments"], &names[..], &query].concat()).await
}
