//! The walls around a container, from the tools that every Linux has.
//!
//! `ip netns exec` for the task's network, `unshare` for mounts, `chroot` for the root file system,
//! `setpriv` for user and capabilities: each replaces itself by the next, so that the process that
//! was started is the container's, and signals reach it. The root file system is a small tmpfs with
//! this machine's system folders bound read-only and the image's files at the image's paths.
//! Secrets travel in the environment, never in an argument.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::Context as _;
use tokio::process::Command;

use super::container::Launch;
use super::network::TaskNetwork;

/// What this system lets the runner build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Walls {
    /// Everything: started by root.
    Full,
    /// None: plain processes on loopback.
    None,
}

/// What Docker and ECS give a container whose image says nothing.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Folders of this machine that stand for the base image.
const SYSTEM: [&str; 6] = ["/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc"];

/// The command that becomes the container, its output piped.
pub fn command(
    launch: &Launch,
    walls: Walls,
    network: &TaskNetwork,
    folder: &Path,
    cgroup: Option<&Path>,
) -> anyhow::Result<Command> {
    let mut command = match (walls, &network.namespace) {
        (Walls::None, _) | (_, None) => plain(launch, folder)?,
        (_, Some(namespace)) => {
            let script = folder.join("start.sh");
            std::fs::write(&script, start_script(launch, walls, folder))
                .context("cannot write the start script")?;
            let mut command = Command::new("sh");
            // First of all the control group: inside of the namespaces /sys is another.
            command.args([
                "-euc",
                "[ -z \"$1\" ] || echo $$ > \"$1/cgroup.procs\"; shift; exec \"$@\"",
                "sh",
            ]);
            command.arg(cgroup.unwrap_or(Path::new("")));
            command.args(["ip", "netns", "exec", namespace, "unshare", "--mount", "sh", "-eu"]);
            command.arg(script).args(&launch.argv);
            command
        }
    };
    command
        .env_clear()
        .env("PATH", PATH)
        .env("HOME", "/")
        .envs(launch.environment.iter().cloned())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    Ok(command)
}

/// A command inside of the running container, as its user: health checks.
pub fn enter(
    launch: &Launch,
    walls: Walls,
    process: u32,
    argv: &[String],
    folder: &Path,
) -> anyhow::Result<Command> {
    let mut command = if walls == Walls::None {
        let mut command = Command::new(local_path(launch, &argv[0])?);
        command.args(&argv[1..]).current_dir(folder);
        command
    } else {
        let mut command = Command::new("nsenter");
        command
            .arg(format!("--target={process}"))
            .args(["--net", "--mount", "--root", "--wd=/", "--"]);
        command.args(privileges(launch, walls)).args(argv);
        command
    };
    command.env_clear().env("PATH", PATH).env("HOME", "/").envs(launch.environment.iter().cloned());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    Ok(command)
}

fn plain(launch: &Launch, folder: &Path) -> anyhow::Result<Command> {
    let mut command = Command::new(local_path(launch, &launch.argv[0])?);
    command.args(&launch.argv[1..]).current_dir(folder);
    Ok(command)
}

/// Without a root file system of its own, a path in the image becomes the path here.
fn local_path(launch: &Launch, path: &str) -> anyhow::Result<PathBuf> {
    if !path.starts_with('/') {
        return Ok(PathBuf::from(path));
    }
    let found = launch.files.iter().find(|(_, destination)| destination == Path::new(path));
    found
        .map(|(local, _)| local.clone())
        .or_else(|| Path::new(path).exists().then(|| path.into()))
        .with_context(|| format!("{path} is not in the image"))
}

fn privileges(launch: &Launch, walls: Walls) -> Vec<String> {
    let mut setpriv = vec!["setpriv".to_owned()];
    if walls == Walls::Full {
        let (uid, gid) = launch.user;
        setpriv.extend([
            format!("--reuid={uid}"),
            format!("--regid={gid}"),
            "--clear-groups".to_owned(),
        ]);
    }
    if launch.drop_all {
        setpriv.extend(
            ["--inh-caps=-all", "--ambient-caps=-all", "--bounding-set=-all"].map(str::to_owned),
        );
    }
    setpriv
}

