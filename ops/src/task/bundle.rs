//! Makes an OCI bundle of a container, and runs it with `crun`.
//!
//! This module writes the configuration from the task definition and the image. `crun` isolates the container: mounts,
//! processes, users, capabilities, limits. The root file system replaces the image. It contains the system folders of
//! this machine, read-only, and the files of the image at their paths. Secrets are in the bundle's `config.json`, as on
//! a container host. Other users cannot read the scratch folder.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Resource, Rlimit, getrlimit, setrlimit};
use serde_json::{Value, json};
use tokio::process::{Child, Command};
use tokio::time::sleep;

use super::container::Launch;

/// The `PATH` that Docker and ECS give a container whose image sets none.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Folders of this machine that replace the base image.
const SYSTEM: [&str; 6] = ["/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc"];

/// The capabilities that Docker and ECS give a container that drops none.
const CAPABILITIES: [&str; 14] = [
    "CAP_AUDIT_WRITE",
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_MKNOD",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_RAW",
    "CAP_SETFCAP",
    "CAP_SETGID",
    "CAP_SETPCAP",
    "CAP_SETUID",
    "CAP_SYS_CHROOT",
];

/// The shared parts of the containers of a task.
#[derive(Debug)]
pub(super) struct Shared<'a> {
    /// The task's number.
    pub(super) number: u8,
    /// Name of the task's network namespace.
    pub(super) network: &'a str,
    /// The task's control group, if it has one.
    pub(super) cgroup: Option<&'a Path>,
    /// Folder for the bundles and the volumes.
    pub(super) folder: &'a Path,
}

/// A bundle on disk.
#[derive(Debug, Clone)]
pub struct Bundle {
    folder: PathBuf,
    /// The container's name for `crun`.
    id: String,
    user: (u32, u32),
    has_cgroup: bool,
}

impl Bundle {
    /// Writes the bundle of a container.
    pub(super) fn write(launch: &Launch, task: &Shared<'_>) -> anyhow::Result<Self> {
        let id = format!("task-{}-{}", task.number, launch.container.name);
        let folder = task.folder.join(&id);
        let root = folder.join("root");
        fs::create_dir_all(root.join("tmp"))?;
        // Everybody can write to /tmp, as in every image. Only a read-only root prevents it.
        fs::set_permissions(root.join("tmp"), fs::Permissions::from_mode(0o1777))?;
        let configuration = json!({
            "ociVersion": "1.0.0",
            "process": process(launch),
            "root": { "path": root, "readonly": launch.container.readonly_root_filesystem },
            "mounts": mounts(launch, task, &root)?,
            "linux": {
                "cgroupsPath": task.cgroup.map(|group| {
                    let base = group.parent().and_then(Path::file_name).unwrap_or_default();
                    Path::new("/").join(base).join(format!("task-{}", task.number)).join(&launch.container.name)
                }),
                "namespaces": [
                    { "type": "network", "path": Path::new("/run/netns").join(task.network) },
                    { "type": "mount" },
                    { "type": "pid" },
                    { "type": "ipc" },
                    { "type": "uts" },
                ],
            },
        });
        fs::write(folder.join("config.json"), configuration.to_string())?;
        Ok(Self { folder, id, user: launch.user, has_cgroup: task.cgroup.is_some() })
    }

