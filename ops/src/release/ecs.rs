//! ECS's record of a service: its current images and its earlier deployments.
//!
//! The record reaches 90 days back. A rollback by ECS adds no entry: the failed deployment has the status `ROLLBACK_…`.
//!
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-deployment.html>

use std::collections::HashMap;

use anyhow::Context as _;
use serde::Deserialize;
use serde_json::Value;

use super::history::{Deployment, Outcome};
use super::images::Images;
use crate::aws;

/// Maximum number of revisions in one call of `DescribeServiceRevisions`.
const REVISIONS_PER_CALL: usize = 20;

/// The names of a service, from the output `services` of terraform/.
#[derive(Debug, clap::Args)]
pub(crate) struct Service {
    /// Name of the ECS cluster
    #[arg(long)]
    cluster: String,
    /// Name of the ECS service
    #[arg(long)]
    service: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Services {
    services: Vec<Described>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Described {
    status: String,
    task_definition: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Deployments {
    service_deployments: Vec<Brief>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Brief {
    status: String,
    created_at: Value,
    target_service_revision_arn: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Revisions {
    service_revisions: Vec<Revision>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Revision {
    service_revision_arn: String,
    task_definition: String,
    #[serde(default)]
    container_images: Vec<Container>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TaskDefinition {
    task_definition: Containers,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Containers {
    container_definitions: Vec<Container>,
}

#[derive(Deserialize)]
struct Container {
    /// In a revision its name is `containerName`.
    #[serde(alias = "containerName")]
    name: String,
    image: String,
}

impl Service {
    /// The service of this name in a cluster.
    pub(crate) fn new(cluster: &str, service: &str) -> Self {
        Self { cluster: cluster.to_owned(), service: service.to_owned() }
    }

    /// The images that the service runs, or runs after its current deployment; `None` when there is no service.
    pub(crate) fn running(&self) -> anyhow::Result<Option<Images>> {
        let answer: Services = self.call("describe-services", "--services", &[])?;
        let Some(service) = answer.services.into_iter().find(|s| s.status == "ACTIVE") else {
            return Ok(None);
        };
        images_of_task_definition(&service.task_definition).map(Some)
    }

    /// The deployments of the service, oldest first.
    ///
    /// It leaves out an old deployment with an image that is not named by digest: nobody can roll back to it.
    pub(crate) fn history(&self) -> anyhow::Result<Vec<Deployment>> {
        let mut briefs = self.briefs()?;
        briefs.sort_by_cached_key(|brief| sortable(&brief.created_at));
        let mut revisions = HashMap::new();
        for chunk in briefs.chunks(REVISIONS_PER_CALL) {
            let mut arguments =
                vec!["ecs", "describe-service-revisions", "--service-revision-arns"];
            arguments.extend(chunk.iter().map(|b| b.target_service_revision_arn.as_str()));
            let answer: Revisions = aws::call(&arguments)?;
            revisions.extend(
                answer.service_revisions.into_iter().map(|r| (r.service_revision_arn.clone(), r)),
            );
        }
        let newest = briefs.len().saturating_sub(1);
        let mut history = Vec::new();
        for (number, brief) in briefs.iter().enumerate() {
            let revision = revisions.get(&brief.target_service_revision_arn);
            match revision.context("ECS returned no service revision for it").and_then(images) {
                Ok(images) => history.push(Deployment {
                    images,
                    outcome: Outcome::from_status(&brief.status),
                    began: text(&brief.created_at),
                }),
                Err(error) if number == newest => {
                    return Err(error.context("the images of the newest deployment"));
                }
                Err(error) => eprintln!("{}: left out: {error:#}", text(&brief.created_at)),
            }
        }
        Ok(history)
    }

    fn briefs(&self) -> anyhow::Result<Vec<Brief>> {
        let mut found = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let next = token.as_deref().map_or_else(Vec::new, |t| vec!["--next-token", t]);
            let page: Deployments = self.call("list-service-deployments", "--service", &next)?;
            found.extend(page.service_deployments);
            token = page.next_token;
            if token.is_none() {
                return Ok(found);
            }
        }
    }

    fn call<T: serde::de::DeserializeOwned>(
        &self,
        operation: &str,
        name: &str,
        more: &[&str],
    ) -> anyhow::Result<T> {
        let own = ["ecs", operation, "--cluster", &self.cluster, name, &self.service];
        aws::call(&[&own, more].concat())
    }
}

/// A time as the AWS CLI prints it: version 1 in seconds since 1970, version 2 as ISO 8601.
fn text(time: &Value) -> String {
    time.as_str().map_or_else(|| time.to_string(), str::to_owned)
}

/// A time as text that sorts.
fn sortable(time: &Value) -> String {
    time.as_f64().map_or_else(|| text(time), |seconds| format!("{seconds:020.6}"))
}

fn images(revision: &Revision) -> anyhow::Result<Images> {
    images_of(&revision.container_images)
        .or_else(|_| images_of_task_definition(&revision.task_definition))
}

fn images_of_task_definition(name: &str) -> anyhow::Result<Images> {
    let answer: TaskDefinition =
        aws::call(&["ecs", "describe-task-definition", "--task-definition", name])?;
    images_of(&answer.task_definition.container_definitions).with_context(|| name.to_owned())
}

fn images_of(containers: &[Container]) -> anyhow::Result<Images> {
    Images::from_containers(containers.iter().map(|c| (c.name.as_str(), c.image.as_str())))
}

#[cfg(test)]
mod tests {
    use super::sortable;
    use serde_json::json;

    #[test]
    fn times_of_both_cli_versions_sort() {
        let sorted = |times: [serde_json::Value; 3]| {
            let texts: Vec<_> = times.iter().map(sortable).collect();
            texts.is_sorted()
        };
        assert!(sorted([json!(999_999_999.5), json!(1_764_000_000), json!(1_764_000_000.25)]));
        assert!(sorted([
            json!("2026-11-21T09:00:00+00:00"),
            json!("2026-11-21T09:00:00.100000+00:00"),
            json!("2026-11-21T10:00:00+00:00")
        ]));
    }
}