fn start_script(launch: &Launch, walls: Walls, folder: &Path) -> String {
    let root = folder.join("root");
    let root = root.display();
    let mut s = String::new();
    // `write!` to a String cannot fail.
    let mut line = |text: String| {
        let _ = writeln!(s, "{text}");
    };
    if let Some((soft, hard)) = launch.open_files {
        // Only root may raise the hard limit; anybody else goes as far as it reaches.
        line(format!(
            "ulimit -H -n {hard} 2>/dev/null || true; ulimit -S -n {soft} 2>/dev/null || ulimit -S -n \"$(ulimit -H -n)\""
        ));
    }
    if walls == Walls::Full {
        // Docker does the same, else `/dev/stdout` could not be opened by the container's user.
        line(format!("chown {}:{} /proc/self/fd/1 /proc/self/fd/2", launch.user.0, launch.user.1));
    }
    line(format!(
        "mkdir -p {root} && mount -t tmpfs -o mode=0755,size=4m root {root} && mkdir {root}/proc {root}/dev {root}/tmp && chmod 1777 {root}/tmp"
    ));
    for system in SYSTEM {
        line(format!(
            "if [ -L {system} ]; then cp -P {system} {root}{system}; elif [ -d {system} ]; then mkdir {root}{system} && mount --bind {system} {root}{system} && mount -o remount,bind,ro {root}{system}; fi"
        ));
    }
    line(format!(
        "mount -t proc -o ro proc {root}/proc 2>/dev/null || mount --rbind /proc {root}/proc"
    ));
    line(format!(
        "for d in null zero full random urandom; do touch {root}/dev/$d && mount --bind /dev/$d {root}/dev/$d; done"
    ));
    line(format!(
        "ln -s /proc/self/fd {root}/dev/fd && ln -s /proc/self/fd/0 {root}/dev/stdin && ln -s /proc/self/fd/1 {root}/dev/stdout && ln -s /proc/self/fd/2 {root}/dev/stderr"
    ));
    for (local, destination) in &launch.files {
        line(image_file(local, destination, &root.to_string()));
    }
    for tmpfs in &launch.tmpfs {
        let owner = |option: &&String| {
            walls == Walls::Full || !(option.starts_with("uid=") || option.starts_with("gid="))
        };
        let options: Vec<_> =
            tmpfs.mount_options.iter().filter(owner).map(String::as_str).collect();
        let path = &tmpfs.container_path;
        line(format!(
            "mkdir -p {root}{path} && mount -t tmpfs -o size={}m,{} tmpfs {root}{path}",
            tmpfs.size,
            options.join(",")
        ));
    }
    for (path, read_only) in &launch.volumes {
        line(format!(
            "mkdir -p {root}{path} && mount -t tmpfs -o mode=0755{} volume {root}{path}",
            if *read_only { ",ro" } else { "" }
        ));
    }
    if launch.read_only {
        line(format!("mount -o remount,bind,ro {root}"));
    }
    line(format!("exec chroot {root} {} \"$@\"", privileges(launch, walls).join(" ")));
    s
}

/// A file of the image. Below a system folder it needs a place of its own in a copy of that folder's
/// level, which a tmpfs over it gives: the folder's other entries stay visible through links.
fn image_file(local: &Path, destination: &Path, root: &str) -> String {
    let (local, destination) = (local.display(), destination.display());
    format!(
        "if [ -e {root}{destination} ]; then mount --bind {local} {root}{destination}; else \
           p=$(dirname {destination}); if mkdir -p {root}$p 2>/dev/null && touch {root}{destination} 2>/dev/null; then :; else \
             while [ ! -d {root}$p ]; do p=$(dirname $p); done; o={root}/tmp/.o$(echo $p | tr / _); mkdir -p $o && mount --bind {root}$p $o && \
             mount -t tmpfs -o mode=0755,size=1m overlay {root}$p && for e in $o/* $o/.[!.]*; do [ -e \"$e\" ] || continue; \
               t={root}$p/$(basename \"$e\"); if [ -d \"$e\" ]; then mkdir \"$t\"; else touch \"$t\"; fi; mount --bind \"$e\" \"$t\"; done; \
             mkdir -p $(dirname {root}{destination}); touch {root}{destination}; fi; \
           mount --bind {local} {root}{destination}; fi"
    )
}
