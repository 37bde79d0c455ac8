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
    /// Namespaces with a single user.
    OneUser,
    /// None.
    None,
}

impl Wanted {
    fn unshare(self) -> Option<Vec<&'static str>> {
        let common = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];
        match self {
            Self::Full => Some(common.to_vec()),
            Self::OneUser => Some([&["--user", "--map-root-user"], &common[..]].concat()),
            Self::Best | Self::None => None,
        }
    }

    /// The walls that the runner can build inside.
    #[must_use]
    pub fn walls(self) -> Walls {
        match self {
            Self::Best | Self::Full => Walls::Full,
            Self::OneUser => Walls::OneUser,
            Self::None => Walls::None,
        }
    }
}

/// What the system allows of what is wanted; tried, not guessed.
pub async fn choose(wanted: Wanted) -> Wanted {
    let candidates: &[Wanted] = match wanted {
        Wanted::Best if rustix::process::geteuid().is_root() => &[Wanted::Full, Wanted::OneUser],
        Wanted::Best => &[Wanted::OneUser],
        ref one => std::slice::from_ref(one),
    };
    for candidate in candidates {
        let Some(flags) = candidate.unshare() else { continue };
        // The trial does what a task's network needs, as the innermost level would.
        let trial = "mount -t tmpfs tmpfs /run && mkdir /run/netns && ip netns add trial && ip link add t0 type veth peer name t1 netns trial \
                     && ip netns exec trial unshare --mount chroot / setpriv --bounding-set=-all true";
        let status = Command::new("unshare")
            .args(flags)
            .args(["sh", "-c", trial])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .await;
        if status.is_ok_and(|s| s.success()) {
            return *candidate;
        }
    }
    Wanted::None
}

/// Runs this very command again inside; returns whether it found everything good.
pub async fn run_inside(level: Wanted, cgroup: Option<&Path>) -> anyhow::Result<bool> {
    let this = std::env::current_exe().context("this program's path")?;
    let name = match level {
        Wanted::OneUser => "one-user",
        Wanted::None => "none",
        Wanted::Best | Wanted::Full => "full",
    };
    let mut command = match level.unshare() {
        Some(flags) => {
            let mut command = Command::new("unshare");
            command.args(flags).arg(this);
            command
        }
        None => Command::new(this),
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
