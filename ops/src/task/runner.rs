//! Starts a task and its containers, in the order of `dependsOn`.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use anyhow::{Context as _, bail};
use tokio::sync::watch;

use super::bundle::{Bundle, Shared};
use super::cgroup;
use super::container::{Launch, Sources};
use super::definition::{Container, TaskDefinition};
use super::health::{self, Watched};
use super::log::Log;
use super::network::TaskNetwork;
use super::running::{Running, Task, reached};
use super::secret;
use crate::aws::Client;

/// Names and values for the environment of one container.
type Secrets = Vec<(String, String)>;

/// The shared parts of all tasks of a rehearsal.
#[derive(Debug)]
pub struct Runner {
    /// The emulated AWS, for the runner itself.
    pub client: Client,
    /// SSM, for the injection of secrets by ECS. A drill makes it unavailable.
    pub ssm: Mutex<Client>,
    /// The sources of the images.
    pub sources: Sources,
    /// Scratch folder, with a folder for each container.
    pub folder: PathBuf,
    /// First address of the applied task subnet, and the VPC's router in it.
    pub subnet: (Ipv4Addr, Ipv4Addr),
    /// Variables for the AWS SDK in the tasks: endpoint and credentials.
    pub environment: Vec<(String, String)>,
    /// Control group that contains one with a memory limit for each task; `None` when this system does not allow it.
    pub cgroup: Option<PathBuf>,
    /// References of the pushed images, which can be pulled. This list replaces a registry.
    pub images: Mutex<BTreeSet<String>>,
    /// Number of the next task.
    pub next: AtomicU8,
    /// The reason why Fargate cannot place a task. A drill sets it.
    pub full: Mutex<Option<&'static str>>,
}

impl Runner {
    /// Adds an image to those that can be pulled.
    pub fn push(&self, image: &str) {
        self.images.lock().unwrap_or_else(PoisonError::into_inner).insert(image.to_owned());
    }

    fn has(&self, image: &str) -> bool {
        self.images.lock().unwrap_or_else(PoisonError::into_inner).contains(image)
    }

    /// Starts each container when its `dependsOn` conditions are true. On failure, all containers are stopped.
    pub async fn start(&self, definition: &TaskDefinition) -> anyhow::Result<Task> {
        if definition.network_mode.as_deref() != Some("awsvpc") {
            bail!("network mode {:?}: Fargate supports only awsvpc", definition.network_mode);
        }
        if let Some(reason) = *self.full.lock().unwrap_or_else(PoisonError::into_inner) {
            bail!("unable to place a task. Reason: {reason}");
        }
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let network = self.network(number).await.context("the task's network interface")?;
        let memory = definition.memory.as_ref().and_then(|m| m.parse().ok());
        let cgroup = self.cgroup.as_deref().zip(memory);
        let cgroup = cgroup.and_then(|(base, memory)| cgroup::task(base, number, memory));
        let definition = definition.clone();
        let mut task = Task { number, definition, network, cgroup, containers: Vec::new() };
        match self.start_containers(&mut task).await {
            Ok(()) => Ok(task),
            Err(error) => {
                let said: Vec<_> = task
                    .containers
                    .iter()
                    .map(|c| format!("{}: {}", c.launch.name(), c.log.tail(3)))
                    .collect();
                task.stop().await;
                Err(error.context(format!("task {number} did not start; {}", said.join("; "))))
            }
        }
    }

    async fn start_containers(&self, task: &mut Task) -> anyhow::Result<()> {
        let order = start_order(&task.definition)?;
        let mut secrets = self.pull(&task.definition, &order).await?;
        for container in order {
            for dependency in &container.depends_on {
                let other = task
                    .container(&dependency.container_name)
                    .context("the order is by dependency")?;
                reached(other, &dependency.condition).await.with_context(|| {
                    format!("{} waits for {}", container.name, dependency.container_name)
                })?;
            }
            let running = self
                .start_container(
                    task,
                    &container,
                    secrets.remove(&container.name).unwrap_or_default(),
                )
                .await
                .with_context(|| format!("container {}", container.name))?;
            task.containers.push(running);
        }
        Ok(())
    }

