//! A Docker engine: a running one, or one that this command starts and stops.
//!
//! An engine that this command starts does not change the machine's network: no docker0, no firewall rule, no change of
//! forwarding. Docker's userland proxy publishes the ports, and builds use the network of the machine.

use std::env;
use std::ffi::OsString;
use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};

use crate::command::{command, from_line, is_installed, output, search_path, tail};
use crate::packages;

const FLAGS: &str = "--bridge=none --iptables=false --ip6tables=false --ip-forward=false";
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// An engine and its clients.
pub(super) struct Engine {
    folder: PathBuf,
    path: OsString,
    /// The socket of an engine that this command started.
    host: Option<String>,
    compose: &'static str,
    process: Option<Child>,
}

impl Engine {
    /// Finds a running engine, or starts one, which [`Self::wait`] waits for. The error states why there is none.
    pub(super) fn find(root: &Path, folder: &Path) -> anyhow::Result<Self> {
        let path = search_path(root);
        let mut engine =
            Self { folder: folder.to_owned(), path, host: None, compose: "", process: None };
        let answers = output(&mut engine.command("docker info")).is_ok();
        if !answers {
            let user = output(&mut from_line("id -u"))?;
            ensure!(user.trim() == "0", "no Docker engine answers, and only root can start one");
            packages::install(root, &["dockerd", "debootstrap"])?;
            packages::install(root, &["docker"])?;
        }
        if engine.find_compose().is_none() {
            packages::install(root, &["docker-compose"])?;
        }
        let compose = engine.find_compose();
        engine.compose = compose.context("neither docker-compose nor docker compose answers")?;
        engine.choose_client()?;
        if !answers {
            engine.start()?;
        }
        Ok(engine)
    }

    /// Finds `docker-compose` (1.29 or 2), otherwise the plugin.
    fn find_compose(&self) -> Option<&'static str> {
        let answers = |line: &&str| output(&mut self.command(&format!("{line} version"))).is_ok();
        ["docker-compose", "docker compose"].into_iter().find(answers)
    }

    /// Puts the first client that can use `BuildKit` first on the path, so that docker-compose 1.29 also uses it.
    /// Clients up to 20.10 contain `BuildKit`. Later clients need the plugin buildx.
    fn choose_client(&mut self) -> anyhow::Result<()> {
        let can_build = |client: &PathBuf| {
            let major = output(command(client).arg("--version")).ok().and_then(|version| {
                version.strip_prefix("Docker version ")?.split('.').next()?.parse::<u32>().ok()
            });
            let buildx = || output(command(client).args(["buildx", "version"])).is_ok();
            major.is_some_and(|major| major < 23 || buildx())
        };
        let clients = env::split_paths(&self.path).map(|folder| folder.join("docker"));
        let client = clients.filter(|client| client.is_file()).find(can_build);
        let client = client.context("no docker client can use BuildKit: install docker-buildx")?;
        let folder = self.folder.join("bin");
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder)?;
        symlink(client, folder.join("docker"))?;
        let folders = std::iter::once(folder).chain(env::split_paths(&self.path));
        self.path = env::join_paths(folders)?;
        Ok(())
    }

    fn start(&mut self) -> anyhow::Result<()> {
        let socket = format!("unix://{}", self.folder.join("docker.sock").display());
        let _ = fs::remove_file(self.pid_file());
        let log = File::create(self.log())?;
        let mut dockerd = self.command("dockerd");
        dockerd.args(FLAGS.split(' ')).args(["--host", &socket, "--pidfile"]).arg(self.pid_file());
        // Ctrl-C must not end the engine before the containers are removed.
        dockerd.process_group(0).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        self.process = Some(dockerd.spawn().context("dockerd")?);
        self.host = Some(socket);
        Ok(())
    }

    /// Waits until an engine that this command started answers.
    pub(super) fn wait(&mut self) -> anyhow::Result<()> {
        let started = Instant::now();
        while output(&mut self.command("docker info")).is_err() {
            let ended = match &mut self.process {
                Some(process) => process.try_wait()?.is_some(),
                None => true,
            };
            if ended || started.elapsed() > START_TIMEOUT {
                let log = fs::read_to_string(self.log()).unwrap_or_default();
                bail!("dockerd does not start here: {}", tail(&log, 1).trim());
            }
            thread::sleep(Duration::from_millis(250));
        }
        if let Some(process) = &self.process {
            println!(
                "started a Docker engine (process {}), which ends with this command",
                process.id()
            );
        }
        Ok(())
    }

    /// A shell command that stops an engine that this command started, and waits for its end.
    pub(super) fn stop(&self) -> String {
        let file = self.pid_file();
        let file = file.display();
        if self.process.is_some() {
            format!(
                "kill $(cat '{file}'); timeout 30 sh -c \"while [ -e '{file}' ]; do sleep 0.2; done\""
            )
        } else {
            String::new()
        }
    }

    fn pid_file(&self) -> PathBuf {
        self.folder.join("dockerd.pid")
    }

    fn log(&self) -> PathBuf {
        self.folder.join("dockerd.log")
    }

    /// The network of a build.
    pub(super) fn build_network(&self) -> &'static str {
        if self.host.is_some() { "host" } else { "default" }
    }

    /// Makes a command use this engine.
    pub(super) fn connect(&self, mut command: Command) -> Command {
        command.env("PATH", &self.path).env("DOCKER_BUILDKIT", "1");
        command.env("COMPOSE_DOCKER_CLI_BUILD", "1");
        if let Some(host) = &self.host {
            command.env("DOCKER_HOST", host);
        }
        command
    }

    /// A command for this engine. Spaces separate the words of the line.
    pub(super) fn command(&self, line: &str) -> Command {
        self.connect(from_line(line))
    }

    /// `docker-compose` or `docker compose`.
    pub(super) fn compose(&self) -> &'static str {
        self.compose
    }

    /// Runs `docker` with the words of a line and with arguments. Returns its output.
    pub(super) fn docker(&self, line: &str, arguments: &[&str]) -> anyhow::Result<String> {
        let mut docker = self.command(&format!("docker {line}"));
        Ok(output(docker.args(arguments))?.trim_end().to_owned())
    }

    /// Whether a program is on the path.
    pub(super) fn has(&self, program: &str) -> bool {
        is_installed(program, &self.path)
    }
}
