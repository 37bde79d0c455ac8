//! Namespaces around the whole rehearsal: its own network, mounts and processes.
//!
//! The command starts itself once more inside of them. So addresses of the applied VPC can be used
//! as they are, no port can be taken by anybody else, and whatever is left over at the end, however
//! it ends, goes with the namespaces. Standard input is the lifeline: when the outer process is gone
//! or wants an end, the inner one reads its end and stops in order.

use std::path::Path;
use std::process::Stdio;

use anyhow::Context as _;
use tokio::io::AsyncReadExt as _;
use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};

use crate::task::network;
use crate::task::sandbox::Walls;

/// The choice on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Wanted {
    /// As much as the system allows.
    Best,
    /// Everything; needs root.
    Full,
    /// None.
    None,
}

impl Wanted {
    /// The walls that the runner can build inside.
    #[must_use]
    pub fn walls(self) -> Walls {
        match self {
            Self::Best | Self::Full => Walls::Full,
            Self::None => Walls::None,
        }
    }
}

/// The command line that makes the namespaces.
fn unshare() -> Command {
    let mut command = Command::new("unshare");
    command.args(["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]);
    command
}

/// What the system allows of what is wanted; tried, not guessed.
///
/// A user namespace of an unprivileged user is not enough: it has one user, and nginx wants its own.
pub async fn choose(wanted: Wanted) -> Wanted {
    if wanted == Wanted::None {
        return wanted;
    }
    // The trial does what a task's network needs, as the innermost level would.
    let trial = "mount -t tmpfs tmpfs /run && mkdir /run/netns && ip netns add trial && ip link add t0 type veth peer name t1 netns trial \
                 && ip netns exec trial unshare --mount chroot / setpriv --bounding-set=-all true";
    let mut command = unshare();
    command.args(["sh", "-c", trial]).stdout(Stdio::null()).stderr(Stdio::null());
    match command.status().await {
        Ok(status) if status.success() => Wanted::Full,
        _ => Wanted::None,
    }
}

/// Runs this very command again inside; returns whether it found everything good.
pub async fn run_inside(level: Wanted, cgroup: Option<&Path>) -> anyhow::Result<bool> {
    let this = std::env::current_exe().context("this program's path")?;
    let (name, mut command) = match level {
        Wanted::None => ("none", Command::new(this)),
        Wanted::Best | Wanted::Full => ("full", {
            let mut command = unshare();
            command.arg(this);
            command
        }),
    };
    command.args(std::env::args_os().skip(1));
    if let Some(cgroup) = cgroup {
        command.arg("--cgroup").arg(cgroup);
    }
    let mut inner = command
        .arg(format!("--enclosed={name}"))
        .stdin(Stdio::piped())
        .spawn()
        .context("cannot start inside of namespaces")?;
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

/// Inside: waits until the outer process is gone or the terminal says stop.
pub async fn stop_wanted() {
    let lifeline = async {
        let mut nothing = [0; 1];
        while tokio::io::stdin().read(&mut nothing).await.is_ok_and(|read| read > 0) {}
    };
    let interrupt = async {
        match signal(SignalKind::interrupt()) {
            Ok(mut signal) => drop(signal.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! { () = lifeline => {}, () = interrupt => {} }
}

/// Inside: loopback up, and a place for the names of the tasks' networks.
pub async fn furnish() -> anyhow::Result<()> {
    network::run("ip link set lo up && mount -t tmpfs tmpfs /run && mkdir /run/netns").await
}
