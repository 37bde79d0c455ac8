//! Namespaces around the whole rehearsal: its own network, mounts and processes.
//!
//! The command starts itself once more inside of them. So addresses of the applied VPC can be used as they are, no port
//! is taken, and everything that is left over at the end goes with the namespaces. Without root it also gets a user
//! namespace with the user's subordinate ids, in which it is root. Standard input is the lifeline: when the outer process
//! is gone or wants an end, the inner one reads its end and stops in order.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context as _, bail};
use tokio::io::AsyncReadExt as _;
use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};

use crate::task::network;

/// The first process of the process namespace. It inherits the orphans of a container's processes and must reap them: a container
/// does not end before every process in it has been reaped.
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

/// Why this system does not allow what a task needs; tried, not guessed.
pub async fn refused() -> anyhow::Result<Option<String>> {
    let trial = "mount -t tmpfs tmpfs /run && mkdir /run/netns && ip netns add trial && ip link add t0 type veth peer name t1 netns trial";
    let tried = unshare().args(["sh", "-c", trial]).output().await.context("cannot run unshare")?;
    let said = String::from_utf8_lossy(&tried.stderr);
    Ok((!tried.status.success()).then(|| {
        format!("it needs root, or user namespaces with subordinate ids (uidmap): {}", said.trim())
    }))
}

/// Runs this very command again inside; returns whether it found everything good.
pub async fn run_inside(cgroup: Option<&Path>) -> anyhow::Result<bool> {
    let mut command = unshare();
    command.args(["sh", "-c", INIT, "init"]);
    command.arg(std::env::current_exe().context("this program's path")?);
    command.args(std::env::args_os().skip(1)).arg("--inside");
    if let Some(cgroup) = cgroup {
        command.arg("--cgroup").arg(cgroup);
    }
    let mut inner =
        command.stdin(Stdio::piped()).spawn().context("cannot start inside of namespaces")?;
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

/// Inside: loopback up, and a place for the names of the tasks' networks and for the state of `crun`.
///
/// `crun` refuses a system in which both versions of control groups have controllers. Without groups it shall see none.
pub async fn prepare(has_cgroup: bool) -> anyhow::Result<()> {
    network::run("ip link set lo up && mount -t tmpfs tmpfs /run && mkdir /run/netns").await?;
    network::run(if has_cgroup {
        "! mountpoint -q /sys/fs/cgroup/unified || umount /sys/fs/cgroup/unified"
    } else {
        "mount -t tmpfs tmpfs /sys/fs/cgroup"
    })
    .await
}

/// Inside: ends with an error when the outer process is gone or the terminal says stop.
pub async fn stopped() -> anyhow::Result<()> {
    let lifeline = async {
        let mut nothing = [0; 1];
        while tokio::io::stdin().read(&mut nothing).await.is_ok_and(|read| read > 0) {}
    };
    let mut interrupted = signal(SignalKind::interrupt())?;
    tokio::select! { () = lifeline => {}, _ = interrupted.recv() => {} }
    bail!("stopped by a signal")
}
