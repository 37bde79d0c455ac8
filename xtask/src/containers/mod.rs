//! Builds both images of a service, checks each against docs/containers.md, and runs the black-box tests against the
//! composed stack.
//!
//! The command uses a running Docker engine. If there is none and the user is root, it starts one and stops it at the
//! end. If the public base images cannot be pulled, it builds stand-ins and prints a message.

mod engine;
mod image;
mod names;
mod service;
mod stack;
mod stand_in;

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, ensure};

use crate::checks::Checks;
use crate::cleanup::Cleanup;
use crate::command::{output, passes, said};
use engine::Engine;
use service::Service;

const DOCKERFILES: [&str; 2] = ["services/Dockerfile", "services/nginx/Dockerfile"];
const REVISION: &str = "the-tested-commit";
const KEY: &str = "CHANGEME";
const UNPULLABLE: &str =
    "the public base images cannot be pulled and their stand-ins cannot be built";

/// Arguments of the command.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The service's folder below services/
    #[arg(long, env = "SERVICE")]
    service: String,
}

/// Runs the command. Returns whether all checks passed.
pub fn run(root: &Path, args: &Args) -> anyhow::Result<bool> {
    let service = Service::read(root, &args.service)?;
    let folder = root.join(".run/containers");
    fs::create_dir_all(&folder)?;
    let checks = Checks::default();
    match Engine::find(root, &folder) {
        Ok(engine) => Run::new(root, folder, service, engine)?.run(&checks)?,
        Err(reason) => checks.skip(&format!("containers: {reason:#}"), 1),
    }
    Ok(checks.finish())
}

/// One run with its own names and ports, so it does not disturb other stacks of the user.
struct Run {
    root: PathBuf,
    folder: PathBuf,
    service: Service,
    engine: Engine,
    project: String,
    api: String,
    nginx: String,
    /// Free ports for the service and the sidecar: the ports of the document can be in use.
    ports: [u16; 2],
}

/// The base images.
struct Bases {
    rust: String,
    nginx: String,
    stand_ins: bool,
}

impl Run {
    fn new(root: &Path, folder: PathBuf, service: Service, engine: Engine) -> anyhow::Result<Self> {
        let listeners = [0; 2].map(|any| TcpListener::bind(("127.0.0.1", any)));
        let [api, sidecar] =
            listeners.map(|listener| Ok::<_, std::io::Error>(listener?.local_addr()?.port()));
        let project = format!("{}-test", service.name);
        let [api_image, nginx_image] = ["api", "nginx"].map(|name| format!("{project}-{name}"));
        Ok(Self {
            root: root.to_owned(),
            folder,
            service,
            engine,
            project,
            api: api_image,
            nginx: nginx_image,
            ports: [api?, sidecar?],
        })
    }

    fn run(mut self, checks: &Checks) -> anyhow::Result<()> {
        let cleanup = self.cleanup()?;
        let outcome = match self.engine.wait() {
            Ok(()) => self.test(checks),
            Err(reason) => {
                checks.skip(&format!("containers: {reason:#}"), 1);
                Ok(())
            }
        };
        drop(cleanup);
        outcome
    }

    fn test(&self, checks: &Checks) -> anyhow::Result<()> {
        let Some(bases) = self.bases()? else {
            checks.skip(&format!("containers: {UNPULLABLE}"), 1);
            return Ok(());
        };
        fs::write(self.override_file(), self.override_text(&bases)).context("override.yaml")?;
        self.check_sources(checks)?;
        if self.up(checks)? {
            image::check(self, &bases, checks)?;
            names::check(self, checks);
            stack::check(self, checks)?;
        }
        Ok(())
    }

    /// Removes everything that this command started.
    fn cleanup(&self) -> anyhow::Result<Cleanup> {
        let (compose, project) = (self.compose_line(), &self.project);
        let line = format!(
            "{compose} down --volumes --remove-orphans --timeout 5; docker rm -f {project}-caller {project}-ssm; \
             docker network rm {project}; {}",
            self.engine.stop()
        );
        Cleanup::new(&line, |mut shell| {
            shell.current_dir(&self.root).envs(self.port_variables());
            self.engine.connect(shell)
        })
    }

    fn override_file(&self) -> PathBuf {
        self.folder.join("override.yaml")
    }

    /// The test images have their own names, so images built on stand-ins never replace real ones. The service has the
    /// limits of the black-box tests.
    fn override_text(&self, bases: &Bases) -> String {
        let (service, network) = (&self.service.folder, self.engine.build_network());
        let (rust, base, environment) = (&bases.rust, &bases.nginx, &self.service.environment);
        format!(
            "services:\n\
             \x20 {service}:\n\
             \x20   image: {}\n\
             \x20   build: {{ network: {network}, args: {{ RUST_IMAGE: {rust}, SERVICE_REVISION: {REVISION} }} }}\n\
             \x20   environment: {environment}\n\
             \x20 {service}-nginx:\n\
             \x20   image: {}\n\
             \x20   build: {{ network: {network}, args: {{ RUST_IMAGE: {rust}, NGINX_IMAGE: {base} }} }}\n",
            self.api, self.nginx
        )
    }