    /// Checks the images and gets the secrets of all containers, as ECS does before the first container starts.
    async fn pull(
        &self,
        definition: &TaskDefinition,
        containers: &[Container],
    ) -> anyhow::Result<BTreeMap<String, Secrets>> {
        let ssm = self.ssm.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut secrets = BTreeMap::new();
        for container in containers {
            if !self.has(&container.image) {
                bail!("CannotPullContainerError: {}: not found", container.image);
            }
            let values = secret::resolve(&self.client, &ssm, definition, container)
                .await
                .context("ResourceInitializationError: unable to pull secrets or registry auth")?;
            secrets.insert(container.name.clone(), values);
        }
        Ok(secrets)
    }

    async fn start_container(
        &self,
        task: &Task,
        container: &Container,
        secrets: Secrets,
    ) -> anyhow::Result<Running> {
        let mut launch = Launch::new(&task.definition, container, &self.sources, secrets)?;
        launch.environment.extend(self.environment.iter().cloned());
        let shared = Shared {
            number: task.number,
            network: &task.network.namespace,
            cgroup: task.cgroup.as_deref(),
            folder: &self.folder,
        };
        let bundle = Bundle::write(&launch, &shared).context("cannot write its bundle")?;
        let log = Log::to_file(
            &self.folder.join(format!("task-{}-{}.log", task.number, container.name)),
        )?;
        let started = Instant::now();
        // With its own process group, it gets no signal from Ctrl-C.
        let mut child = bundle.run().process_group(0).spawn().context("cannot start crun")?;
        log.follow(child.stdout.take().context("stdout is piped")?);
        log.follow(child.stderr.take().context("stderr is piped")?);
        let pid = bundle.started(&mut child).await?;
        let (ended, exit) = watch::channel(None);
        tokio::spawn(async move {
            ended.send_replace(child.wait().await.ok());
        });
        let watched = match &container.health_check {
            Some(check) => {
                let (bundle, argv) = (bundle.clone(), health::argv(check));
                health::watch(check, move || bundle.exec(&argv))
            }
            None => Watched::never(),
        };
        Ok(Running {
            launch,
            pid,
            bundle,
            log,
            health: watched.health,
            first_healthy: watched.first_healthy,
            exit,
            started,
        })
    }

    async fn network(&self, number: u8) -> anyhow::Result<TaskNetwork> {
        let (first, gateway) = self.subnet;
        let address = Ipv4Addr::from(u32::from(first) + u32::from(number));
        TaskNetwork::new(&format!("task{number}"), address, gateway).await
    }
}

/// The containers in an order in which each comes after those that it depends on.
fn start_order(definition: &TaskDefinition) -> anyhow::Result<Vec<Container>> {
    let mut waiting: Vec<_> = definition.container_definitions.clone();
    let mut order: Vec<Container> = Vec::new();
    while !waiting.is_empty() {
        let ready = waiting.iter().position(|c| {
            c.depends_on.iter().all(|d| order.iter().any(|o| o.name == d.container_name))
        });
        order.push(waiting.remove(
            ready.context("the containers depend on each other, or on one that does not exist")?,
        ));
    }
    Ok(order)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependent_container_starts_last() {
        let definition: TaskDefinition = serde_json::from_str(include_str!("sample.json")).unwrap();
        let names: Vec<_> = start_order(&definition).unwrap().into_iter().map(|c| c.name).collect();
        assert_eq!(names, ["api", "nginx"]);
    }

    #[test]
    fn unknown_dependency_is_an_error() {
        let mut definition: TaskDefinition =
            serde_json::from_str(include_str!("sample.json")).unwrap();
        definition.container_definitions[0].depends_on[0].container_name = "nobody".into();
        assert!(start_order(&definition).is_err());
    }
}
