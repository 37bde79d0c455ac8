//! Checks the isolation of the containers on their running processes.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use rustix::process::Pid;
use tokio::net::TcpStream;

use crate::task::running::{Running, Task};
use crate::testbed::Testbed;
use crate::testbed::key::Key;
use crate::testbed::report::Report;

/// Checks every container of the first task.
pub(super) async fn check(testbed: &Testbed, keys: &[Key], report: &mut Report) {
    let Some(live) = testbed.service.tasks.first() else {
        return report.check("there is a task to look at", false, "the service has no task");
    };
    let names: Vec<&str> = live.task.containers.iter().map(|c| c.launch.name()).collect();
    report.check("the task has the API and nginx", names == ["api", "nginx"], &names.join(", "));
    for container in &live.task.containers {
        let name = container.launch.name();
        report.attempt(
            &format!("{name}: no process has a key in its arguments"),
            arguments(container, keys),
        );
        report
            .attempt(&format!("{name}: runs as its user, without capabilities"), status(container));
        report.attempt(
            &format!("{name}: the root file system is read-only"),
            writes(container).await,
        );
    }
    report.attempt(
        "both containers share the task's network namespace, which is not the host's",
        network(&live.task),
    );
    report.attempt(
        "nginx is reachable from outside the task, and the API is not",
        loopback_only(testbed, &live.task).await,
    );
}

fn proc(process: Pid) -> PathBuf {
    Path::new("/proc").join(process.to_string())
}

/// A namespace of a process, such as `net`.
fn namespace(process: &Path, kind: &str) -> anyhow::Result<PathBuf> {
    std::fs::read_link(process.join("ns").join(kind)).context("no namespace")
}

/// Every process of the container.
fn processes(container: &Running) -> anyhow::Result<Vec<Pid>> {
    let own = namespace(&proc(container.pid), "pid")?;
    ensure!(
        own != namespace(Path::new("/proc/self"), "pid")?,
        "it shares the host's process namespace"
    );
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|n| n.parse().ok()).and_then(Pid::from_raw) else {
            continue;
        };
        // A process that has ended in the meantime has no namespace.
        if namespace(&proc(pid), "pid").is_ok_and(|namespace| namespace == own) {
            found.push(pid);
        }
    }
    ensure!(!found.is_empty(), "no process was found");
    Ok(found)
}

fn arguments(container: &Running, keys: &[Key]) -> anyhow::Result<String> {
    let found = processes(container)?;
    ensure!(keys.len() > 1, "the check needs at least two keys");
    for pid in &found {
        let line =
            String::from_utf8_lossy(&std::fs::read(proc(*pid).join("cmdline"))?).replace('\0', " ");
        if keys.iter().any(|key| line.contains(&key.value)) {
            bail!("process {pid} has a key in its arguments");
        }
    }
    Ok(format!("{} processes", found.len()))
}

fn status(container: &Running) -> anyhow::Result<String> {
    if !container.launch.container.drops_all_capabilities() {
        bail!("its capabilities are not dropped");
    }
    for pid in processes(container)? {
        let status = std::fs::read_to_string(proc(pid).join("status"))?;
        let field = |name: &str| {
            status
                .lines()
                .find_map(|l| l.strip_prefix(name))
                .map(|v| v.split_whitespace().collect::<Vec<_>>())
        };
        let (uid, gid) = (container.launch.user.0.to_string(), container.launch.user.1.to_string());
        if field("Uid:").context("no Uid")?.iter().any(|u| **u != *uid)
            || field("Gid:").context("no Gid")?.iter().any(|g| **g != *gid)
        {
            bail!("process {pid} is not {uid}:{gid}");
        }
        for set in ["CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"] {
            if field(set).context("no capabilities")? != ["0000000000000000"] {
                bail!("process {pid} has capabilities in {set}");
            }
        }
    }
    Ok(format!("{}:{}", container.launch.user.0, container.launch.user.1))
}

async fn writes(container: &Running) -> anyhow::Result<String> {
    let inside = |script: &str| {
        let mut command = container.exec(&["/bin/sh", "-c", script].map(str::to_owned));
        async move { anyhow::Ok(command.status().await?.success()) }
    };
    // Without a working shell, every write would fail and the check would pass.
    ensure!(inside("true").await?, "no command runs in the container");
    for path in ["/x", "/etc/x", "/usr/x", "/tmp/x", "/opt/x", "/var/x"] {
        if inside(&format!("echo > {path}")).await? {
            bail!("{path} is writable");
        }
    }
    let mut places = Vec::new();
    for tmpfs in container.launch.container.tmpfs() {
        let path = &tmpfs.container_path;
        if !inside(&format!("echo > {path}/x && rm {path}/x")).await? {
            bail!("the declared tmpfs {path} is not writable");
        }
        places.push(format!("{path} is a writable tmpfs ({} MiB)", tmpfs.size));
    }
    Ok(places.join(", "))
}

fn network(task: &Task) -> anyhow::Result<String> {
    let ours = namespace(Path::new("/proc/self"), "net")?;
    let theirs = task.containers.iter().map(|c| namespace(&proc(c.pid), "net"));
    let theirs = theirs.collect::<anyhow::Result<Vec<_>>>()?;
    ensure!(theirs.len() == 2, "{} containers", theirs.len());
    if theirs.iter().any(|n| *n != theirs[0] || *n == ours) {
        bail!("{theirs:?}, the host's is {}", ours.display());
    }
    Ok(task.network.address.to_string())
}

/// Requires that the task has its own address: otherwise its API and the caller share the loopback.
async fn loopback_only(testbed: &Testbed, task: &Task) -> anyhow::Result<String> {
    let api = task.container("api").context("no container api")?;
    let listen = api.launch.environment.get("LISTEN").context("the API has no LISTEN")?;
    let port = listen.rsplit(':').next().context("LISTEN has a port")?.parse::<u16>()?;
    if !listen.starts_with("127.") {
        bail!("it listens on {listen}");
    }
    let address = task.network.address;
    ensure!(!address.is_loopback(), "the task's address is {address}");
    // First connect to an open port: otherwise a broken network would pass the check.
    TcpStream::connect((address, testbed.service.port)).await.context("nginx cannot be reached")?;
    if TcpStream::connect((address, port)).await.is_ok() {
        bail!("{address}:{port} answers");
    }
    Ok(listen.clone())
}