    fn compose_line(&self) -> String {
        let (compose, project) = (self.engine.compose(), &self.project);
        format!(
            "{compose} --project-name {project} --file docker-compose.yaml --file .run/containers/override.yaml"
        )
    }

    fn port_variables(&self) -> [(&'static str, String); 2] {
        let [api, sidecar] = self.ports.map(|port| port.to_string());
        [("API_PORT", api), ("SIDECAR_PORT", sidecar)]
    }

    /// A docker-compose command for the documented stack of this service.
    fn compose(&self, line: &str) -> std::process::Command {
        let mut compose = self.engine.command(&format!("{} {line}", self.compose_line()));
        compose.current_dir(&self.root).envs(self.port_variables());
        compose
    }

    /// The public images, otherwise their stand-ins. `None` if both are unavailable.
    fn bases(&self) -> anyhow::Result<Option<Bases>> {
        let dockerfile = fs::read_to_string(self.root.join(DOCKERFILES[1]))?;
        let official = ["official-rust", "official-nginx"];
        let images = official.map(|stage| base_of(&dockerfile, stage));
        let can_be_pulled = |image: Option<&str>| {
            image.is_some_and(|image| {
                self.engine.docker("image inspect", &[image]).is_ok()
                    || output(self.engine.command("timeout 180 docker pull --quiet").arg(image))
                        .is_ok()
            })
        };
        if images.into_iter().all(can_be_pulled) {
            let [rust, nginx] = official.map(str::to_owned);
            return Ok(Some(Bases { rust, nginx, stand_ins: false }));
        }
        println!("the public base images cannot be pulled here: building on stand-ins");
        match stand_in::build(&self.engine, &self.rust_release()?, &self.folder) {
            Ok([rust, nginx]) => Ok(Some(Bases { rust, nginx, stand_ins: true })),
            Err(error) => {
                println!("{error:#}");
                Ok(None)
            }
        }
    }

    /// The release of rust-toolchain.toml.
    fn rust_release(&self) -> anyhow::Result<String> {
        let text = fs::read_to_string(self.root.join("rust-toolchain.toml"))?;
        let channel =
            text.lines().find_map(|line| line.strip_prefix("channel = \"")?.strip_suffix('"'));
        channel.map(str::to_owned).context("rust-toolchain.toml: no channel")
    }

    fn check_sources(&self, checks: &Checks) -> anyhow::Result<()> {
        let version = output(
            &mut self.engine.command(&format!("{} version --short", self.engine.compose())),
        )?;
        let line = format!("{} --file docker-compose.yaml config --quiet", self.engine.compose());
        checks.check(format!("docker-compose.yaml is valid for {}", version.trim()), || {
            said(self.engine.command(&line).current_dir(&self.root))
        });
        let expected = format!("rust:{}-slim-bookworm", self.rust_release()?);
        for file in DOCKERFILES {
            let text = fs::read_to_string(self.root.join(file))?;
            checks.check(
                format!("the builder of {file} has the release of rust-toolchain.toml"),
                || {
                    let base = base_of(&text, "official-rust").context("no stage official-rust")?;
                    let tag = base.split_once("@sha256:").map_or(base, |(tag, _)| tag);
                    ensure!(tag == expected, "expected {expected}, found {tag}");
                    Ok(())
                },
            );
        }
        Ok(())
    }

    /// Builds and starts the stack. Returns whether it started.
    fn up(&self, checks: &Checks) -> anyhow::Result<bool> {
        let started = Instant::now();
        let path = self.folder.join("log");
        let log = File::create(&path)?;
        let line = format!(
            "timeout 1800 {} up --detach --build {}-nginx",
            self.compose_line(),
            self.service.folder
        );
        let mut up = self.engine.command(&line);
        let up = passes(up.current_dir(&self.root).envs(self.port_variables()), &log)?;
        if up {
            let seconds = started.elapsed().as_secs();
            checks.pass(&format!("docker-compose up -d --build ({seconds} s)"), 1);
        } else {
            checks.fail("docker-compose up -d --build", &fs::read_to_string(path)?);
        }
        Ok(up)
    }
}

/// The image in the line `FROM IMAGE AS STAGE` of a Dockerfile.
fn base_of<'a>(dockerfile: &'a str, stage: &str) -> Option<&'a str> {
    dockerfile.lines().find_map(|line| match line.split(' ').collect::<Vec<_>>()[..] {
        ["FROM", image, "AS", name] if name == stage => Some(image),
        _ => None,
    })
}
