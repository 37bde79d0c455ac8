//! Starts the emulated AWS, and runs Terraform against it.

use std::ffi::OsStr;
use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde_json::json;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::sleep;

use super::{TestbedArgs, Variables};
use crate::group::Group;
use crate::task::log::Log;

/// The region of the example, which everything uses.
pub const REGION: &str = "us-east-1";

/// A running emulator; it ends when this is dropped.
#[derive(Debug)]
pub struct Emulator {
    _process: Child,
    _group: Group,
    port: u16,
    stack: PathBuf,
    /// The folder with the AWS CLI.
    tools: PathBuf,
    /// The service's folder, which is its key in the variables.
    service: String,
    /// While this file exists, ECS reports a deployment in progress.
    deploying: PathBuf,
    applies: AtomicU32,
}

impl Emulator {
    /// Starts the emulator on a free port.
    pub async fn start(args: &TestbedArgs, folder: &Path) -> anyhow::Result<Self> {
        let port = free_port()?;
        let log = Log::to_file(&folder.join("emulator.log"))?;
        let mut shim = Command::new(&args.python);
        shim.arg(args.root.join("terraform/emulator/shim.py"));
        shim.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
        shim.env("EMULATOR_DEPLOYING", folder.join("deploying"));
        let (mut process, group) = Group::start(&mut shim, &log)?;
        let begun = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_err() {
            if process.try_wait()?.is_some() || begun.elapsed() > Duration::from_secs(30) {
                bail!("the emulated AWS did not start: {}", log.tail(20));
            }
            sleep(Duration::from_millis(100)).await;
        }
        Ok(Self {
            _group: group,
            _process: process,
            port,
            stack: args.stack.clone(),
            tools: std::path::absolute(args.python.parent().context("python has no folder")?)?,
            service: args.service.clone(),
            deploying: folder.join("deploying"),
            applies: AtomicU32::new(1),
        })
    }

    /// `host:port`.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// A command whose environment points to this emulator as AWS.
    fn connected(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .env("AWS_ENDPOINT_URL", format!("http://{}", self.address()))
            .env("AWS_ACCESS_KEY_ID", "emulated")
            .env("AWS_SECRET_ACCESS_KEY", "emulated")
            .env("AWS_REGION", REGION)
            .env("AWS_DEFAULT_REGION", REGION)
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_CONFIG_FILE", "/dev/null")
            .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
        command
    }

    /// `ops`, with the AWS CLI on its path.
    pub(super) fn ops(&self) -> anyhow::Result<Command> {
        let mut command = self.connected(std::env::current_exe().context("no path of ops")?);
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = [self.tools.clone()].into_iter().chain(std::env::split_paths(&path));
        command.env("PATH", std::env::join_paths(folders)?).env_remove("SERVICE");
        Ok(command)
    }

    /// Sets whether ECS reports a deployment in progress.
    pub(super) fn set_deploying(&self, deploying: bool) -> anyhow::Result<()> {
        if deploying {
            std::fs::write(&self.deploying, "")?;
        } else {
            std::fs::remove_file(&self.deploying)?;
        }
        Ok(())
    }

    /// The folder with the applied root.
    pub(super) fn stack(&self) -> &Path {
        &self.stack
    }

    /// Terraform in the folder of a root.
    pub(super) fn terraform(&self, root: &Path) -> Command {
        let mut command = self.connected("terraform");
        command
            .arg(format!("-chdir={}", root.display()))
            .env("TF_IN_AUTOMATION", "1")
            .env("TF_INPUT", "0")
            .env("CHECKPOINT_DISABLE", "1");
        command
    }

    /// A plan after the apply, as JSON. It contains all values, also those that AWS sets.
    pub async fn plan_json(&self) -> anyhow::Result<String> {
        let plan = [
            "plan",
            "-refresh=false",
            "-out=testbed.tfplan",
            "-var-file=terraform.tfvars.example",
            "-var-file=testbed.tfvars.json",
        ];
        let done = self.terraform(&self.stack).args(plan).stdin(Stdio::null()).output().await?;
        if !done.status.success() {
            bail!("terraform plan: {}", String::from_utf8_lossy(&done.stderr).trim());
        }
        let show = self
            .terraform(&self.stack)
            .args(["show", "-json", "testbed.tfplan"])
            .stdin(Stdio::null())
            .output()
            .await?;
        String::from_utf8(show.stdout).context("terraform show printed no text")
    }

    /// `terraform apply`; returns its summary line.
    pub async fn apply(&self, variables: &Variables) -> anyhow::Result<String> {
        // Both maps replace those of the example.
        let maps = json!({
            "images": { &self.service: variables.images },
            "services": { &self.service: variables.settings },
        });
        let file = self.stack.join("testbed.tfvars.json");
        std::fs::write(&file, serde_json::to_vec(&maps)?)
            .with_context(|| file.display().to_string())?;
        let mut command = self.terraform(&self.stack);
        command.args([
            "apply",
            "-no-color",
            "-auto-approve",
            "-compact-warnings",
            "-var-file=terraform.tfvars.example",
        ]);
        command.arg("-var-file=testbed.tfvars.json");
        let number = self.applies.fetch_add(1, Ordering::Relaxed);
        let file = self.stack.join(format!("apply-{number}.log"));
        let log = File::create(&file).with_context(|| file.display().to_string())?;
        let mut terraform = command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0)
            .spawn()
            .context("cannot run terraform")?;
        let mut group = Group::from_leader(terraform.id());
        let status = terraform.wait().await?;
        group.forget();
        let text = std::fs::read_to_string(&file)?;
        if !status.success() {
            let error = text.find("Error: ").map_or("", |at| &text[at..]);
            bail!("terraform apply: {}", error.trim());
        }
        let summary = text
            .lines()
            .find(|l| l.starts_with("Apply complete!"))
            .context("terraform apply printed no summary")?;
        Ok(summary.to_owned())
    }
}

/// A free port.
pub fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}
