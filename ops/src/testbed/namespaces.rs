//! Namespaces for the whole rehearsal: its own network, mounts and processes.
//!
//! The command starts itself again in these namespaces. They have three advantages:
//!
//! - The rehearsal can use the addresses of the applied VPC.
//! - All ports are free.
//! - The kernel removes all that is left at the end.
//!
//! Without root, the command also gets a user namespace with the user's subordinate ids, in which it is root. Standard
//! input connects the two processes. When the outer process ends or stops, the inner one reads the end of its input,
//! and stops everything in order.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context as _, bail};
use tokio::io::AsyncReadExt as _;
use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};

use crate::task::network;

/// The first process of the process namespace. It inherits the orphans of a container and must reap them: a container
/// ends only after all its processes have been reaped.
const INIT: &str = r#""$@"; exit $?"#;

/// The command line that makes the namespaces.
fn unshare() -> Command {
    let mut command = Command::new("unshare");
    if !rustix::process::geteuid().is_root() {
        command.args(["--map-root-user", "--map-auto"]);
    }
    command.args(["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]);
    command
}

/// Tries what a task needs. Returns the reason when this system does not allow it.
pub async fn refused() -> anyhow::Result<Option<String>> {
    let trial = "mount -t tmpfs tmpfs /run && mkdir /run/netns && ip netns add trial && ip link add t0 type veth peer name t1 netns trial";
    let tried = unshare().args(["sh", "-c", trial]).output().await.context("cannot run unshare")?;
    let said = String::from_utf8_lossy(&tried.stderr);
    Ok((!tried.status.success()).then(|| {
        format!("it needs root, or user namespaces with subordinate ids (uidmap): {}", said.trim())
    }))
}

/// Runs this command again in the namespaces. Returns whether all checks passed.
pub async fn run_inside(cgroup: Option<&Path>) -> anyhow::Result<bool> {
    let mut command = unshare();
    command.args(["sh", "-c", INIT, "init"]);
    command.arg(std::env::current_exe().context("this program's path")?);
    command.args(std::env::args_os().skip(1)).arg("--inside");
    if let Some(cgroup) = cgroup {
        command.arg("--cgroup").arg(cgroup);
    }
    let mut inner = command.stdin(Stdio::piped()).spawn().context("cannot start in namespaces")?;
    let mut lifeline = inner.stdin.take();
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut terminated = signal(SignalKind::terminate())?;
    loop {
        tokio::select! {
            status = inner.wait() => return Ok(status?.success()),
            _ = interrupted.recv() => drop(lifeline.take()),
            _ = terminated.recv() => drop(lifeline.take()),
        }
    }
}

/// In the namespaces: enables loopback, and makes folders for the names of the tasks' networks and for the state of
/// `crun`.
///
/// `crun` refuses a system in which both versions of control groups have controllers. So one version is unmounted. When
/// tasks have no control groups, all of them are hidden.
pub async fn prepare(has_cgroup: bool) -> anyhow::Result<()> {
    network::run("ip link set lo up && mount -t tmpfs tmpfs /run && mkdir /run/netns").await?;
    network::run(if has_cgroup {
        "! mountpoint -q /sys/fs/cgroup/unified || umount /sys/fs/cgroup/unified"
    } else {
        "mount -t tmpfs tmpfs /sys/fs/cgroup"
    })
    .await
}

/// In the namespaces: returns an error when the outer process has ended or after an interrupt from the terminal.
pub async fn stopped() -> anyhow::Result<()> {
    let lifeline = async {
        let mut nothing = [0; 1];
        while tokio::io::stdin().read(&mut nothing).await.is_ok_and(|read| read > 0) {}
    };
    let mut interrupted = signal(SignalKind::interrupt())?;
    tokio::select! { () = lifeline => {}, _ = interrupted.recv() => {} }
    bail!("stopped by a signal")
}
