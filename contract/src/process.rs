//! A process of ours: its log, its signals, its end.

use crate::log::{Log, Stream};
use crate::wait::{PATIENCE, poll};
use rustix::process::{Pid, kill_process};
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::time::Duration;

pub use rustix::process::Signal;

/// A started process. Dropped, it is asked to stop, and killed when it does not.
#[derive(Debug)]
pub struct Process {
    child: Mutex<Child>,
    pid: u32,
    /// What it wrote so far.
    pub log: Log,
    /// What asks it to finish its work and go: `SIGQUIT` for nginx, `SIGTERM` for the API.
    graceful: Signal,
}

impl Process {
    /// Starts `command` with nothing of our environment but `PATH` and what coverage tools need.
    #[must_use]
    pub fn start(mut command: Command, environment: &[(String, String)], graceful: Signal) -> Self {
        command.env_clear();
        for name in ["PATH", "LLVM_PROFILE_FILE", "NGINX"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command.envs(environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child =
            command.spawn().unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
        let log = Log::default();
        log.collect(Stream::Out, child.stdout.take().expect("piped"));
        log.collect(Stream::Err, child.stderr.take().expect("piped"));
        Self { pid: child.id(), child: Mutex::new(child), log, graceful }
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Itself and the processes it started; those of an nginx are its workers.
    #[must_use]
    pub fn family(&self) -> Vec<u32> {
        let children = format!("/proc/{0}/task/{0}/children", self.pid);
        let children = fs::read_to_string(children).unwrap_or_default();
        std::iter::once(self.pid)
            .chain(children.split_whitespace().filter_map(|pid| pid.parse().ok()))
            .collect()
    }

    /// A file under `/proc/PID` of each of the family, as text.
    #[must_use]
    pub fn proc_files(&self, name: &str) -> Vec<String> {
        let path = |pid: u32| PathBuf::from(format!("/proc/{pid}/{name}"));
        let read = |pid: u32| {
            fs::read(path(pid)).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        };
        self.family().into_iter().filter_map(|pid| read(pid).ok()).collect()
    }

    /// Sends a signal. That the process is gone already is no error.
    pub fn signal(&self, signal: Signal) {
        let mut child = self.child.lock().expect("nothing panics while it holds the lock");
        // Not reaped yet, so the id cannot belong to another process.
        if matches!(child.try_wait(), Ok(None)) {
            send(self.pid, signal);
        }
    }

    /// Asks it to finish its work and go.
    pub fn stop(&self) {
        self.signal(self.graceful);
    }

    /// How it ended, when it has.
    #[must_use]
    pub fn ended(&self) -> Option<ExitStatus> {
        let mut child = self.child.lock().expect("nothing panics while it holds the lock");
        child.try_wait().expect("a child can be waited for")
    }

    /// Waits for its end.
    #[must_use]
    pub fn wait(&self, limit: Duration) -> Option<ExitStatus> {
        poll(limit, || self.ended())
    }

    /// Asks it to go and gives its exit code, or fails the test when it stays or dies by a signal.
    pub fn finish(&self) -> i32 {
        self.stop();
        self.exit_code()
    }

    /// Waits for its end and gives its exit code; all it wrote is in the log then.
    pub fn exit_code(&self) -> i32 {
        let status = self
            .wait(PATIENCE)
            .unwrap_or_else(|| panic!("does not end; it wrote:\n{}", self.log.text()));
        self.log.wait_for_end();
        status.code().unwrap_or_else(|| panic!("ended by {status}; it wrote:\n{}", self.log.text()))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let family = self.family();
        self.stop();
        if self.wait(Duration::from_millis(300)).is_some() {
            return;
        }
        // A test that has ended has no use for what is still in flight.
        self.signal(Signal::TERM);
        if self.wait(Duration::from_secs(5)).is_none() {
            for pid in family {
                send(pid, Signal::KILL);
            }
            let _ = self.wait(PATIENCE);
        }
    }
}

fn send(pid: u32, signal: Signal) {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).expect("the kernel gave this id");
    let _ = kill_process(pid, signal);
}
