//! A server under measurement. It runs on its own core, is measured from outside, and is ended by its process id.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, kill_process};
use rustix::thread::{CpuSet, sched_setaffinity};
use tempfile::TempDir;

use crate::program::{Program, Setup};

const SERVER_CORE: usize = 0;
const CLIENT_CORE: usize = 1;

/// A running program, with the program behind it. Dropping this stops both.
#[derive(Debug)]
pub struct Server {
    /// Its address.
    pub address: SocketAddr,
    program: Program,
    child: Child,
    behind: Option<Box<Server>>,
    // The last field, so that nginx ends before its directory is removed.
    _directory: TempDir,
}

impl Server {
    /// Starts a setup on the servers' core, the program behind first, and waits until it answers.
    pub fn start(setup: Setup) -> Result<Self> {
        Self::start_under(setup, &[])
    }

    /// The same, with its front under `tool`.
    pub fn start_under(setup: Setup, tool: &[String]) -> Result<Self> {
        let behind = setup
            .behind
            .map(|program| Self::start(Setup { front: program, behind: None, ..setup }));
        let behind = behind.transpose()?;
        let mut server = Self::spawn(setup, behind.as_ref().map(|it| it.address), tool, &[])?;
        server.behind = behind.map(Box::new);
        server.answering()
    }

    /// The sidecar with these settings, in front of a running server.
    pub fn sidecar(behind: SocketAddr, keys: usize, settings: &[(&str, &str)]) -> Result<Self> {
        let setup = Setup::alone(Program::Sidecar).with_keys(keys);
        Self::spawn(setup, Some(behind), &[], settings)?.answering()
    }

    /// Starts only the front, without waiting for it.
    pub fn spawn(
        setup: Setup,
        behind: Option<SocketAddr>,
        tool: &[String],
        settings: &[(&str, &str)],
    ) -> Result<Self> {
        let directory = tempfile::Builder::new().prefix("bench-").tempdir()?;
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let command = setup.front.command(address, behind, setup.keys, directory.path(), tool)?;
        let mut pinned = Command::new("taskset");
        pinned.arg("-c").arg(SERVER_CORE.to_string()).arg(command.get_program());
        pinned.args(command.get_args());
        pinned.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        pinned.envs(settings.iter().copied());
        pinned.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = pinned.spawn().context("starting taskset")?;
        Ok(Self { address, program: setup.front, child, behind: None, _directory: directory })
    }

    fn answering(mut self) -> Result<Self> {
        let started = Instant::now();
        while self.status("/healthz").is_none() {
            self.check()?;
            if started.elapsed() > Duration::from_mins(1) {
                bail!("no answer on {} within a minute", self.address);
            }
            sleep(Duration::from_millis(1));
        }
        Ok(self)
    }

    /// The status of its answer to a `GET`, if it answers.
    pub fn status(&self, path: &str) -> Option<u16> {
        let mut stream = TcpStream::connect(self.address).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n").ok()?;
        let mut head = [0; 12];
        stream.read_exact(&mut head).ok()?;
        str::from_utf8(&head).ok()?.strip_prefix("HTTP/1.1 ")?.parse().ok()
    }

    /// Fails if the process has ended.
    pub fn check(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            Some(status) => bail!("{} ended by itself: {status}", self.program.name()),
            None => Ok(()),
        }
    }

    /// The process and its descendants, such as nginx's workers, and those of the program behind it.
    fn family(&self) -> Vec<u32> {
        let mut family = vec![self.child.id()];
        let mut next = 0;
        while let Some(&pid) = family.get(next) {
            let children =
                fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
            family.extend(children.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
            next += 1;
        }
        family.extend(self.behind.iter().flat_map(|behind| behind.family()));
        family
    }

    /// CPU time so far, user and system, of all threads.
    pub fn cpu_time(&self) -> Duration {
        let threads = self.family().into_iter();
        let threads = threads.flat_map(|pid| fs::read_dir(format!("/proc/{pid}/task")));
        let nanos = threads.flatten().flatten().filter_map(|thread| {
            let schedstat = fs::read_to_string(thread.path().join("schedstat")).ok()?;
            schedstat.split(' ').next()?.parse::<u64>().ok()
        });
        Duration::from_nanos(nanos.sum())
    }

    /// Resident memory in MiB.
    pub fn resident_mib(&self) -> f64 {
        let kib = self.family().into_iter().filter_map(|pid| {
            let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
            let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
            line.split_whitespace().next()?.parse::<u64>().ok()
        });
        kib.sum::<u64>() as f64 / 1024.0
    }
}

impl Drop for Server {
    /// Stops the server gracefully, and kills it after 10 s.
    fn drop(&mut self) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        // Sends the signal repeatedly. As one process, nginx checks for the signal before it waits for events, and does
        // not react to a signal between the two.
        for tries in 0..2000 {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            if tries % 40 == 0 {
                let _ = pid.map(|pid| kill_process(pid, self.program.graceful()));
            }
            sleep(Duration::from_millis(5));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs `work` in a thread on the load's core. Servers that it starts are pinned to the other core.
pub fn on_the_clients_core<T: Send>(work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    std::thread::scope(|scope| {
        let worker = scope.spawn(|| {
            let mut cores = CpuSet::new();
            cores.set(CLIENT_CORE);
            sched_setaffinity(None, &cores).context("pinning needs two cores")?;
            work()
        });
        worker.join().expect("a measurement does not panic")
    })
}
