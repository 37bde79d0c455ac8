//! A process group that ends with its owner.
//!
//! A started program can start others: nginx starts workers, Terraform starts its provider. So each program gets its
//! own process group. Dropping the owner kills the whole group, also after an error or a panic.

use std::process::Stdio;

use anyhow::Context as _;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, Command};

use crate::task::log::Log;

/// Kills the group of the process with this id when it is dropped.
#[derive(Debug)]
pub struct Group(Option<u32>);

impl Group {
    /// Starts a program as the leader of its own group. Its output goes to the log.
    pub fn start(command: &mut Command, log: &Log) -> anyhow::Result<(Child, Self)> {
        let mut process = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| {
                format!("cannot start {}", command.as_std().get_program().display())
            })?;
        log.follow(process.stdout.take().context("stdout is piped")?);
        log.follow(process.stderr.take().context("stderr is piped")?);
        let group = Self::from_leader(process.id());
        Ok((process, group))
    }

    /// The group with this process as its leader.
    #[must_use]
    pub fn from_leader(process: Option<u32>) -> Self {
        Self(process)
    }

    /// Sends a signal to every process of the group. An empty group is no error.
    pub fn signal(&self, signal: Signal) {
        if let Some(group) = self.0.and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw) {
            let _ = kill_process_group(group, signal);
        }
    }

    /// Keeps the drop from sending a signal. Call it after the leader and all other processes of the group have ended.
    pub fn forget(&mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}
