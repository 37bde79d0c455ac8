//! Adds and changes keys of callers with `ops key`, as a person does.

use std::fmt::Write as _;
use std::io::Read as _;
use std::process::{Output, Stdio};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use tokio::process::Command;
use tokio::time::sleep;

use super::Testbed;
use super::service::Deployed;
use crate::aws::ecs;

/// Time between two queries of the emulator.
const PAUSE: Duration = Duration::from_millis(500);

/// A client and its key.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    /// The name of the client.
    pub client: String,
    /// The key. The type has no `Debug`, because this is a secret.
    pub value: String,
}

impl Key {
    /// A random key of 40 hexadecimal digits. No service has it.
    pub fn random(client: &str) -> anyhow::Result<Self> {
        let mut bytes = [0; 20];
        std::fs::File::open("/dev/urandom")
            .and_then(|mut f| f.read_exact(&mut bytes))
            .context("no randomness")?;
        let value = bytes.iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        });
        Ok(Self { client: client.to_owned(), value })
    }

    /// Random keys of `count` callers.
    pub fn for_callers(count: usize) -> anyhow::Result<Vec<Self>> {
        (0..count).map(|number| Self::random(&format!("caller-{number}"))).collect()
    }
}

impl Testbed {
    /// Runs `ops key add` for new clients, before the first deployment.
    pub async fn add_keys(&self, clients: &[String]) -> anyhow::Result<Vec<Key>> {
        let mut add = self.key(&[&["add", "--no-deploy"], &words(clients)[..]].concat()).await?;
        keys(clients, &add.output().await?)
    }

    /// Runs `ops key ARGUMENTS CLIENTS` to its end, and returns the keys that it printed. The testbed acts as ECS: as
    /// soon as the command starts a deployment, it replaces all tasks, and then reports the end of the deployment.
    pub async fn change_keys(
        &mut self,
        arguments: &[&str],
        clients: &[String],
    ) -> anyhow::Result<(Vec<Key>, Deployed)> {
        let (cluster, service) = self.names.clone();
        let before = ecs::count_deployments(&self.client, &cluster, &service).await?;
        let definition = self.definition().await?;
        self.emulator.set_deploying(true)?;
        let mut command = self.key(&[arguments, &words(clients)].concat()).await?;
        let mut child = command.spawn().context("cannot run ops")?;
        while ecs::count_deployments(&self.client, &cluster, &service).await? == before {
            ensure!(child.try_wait()?.is_none(), "ops key ended without a deployment");
            sleep(PAUSE).await;
        }
        let deployed = self.service.deploy(&definition).await?;
        ensure!(child.try_wait()?.is_none(), "ops key did not wait for the deployment");
        self.emulator.set_deploying(false)?;
        Ok((keys(clients, &child.wait_with_output().await?)?, deployed))
    }

    /// The command `ops key ARGUMENTS` with the names of the service.
    pub async fn key(&self, arguments: &[&str]) -> anyhow::Result<Command> {
        let definition = self.definition().await?;
        let api = definition.container("api").context("no container api")?;
        let parameter = api.variable("API_KEY_PARAMETER").context("the API has no parameter")?;
        let mut command = self.emulator.ops()?;
        command.arg("key").args(arguments).args(["--cluster", &self.names.0]);
        command.args(["--ecs-service", &self.names.1, "--parameter", parameter]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.kill_on_drop(true);
        Ok(command)
    }
}

fn words(clients: &[String]) -> Vec<&str> {
    clients.iter().map(String::as_str).collect()
}

/// The printed keys: one for each client, or none.
fn keys(clients: &[String], output: &Output) -> anyhow::Result<Vec<Key>> {
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "ops key: {}", said.trim());
    let printed = String::from_utf8_lossy(&output.stdout);
    let key =
        |(client, value): (&String, &str)| Key { client: client.clone(), value: value.into() };
    let keys: Vec<Key> = clients.iter().zip(printed.lines()).map(key).collect();
    ensure!(keys.is_empty() || keys.len() == clients.len(), "{} keys were printed", keys.len());
    Ok(keys)
}
