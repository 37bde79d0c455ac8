//! The running stand-in. Its runtime socket registers and deregisters targets.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::process::{Child, Command};
use tokio::time::sleep;

use super::stats::{self, Row, State};
use crate::group::Group;
use crate::task::log::Log;

/// A running balancer. Dropping it ends the process.
#[derive(Debug)]
pub struct Balancer {
    process: Child,
    _group: Group,
    socket: PathBuf,
    /// The time for which a target is `initial`: the time in which failed checks make it unhealthy.
    initial: Duration,
    /// Registered slots: time of registration, and whether the target was ever healthy.
    known: Mutex<BTreeMap<String, (Instant, bool)>>,
    /// One line for each request.
    pub log: Log,
}

/// A registered target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    slot: String,
    /// Address.
    pub address: Ipv4Addr,
}

impl Balancer {
    /// Writes the configuration into the folder and starts the balancer.
    pub async fn start(
        configuration: &str,
        folder: &Path,
        socket: &Path,
        initial: Duration,
    ) -> anyhow::Result<Self> {
        let file = folder.join("balancer.cfg");
        std::fs::write(&file, configuration)?;
        let log = Log::to_file(&folder.join("balancer.log"))?;
        let (process, group) =
            Group::start(Command::new("haproxy").args(["-db", "-f"]).arg(&file), &log)
                .context("haproxy did not start: is it installed?")?;
        let mut balancer = Self {
            _group: group,
            process,
            socket: socket.to_owned(),
            initial,
            known: Mutex::default(),
            log,
        };
        let patience = Instant::now();
        while balancer.command("show info").await.is_err() {
            if balancer.process.try_wait()?.is_some()
                || patience.elapsed() > Duration::from_secs(10)
            {
                bail!("haproxy did not start: {}", balancer.log.tail(20));
            }
            sleep(Duration::from_millis(50)).await;
        }
        Ok(balancer)
    }

    /// Registers a target. It gets requests after enough successful checks.
    pub async fn register(&self, address: Ipv4Addr, port: u16) -> anyhow::Result<Target> {
        let free =
            self.rows().await?.into_iter().find(|r| {
                r.group == "targets" && r.name.starts_with('t') && r.state == State::Unused
            });
        let slot = free.context("all slots are in use")?.name;
        self.command(&format!("set server targets/{slot} addr {address} port {port}")).await?;
        self.command(&format!("set server fail-open/{slot} addr {address} port {port}")).await?;
        self.command(&format!("set server targets/{slot} state ready")).await?;
        self.command(&format!("set server targets/{slot} health down")).await?;
        self.command(&format!("set server fail-open/{slot} state ready")).await?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(slot.clone(), (Instant::now(), false));
        Ok(Target { slot, address })
    }

    /// Deregisters the target: it gets no new requests.
    pub async fn deregister(&self, target: &Target) -> anyhow::Result<()> {
        self.command(&format!("set server targets/{} state drain", target.slot)).await?;
        self.command(&format!("set server fail-open/{} state maint", target.slot)).await?;
        Ok(())
    }

    /// Frees the target's slot. Call it after the deregistration delay.
    pub async fn forget(&self, target: &Target) -> anyhow::Result<()> {
        self.command(&format!("set server targets/{} state maint", target.slot)).await?;
        self.command(&format!("shutdown sessions server targets/{}", target.slot)).await.map(drop)
    }

    /// State of a target, and the number of its requests in flight.
    pub async fn state(&self, target: &Target) -> anyhow::Result<(State, u64)> {
        let rows = self.rows().await?;
        let row = rows
            .into_iter()
            .find(|r| r.group == "targets" && r.name == target.slot)
            .context("the slot is gone")?;
        Ok((row.state, row.sessions))
    }

    /// Waits until the target is in this state.
    pub async fn reaches(
        &self,
        target: &Target,
        wanted: State,
        patience: Duration,
    ) -> anyhow::Result<()> {
        let begun = Instant::now();
        loop {
            let (state, _) = self.state(target).await?;
            if state == wanted {
                return Ok(());
            }
            if begun.elapsed() > patience {
                bail!(
                    "target {} is {state:?} after {} s, not {wanted:?}",
                    target.address,
                    patience.as_secs()
                );
            }
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// Number of healthy and unhealthy registered targets.
    pub async fn counts(&self) -> anyhow::Result<(usize, usize)> {
        let rows = self.rows().await?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let mut counts = (0, 0);
        for row in rows.iter().filter(|r| r.group == "targets") {
            let Some((since, was_healthy)) = known.get_mut(&row.name) else { continue };
            *was_healthy |= row.state == State::Healthy;
            counts.0 += usize::from(row.state == State::Healthy);
            // Until its checks have a result, a new target is `initial`: neither healthy nor unhealthy.
            let decided = *was_healthy || since.elapsed() > self.initial;
            counts.1 += usize::from(row.state == State::Unhealthy && decided);
        }
        Ok(counts)
    }

    /// Replaces the certificate. `name` is the file name in the configuration.
    pub async fn show_certificate(&self, name: &Path, pem: &Path) -> anyhow::Result<()> {
        let text = std::fs::read_to_string(pem)?;
        let answer = self.command(&format!("set ssl cert {} <<\n{text}", name.display())).await?;
        if !answer.contains("Transaction") {
            bail!("the balancer refuses the certificate: {}", answer.trim());
        }
        let answer = self.command(&format!("commit ssl cert {}", name.display())).await?;
        if !answer.contains("Success") {
            bail!("the balancer did not activate the certificate: {}", answer.trim());
        }
        Ok(())
    }

    /// Disconnects the tasks from the emulated AWS, or connects them again.
    pub async fn endpoint(&self, reachable: bool) -> anyhow::Result<()> {
        self.command(&format!("{} frontend endpoint", if reachable { "enable" } else { "disable" }))
            .await
            .map(drop)
    }

    async fn rows(&self) -> anyhow::Result<Vec<Row>> {
        stats::parse(&self.command("show stat").await?)
    }

    async fn command(&self, line: &str) -> anyhow::Result<String> {
        let mut stream =
            UnixStream::connect(&self.socket).await.context("the balancer's socket")?;
        stream.write_all(format!("{line}\n").as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        let complaint = answer.trim();
        // A successful change prints nothing, or the changed value.
        if complaint.starts_with("Unknown")
            || complaint.starts_with("No such")
            || complaint.starts_with("Require")
            || complaint.contains("not allowed")
        {
            bail!("{line}: {complaint}");
        }
        Ok(answer)
    }
}
