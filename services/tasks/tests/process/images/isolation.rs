//! The isolation, seen from outside and from inside.

use super::{TASKS, resizer, until_isolated, value};
use crate::service::ATTEMPTS;
use crate::{PATIENCE, until};
use std::fs;
use std::io::Read;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;
use tasks::jobs::resize_image::{NotResized, Resizer};

/// The signal of a forbidden system call.
const SIGSYS: i32 = 31;
const SIGABRT: i32 = 6;

/// A process that is killed with its value.
struct Waiting(Child);

impl Drop for Waiting {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn start(command: &mut Command) -> Waiting {
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Waiting(command.spawn().unwrap())
}

/// A script that takes the place of the program.
fn script(folder: &tempfile::TempDir, text: &str) -> Resizer {
    let file = folder.path().join("program");
    fs::write(&file, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    Resizer::new(file)
}

#[test]
fn isolated_process_is_killed_at_every_attempt() {
    let mut tested = 0;
    for attempt in [
        "read a file",
        "read the memory of the parent as a file",
        "read the memory of the parent",
        "list a folder",
        "delete a file",
        "open a socket",
        "open a pair of sockets",
        "open a pipe",
        "copy a descriptor",
        "start a thread",
        "start a process",
        "become a program",
        "signal the parent",
        "signal itself",
        "trace",
        "become dumpable",
        "raise a limit",
        "change the folder",
    ] {
        let run = |isolation| {
            let mut command = Command::new(ATTEMPTS);
            command.args([isolation, attempt]).env_clear().output().unwrap().status
        };
        assert_eq!(run("open").code(), Some(0), "{attempt}");
        assert_eq!(run("isolated").signal(), Some(SIGSYS), "{attempt}");
        tested += 1;
    }
    assert_eq!(tested, 18);
}

#[test]
fn isolated_process_computes_but_has_little_memory() {
    let run = |isolation, attempt| {
        let mut command = Command::new(ATTEMPTS);
        command.args([isolation, attempt]).env_clear().output().unwrap().status
    };
    assert_eq!(run("isolated", "compute").code(), Some(0));
    assert_eq!(run("open", "take a GiB").code(), Some(0));
    assert_eq!(run("isolated", "take a GiB").signal(), Some(SIGABRT));
}

#[test]
fn process_is_isolated_before_it_reads() {
    let process = start(Command::new(TASKS).arg("resize-image"));
    let id = process.0.id();
    until_isolated(id);
    for (file, name, expected) in [
        ("status", "NoNewPrivs:", "1"),
        ("status", "Seccomp:", "2"),
        ("status", "Threads:", "1"),
        ("limits", "Max cpu time", "10 11 seconds"),
        ("limits", "Max file size", "0 0 bytes"),
        ("limits", "Max core file size", "0 0 bytes"),
        ("limits", "Max open files", "0 0 files"),
        ("limits", "Max processes", "0 0 processes"),
        ("oom_score_adj", "", "1000"),
    ] {
        assert_eq!(value(id, file, name).as_deref(), Some(expected), "{name}");
    }
    let memory = value(id, "limits", "Max address space").unwrap();
    let memory: u64 = memory.split(' ').next().unwrap().parse().unwrap();
    assert!((448 << 20..1 << 30).contains(&memory), "{memory}");
}

/// Runs a command as in a container: without capabilities, and not as root.
fn unprivileged(command: &[&str]) -> Waiting {
    let mut shell = if fs::metadata("/proc/self").unwrap().uid() == 0 {
        let mut other = Command::new("setpriv");
        other.args(["--reuid", "65534", "--regid", "65534", "--clear-groups", "--no-new-privs"]);
        other.args(["--inh-caps", "-all", "--bounding-set", "-all", "--", "env"]);
        other
    } else {
        Command::new("env")
    };
    start(shell.args(command))
}

/// The files of a process that is not dumpable belong to root.
#[test]
fn process_is_not_dumpable() {
    let process = unprivileged(&[TASKS, "resize-image"]);
    until_isolated(process.0.id());
    assert!(!value(process.0.id(), "status", "Uid:").unwrap().starts_with("0 "));
    let owner = fs::metadata(format!("/proc/{}/environ", process.0.id())).unwrap().uid();
    assert_eq!(owner, 0);
}

/// The shell gives the process its error pipe as descriptor 9 too. The pipe ends when the process closes it.
#[test]
fn inherited_descriptor_is_closed() {
    let ends = |program: &str| {
        let script = format!("exec {program} 9>&2 2>/dev/null");
        let mut process = start(Command::new("sh").args(["-c", &script]));
        let (sender, ended) = channel();
        let mut pipe = process.0.stderr.take().unwrap();
        thread::spawn(move || sender.send(pipe.read_to_end(&mut Vec::new()).unwrap()));
        let limit =
            if program.contains("resize-image") { PATIENCE } else { Duration::from_millis(500) };
        let ended = ended.recv_timeout(limit).is_ok();
        assert!(process.0.try_wait().unwrap().is_none(), "the process has ended");
        ended
    };
    assert!(ends(&format!("{TASKS} resize-image")));
    assert!(!ends("sleep 1000"));
}

/// The script writes an image for the parent, and then what it has got.
#[tokio::test]
async fn process_gets_an_empty_environment() {
    let folder = tempfile::tempdir().unwrap();
    let text = "printf '\\211PNG\\r\\n\\032\\n'; cat >/dev/null; \
        echo environment: $(tr '\\0' ' ' </proc/$$/environ); echo folder: $(pwd)";
    let processes = script(&folder, text);
    let seen = processes.resize(b"\x89PNG\r\n\x1a\n", 1, 1).await.unwrap();
    // A failure does not print the environment, which can contain secrets.
    assert!(&seen[8..] == b"environment:\nfolder: /\n", "{} bytes", seen.len());
    assert!(std::env::vars().next().is_some(), "this process has no environment");
}

#[tokio::test]
async fn machine_without_isolation_does_not_offer_the_type() {
    assert!(resizer().is_available().await);
    let folder = tempfile::tempdir().unwrap();
    let processes = script(&folder, "echo seccomp: no; exit 69");
    assert!(!processes.is_available().await);
    let resized = processes.resize(b"\x89PNG\r\n\x1a\n", 1, 1).await;
    assert_eq!(resized, Err(NotResized::NotIsolated));
    assert!(!Resizer::new("/nothing".into()).is_available().await);
}

/// A process whose isolation fails ends with the code 69 and reads nothing. Here, it cannot set its limits.
#[test]
fn process_that_is_not_isolated_reads_nothing() {
    let script = format!("ulimit -v 400000; exec {TASKS} resize-image");
    let mut process = unprivileged(&["sh", "-c", &script]);
    until("the end", PATIENCE, || process.0.try_wait().unwrap().is_some());
    let mut output = String::new();
    process.0.stdout.take().unwrap().read_to_string(&mut output).unwrap();
    assert!(output.starts_with("limits: "), "{output}");
    assert_eq!(process.0.wait().unwrap().code(), Some(69));
}
