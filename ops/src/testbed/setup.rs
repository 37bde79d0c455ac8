//! Starts the testbed: emulator, apply, balancer, runner, service.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU8;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Context as _;
use serde_json::{Map, Value, json};

use super::applying::Applying;
use super::certificate::{self, Certificate, HOST};
use super::emulator::{Emulator, REGION, free_port};
use super::report::Report;
use super::service::Service;
use super::{TestbedArgs, address};
use crate::aws::{Client, ecs, elb};
use crate::balancer::{Balancer, Place, config};
use crate::call::{self, Call};
use crate::task::container::Sources;
use crate::task::definition::TaskDefinition;
use crate::task::network;
use crate::task::runner::Runner;

/// Terraform variables of the service. The environment has the values of the example.
#[derive(Clone)]
pub struct Variables {
    /// Its entry of the variable `images`.
    pub images: Map<String, Value>,
    /// Its entry of the variable `services`.
    pub settings: Map<String, Value>,
}

impl Variables {
    /// Images of the service `name`, in a repository that does not exist.
    fn with_images_of(name: &str) -> Self {
        let image = |kind: &str, digit: &str| {
            let digest = digit.repeat(64);
            let registry = format!("123456789012.dkr.ecr.{REGION}.amazonaws.com");
            (kind.to_owned(), json!(format!("{registry}/{name}/{kind}@sha256:{digest}")))
        };
        Self {
            images: [image("api", "1"), image("nginx", "2")].into_iter().collect(),
            settings: Map::new(),
        }
    }
}

/// The applied stack with its running parts.
#[derive(Debug)]
pub struct Testbed {
    /// The emulated AWS.
    pub client: Client,
    pub(super) emulator: Arc<Emulator>,
    applying: Option<Applying>,
    /// The applied balancer.
    pub applied: elb::Balancer,
    /// The applied target group.
    pub group: elb::TargetGroup,
    /// The addresses of the emulated balancer.
    pub place: Place,
    /// The emulated balancer.
    pub balancer: Arc<Balancer>,
    /// Starts tasks.
    pub runner: Arc<Runner>,
    /// The service's tasks.
    pub service: Service,
    /// ARNs of cluster and service.
    pub names: (String, String),
    /// The certificate of the HTTPS listener.
    pub certificate: Certificate,
    /// The service's port.
    pub port: u16,
    /// The example call of the service.
    pub call: Call,
    /// Scratch folder with all logs.
    pub folder: PathBuf,
}

impl Testbed {
    /// Applies the stack, and starts balancer and runner; no task runs yet. Also returns the variables for later
    /// applies.
    pub async fn up(
        args: &TestbedArgs,
        folder: &Path,
        report: &mut Report,
    ) -> anyhow::Result<(Self, Variables)> {
        let document = call::document(&args.root, &args.service)?;
        let call = Call::from_document(&document)?;
        let mut variables = Variables::with_images_of(&document.service.name);
        let emulator = Emulator::start(args, folder).await?;
        let client = Client::new(&args.python, &emulator.address(), REGION);
        let certificate = certificate::make(folder, "listener", 30).await?;
        let certificate_arn = certificate::import(&client, &certificate).await?;
        report.note(&format!(
            "emulated AWS on {}, a self-signed certificate for {HOST} in its ACM",
            emulator.address()
        ));
        variables.settings.insert("certificate_arn".to_owned(), json!(certificate_arn));
        let emulator = Arc::new(emulator);
        let mut applying = Applying::start(&emulator, &variables);
        let names = applying.service_created(&client).await?;
        report.note(&format!(
            "Terraform has created the service after {:.1} s; ECS starts its tasks now, while Terraform still runs",
            applying.begun.elapsed().as_secs_f32()
        ));
        let service = ecs::describe_service(&client, &names.0, &names.1).await?;
        let (group_arn, _, port) =
            service.load_balancers.first().context("the service has no load balancer")?;
        let applied = elb::balancer(&client).await?;
        let group = elb::target_group(&client, group_arn).await?;

        let task_subnet =
            address::cidr(&client, service.subnets.first().context("the service has no subnet")?)
                .await?;
        let node_subnet =
            address::cidr(&client, applied.subnets.first().context("the balancer has no subnet")?)
                .await?;
        let place = place(&node_subnet, &task_subnet, &certificate, folder, &emulator).await?;
        let balancer = Arc::new(
            Balancer::start(
                &config::render(&applied, &group, &place)?,
                folder,
                &place.socket,
                Duration::from_secs(group.interval * u64::from(group.unhealthy)),
            )
            .await?,
        );
        let runner = Arc::new(Runner {
            client: client.clone(),
            ssm: Mutex::new(client.clone()),
            sources: Sources {
                root: args.root.canonicalize()?,
                service: args.service.clone(),
                name: document.service.name.clone(),
                binaries: args.binaries.canonicalize().context("the release builds")?,
            },
            folder: folder.to_owned(),
            subnet: (address::in_subnet(&task_subnet, 10)?, address::in_subnet(&task_subnet, 1)?),
            environment: environment(&place),
            cgroup: args.cgroup.clone(),
            images: Mutex::default(),
            next: AtomicU8::new(1),
            full: Mutex::default(),
        });
        for container in &ecs::describe_task_definition(&client, &service.task_definition)
            .await?
            .container_definitions
        {
            runner.push(&container.image);
        }
        let service = Service::new(
            runner.clone(),
            balancer.clone(),
            u16::try_from(*port)?,
            usize::try_from(service.desired_count)?,
            Duration::from_secs(group.deregistration_delay()?),
        );
        let testbed = Self {
            client,
            emulator,
            applying: Some(applying),
            applied,
            group,
            place,
            balancer,
            runner,
            service,
            names,
            certificate,
            port: document.service.port,
            call,
            folder: folder.to_owned(),
        };
        Ok((testbed, variables))
    }

