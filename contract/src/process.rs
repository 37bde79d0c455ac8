//! A child process: its log, its signals, its end.

use crate::log::{Log, Stream};
use crate::server::RuntimeDir;
use crate::wait::{PATIENCE, poll};
use rustix::process::{Pid, kill_process};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::time::Duration;

pub use rustix::process::Signal;

/// A started process. On drop it gets a signal to stop, and `SIGKILL` if it does not end.
#[derive(Debug)]
pub struct Process {
    child: Mutex<Child>,
    pid: u32,
    /// Its output so far.
    pub log: Log,
    /// The signal for a graceful stop: `SIGQUIT` for nginx, `SIGTERM` for the API.
    graceful: Signal,
    /// Its state. It is removed after the end of the process.
    state: Option<RuntimeDir>,
}

impl Process {
    /// Starts `command`. From our environment it inherits only `PATH`, `NGINX` and the variable of coverage tools.
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
        Self { pid: child.id(), child: Mutex::new(child), log, graceful, state: None }
    }

    /// Keeps a directory until the process has ended.
    #[must_use]
    pub(crate) fn with_state(mut self, state: RuntimeDir) -> Self {
        self.state = Some(state);
        self
    }

    /// The directory of its state.
    pub(crate) fn state(&self) -> &Path {
        self.state.as_ref().expect("only a service has one").path()
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// The process and its children. The children of nginx are its workers.
    #[must_use]
    pub fn family(&self) -> Vec<u32> {
        let children = format!("/proc/{0}/task/{0}/children", self.pid);
        let children = fs::read_to_string(children).unwrap_or_default();
        std::iter::once(self.pid)
            .chain(children.split_whitespace().filter_map(|pid| pid.parse().ok()))
            .collect()
    }

    /// A file below `/proc/PID` of each process of the family, as text.
    #[must_use]
    pub fn proc_files(&self, name: &str) -> Vec<String> {
        let path = |pid: u32| PathBuf::from(format!("/proc/{pid}/{name}"));
        let read = |pid: u32| {
            fs::read(path(pid)).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        };
        self.family().into_iter().filter_map(|pid| read(pid).ok()).collect()
    }

    /// Sends a signal. If the process has ended, this does nothing.
    pub fn signal(&self, signal: Signal) {
        let mut child = self.child.lock().expect("nothing panics while it holds the lock");
        // The process is not reaped yet, so the id cannot belong to another process.
        if matches!(child.try_wait(), Ok(None)) {
            send(self.pid, signal);
        }
    }

    /// Starts the graceful stop.
    pub fn stop(&self) {
        self.signal(self.graceful);
    }

    /// The exit status, if the process has ended.
    #[must_use]
    pub fn ended(&self) -> Option<ExitStatus> {
        let mut child = self.child.lock().expect("nothing panics while it holds the lock");
        child.try_wait().expect("a child can be waited for")
    }

    /// Waits for the end of the process.
    #[must_use]
    pub fn wait(&self, limit: Duration) -> Option<ExitStatus> {
        poll(limit, || self.ended())
    }

    /// Stops the process and returns its exit code. Fails the test if it does not end or a signal ends it.
    pub fn finish(&self) -> i32 {
        self.stop();
        self.exit_code()
    }

    /// Waits for the end of the process and returns its exit code. Afterwards the log is complete.
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
        // The test has ended, so requests in flight do not matter.
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