    /// The process that starts the container, waits for its end and returns its exit code.
    pub(super) fn run(&self) -> Command {
        let mut command = self.crun("run");
        command.arg("--pid-file").arg(self.folder.join("pid"));
        command.arg("--bundle").arg(&self.folder).arg(&self.id);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// A command in the running container, as its user.
    pub(super) fn exec(&self, argv: &[String]) -> Command {
        let (uid, gid) = self.user;
        let mut command = self.crun("exec");
        command.arg("--user").arg(format!("{uid}:{gid}")).arg(&self.id).args(argv);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// Waits until `crun` has started the container. Returns the process id of its first process on the host.
    pub(super) async fn started(&self, crun: &mut Child) -> anyhow::Result<Pid> {
        loop {
            // The file can exist before it has its content.
            let written = fs::read_to_string(self.folder.join("pid")).unwrap_or_default();
            if let Some(pid) = written.parse().ok().and_then(Pid::from_raw) {
                return Ok(pid);
            }
            if let Some(status) = crun.try_wait()? {
                bail!("crun did not start the container: {status}");
            }
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// Sends a signal, by name or number, to the container's first process.
    pub(super) fn kill(&self, signal: &str) -> Command {
        let mut command = self.crun("kill");
        command.args([&self.id, signal]).stderr(Stdio::null());
        command
    }

    fn crun(&self, verb: &str) -> Command {
        let manager = if self.has_cgroup { "cgroupfs" } else { "disabled" };
        let mut command = Command::new("crun");
        command.args(["--root=/run/crun", &format!("--cgroup-manager={manager}"), verb]);
        command.stdin(Stdio::null()).kill_on_drop(true);
        command
    }
}

fn process(launch: &Launch) -> Value {
    let (uid, gid) = launch.user;
    let container = &launch.container;
    let base = [("PATH".to_owned(), PATH.to_owned()), ("HOME".to_owned(), "/".to_owned())];
    let mut environment = BTreeMap::from(base);
    environment.extend(launch.environment.clone());
    let given = if container.drops_all_capabilities() { &[][..] } else { &CAPABILITIES };
    // A user other than root has no effective capabilities.
    let effective = if uid == 0 { given } else { &[] };
    let limits = container.ulimits.iter().map(|limit| {
        let hard = reachable(limit.hard_limit);
        let kind = format!("RLIMIT_{}", limit.name.to_uppercase());
        json!({ "type": kind, "hard": hard, "soft": limit.soft_limit.min(hard) })
    });
    json!({
        "user": { "uid": uid, "gid": gid },
        "cwd": "/",
        "args": launch.argv,
        "env": environment.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>(),
        "capabilities": { "bounding": given, "effective": effective, "permitted": effective },
        "rlimits": limits.collect::<Vec<_>>(),
    })
}

/// The hard limit that this process can set. Only root can raise it; other users get at most their own.
fn reachable(hard: u64) -> u64 {
    let own = getrlimit(Resource::Nofile);
    let raised = Rlimit { maximum: own.maximum.map(|most| most.max(hard)), ..own };
    let may_raise = setrlimit(Resource::Nofile, raised).is_ok();
    if may_raise { hard } else { own.maximum.map_or(hard, |most| most.min(hard)) }
}

fn mounts(launch: &Launch, task: &Shared<'_>, root: &Path) -> anyhow::Result<Vec<Value>> {
    let mut mounts = Vec::new();
    for system in SYSTEM.map(Path::new) {
        let place = inside(root, system);
        if let Ok(target) = fs::read_link(system) {
            symlink(target, place)?;
        } else if system.is_dir() {
            fs::create_dir(&place)?;
            // The image's files below the folder are mounted over mount points in `place`.
            let layers = format!("lowerdir={}:{}", place.display(), system.display());
            mounts.push(json!({ "destination": system, "type": "overlay", "source": "overlay", "options": [layers] }));
        }
    }
    mounts.push(json!({ "destination": "/proc", "type": "proc", "source": "proc" }));
    mounts.push(json!({ "destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755", "ro"] }));
    for (local, path) in &launch.files {
        if local.is_dir() {
            fs::create_dir_all(inside(root, path))?;
        } else {
            fs::create_dir_all(inside(root, path.parent().context("a file has a folder")?))?;
            fs::write(inside(root, path), "")?;
        }
        mounts.push(json!({ "destination": path, "type": "bind", "source": local, "options": ["bind", "ro"] }));
    }
    for tmpfs in launch.container.tmpfs() {
        let size = format!("size={}m", tmpfs.size);
        let options: Vec<_> = tmpfs.mount_options.iter().chain([&size]).collect();
        mounts.push(json!({ "destination": tmpfs.container_path, "type": "tmpfs", "source": "tmpfs", "options": options }));
    }
    for point in &launch.container.mount_points {
        let volume =
            task.folder.join(format!("task-{}-volume-{}", task.number, point.source_volume));
        fs::create_dir_all(&volume)?;
        let access = if point.read_only { "ro" } else { "rw" };
        mounts.push(json!({ "destination": point.container_path, "type": "bind", "source": volume, "options": ["bind", access] }));
    }
    Ok(mounts)
}

/// The path on this machine of a path in the container.
fn inside(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::container::Sources;
    use crate::task::definition::TaskDefinition;

    /// The configuration of the sample's sidecar, with `old` replaced by `new` in its definition.
    fn configuration(old: &str, new: &str) -> Value {
        let definition = include_str!("sample.json").replace(old, new);
        let definition: TaskDefinition = serde_json::from_str(&definition).unwrap();
        let sources = Sources {
            root: Path::new(env!("CARGO_MANIFEST_DIR")).join(".."),
            service: "sum".into(),
            name: "sum-api".into(),
            binaries: "/builds".into(),
        };
        let container = definition.container("nginx").unwrap();
        let secrets = vec![("API_KEY".to_owned(), "one:secret".to_owned())];
        let launch = Launch::new(&definition, container, &sources, secrets).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let cgroup = Some(Path::new("/sys/fs/cgroup/memory/rehearsal-7/task-3"));
        let task = Shared { number: 3, network: "task3", cgroup, folder: folder.path() };
        let bundle = Bundle::write(&launch, &task).unwrap();
        let text = fs::read_to_string(bundle.folder.join("config.json")).unwrap();
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn container_is_isolated_as_declared() {
        let declared = configuration("", "");
        let process = &declared["process"];
        assert_eq!(declared["root"]["readonly"], true);
        assert_eq!(process["user"], json!({ "uid": 101, "gid": 101 }));
        for set in ["bounding", "effective", "permitted"] {
            assert_eq!(process["capabilities"][set], json!([]), "{set}");
        }
        assert_eq!(declared["linux"]["cgroupsPath"], "/rehearsal-7/task-3/nginx");
        assert_eq!(declared["linux"]["namespaces"][0]["path"], "/run/netns/task3");
        assert!(!process["args"].to_string().contains("secret"));
        assert!(process["env"].as_array().unwrap().contains(&json!("API_KEY=one:secret")));
        let mounts = declared["mounts"].as_array().unwrap();
        let mount = |path: &str| mounts.iter().find(|m| m["destination"] == path).unwrap();
        assert_eq!(mount("/sidecar")["options"], json!(["bind", "ro"]));
        assert_eq!(
            mount("/run/sidecar")["options"],
            json!(["uid=101", "gid=101", "mode=0700", "size=16m"])
        );

        let writable = configuration(
            r#""readonlyRootFilesystem": true"#,
            r#""readonlyRootFilesystem": false"#,
        );
        assert_eq!(writable["root"]["readonly"], false);
        let kept = configuration(r#""drop": ["ALL"]"#, r#""drop": []"#);
        assert_eq!(kept["process"]["capabilities"]["bounding"], json!(CAPABILITIES));
        assert_eq!(kept["process"]["capabilities"]["effective"], json!([]), "the user is not root");
        let root = configuration(r#""user": "101:101""#, r#""user": "0:0""#);
        assert_eq!(root["process"]["user"], json!({ "uid": 0, "gid": 0 }));
    }
}