    /// Waits until the running apply has ended. Returns its summary. An error when no apply runs.
    pub async fn applied(&mut self) -> anyhow::Result<String> {
        self.applying.take().context("no apply is running")?.end().await
    }

    /// The applied resources, as the JSON of a plan without changes.
    pub async fn plan_json(&self) -> anyhow::Result<String> {
        self.emulator.plan_json().await
    }

    /// Starts `terraform apply` again, and waits until the service has a new task definition. From then on, ECS deploys
    /// it and Terraform waits for the end of the deployment.
    pub async fn apply(&mut self, variables: &Variables) -> anyhow::Result<TaskDefinition> {
        if let Some(applying) = self.applying.take() {
            applying.end().await?;
        }
        let before = self.definition().await?.task_definition_arn;
        let mut applying = Applying::start(&self.emulator, variables);
        loop {
            let had_ended = applying.has_ended();
            let now = self.definition().await?;
            if now.task_definition_arn != before {
                self.applying = Some(applying);
                return Ok(now);
            }
            applying.go_on(had_ended).await.context("the service has no new task definition")?;
        }
    }

    /// The current task definition of the service in ECS.
    pub async fn definition(&self) -> anyhow::Result<TaskDefinition> {
        let service = ecs::describe_service(&self.client, &self.names.0, &self.names.1).await?;
        ecs::describe_task_definition(&self.client, &service.task_definition).await
    }

    /// Address of the service listener for tools without TLS.
    #[must_use]
    pub fn tunnel(&self) -> SocketAddrV4 {
        self.place.tunnel
    }
}

async fn place(
    node_subnet: &str,
    task_subnet: &str,
    certificate: &Certificate,
    folder: &Path,
    emulator: &Emulator,
) -> anyhow::Result<Place> {
    let endpoint = SocketAddrV4::new(address::in_subnet(task_subnet, 5)?, 4566);
    let place = Place {
        node: address::in_subnet(node_subnet, 10)?,
        certificate: certificate.pem.clone(),
        socket: folder.join("balancer.sock"),
        tunnel: SocketAddrV4::new(Ipv4Addr::LOCALHOST, free_port()?),
        endpoint: (endpoint, emulator.address()),
        credentials: SocketAddrV4::new(Ipv4Addr::new(169, 254, 170, 2), 80),
    };
    for address in [place.node, *place.credentials.ip(), *endpoint.ip()] {
        network::add_local_address(address).await?;
    }
    Ok(place)
}

/// The variables that Fargate's agent adds to every container, and the endpoint of the emulator.
fn environment(place: &Place) -> Vec<(String, String)> {
    [
        ("AWS_EXECUTION_ENV", "AWS_ECS_FARGATE".to_owned()),
        ("AWS_ENDPOINT_URL", format!("http://{}", place.endpoint.0)),
        ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/task".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec()
}
