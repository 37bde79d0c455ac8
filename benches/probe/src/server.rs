//! A server under measurement: started on its own core, looked at from outside, ended by its id.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, kill_process};
use rustix::thread::{CpuSet, sched_setaffinity};

use crate::program::{Program, Setup};

/// The core of the servers.
pub const SERVER_CORE: usize = 0;
/// The core of the load.
pub const CLIENT_CORE: usize = 1;

/// A running program, with what runs behind it.
#[derive(Debug)]
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    program: Program,
    child: Child,
    behind: Option<Box<Server>>,
    // The last field: nginx is gone before its directory.
    _directory: Directory,
}

impl Server {
    /// Starts a setup on the servers' core, what is behind first, and waits until it answers.
    pub fn start(setup: Setup) -> Result<Self> {
        Self::start_at(setup, free_address()?, &[])
    }

    /// The same at an address, its front under `tool`.
    pub fn start_at(setup: Setup, address: SocketAddr, tool: &[String]) -> Result<Self> {
        let behind = match setup.behind {
            Some(program) => {
                Some(Box::new(Self::start(Setup::alone(program).with_keys(setup.keys))?))
            }
            None => None,
        };
        let mut server = Self::spawn(setup, address, behind, tool)?;
        server.wait_until_it_answers(Duration::from_mins(1))?;
        Ok(server)
    }

    /// The program alone, not waited for.
    pub fn spawn_alone(setup: Setup, address: SocketAddr) -> Result<Self> {
        Self::spawn(setup, address, None, &[])
    }

    /// Our sidecar with settings of one's own in front of something that runs already.
    pub fn sidecar(behind: SocketAddr, keys: usize, settings: &[(&str, &str)]) -> Result<Self> {
        let (directory, address) = (Directory::new()?, free_address()?);
        let mut command =
            Program::Sidecar.command(address, Some(behind), keys, &directory.0, &[])?;
        command.envs(settings.iter().copied());
        let child = quiet(&mut command)?;
        let program = Program::Sidecar;
        let mut server = Self { address, program, child, behind: None, _directory: directory };
        server.wait_until_it_answers(Duration::from_secs(20))?;
        Ok(server)
    }

    fn spawn(
        setup: Setup,
        address: SocketAddr,
        behind: Option<Box<Server>>,
        tool: &[String],
    ) -> Result<Self> {
        let directory = Directory::new()?;
        let upstream = behind.as_ref().map(|server| server.address);
        let command = setup.front.command(address, upstream, setup.keys, &directory.0, tool)?;
        let mut pinned = Command::new("taskset");
        pinned.arg("-c").arg(SERVER_CORE.to_string()).arg(command.get_program());
        pinned.args(command.get_args());
        pinned.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let child = quiet(&mut pinned)?;
        Ok(Self { address, program: setup.front, child, behind, _directory: directory })
    }

    fn wait_until_it_answers(&mut self, limit: Duration) -> Result<()> {
        let started = Instant::now();
        while started.elapsed() < limit {
            self.check()?;
            if answers(self.address) {
                return Ok(());
            }
            sleep(Duration::from_millis(1));
        }
        bail!("no answer on {} within {} s", self.address, limit.as_secs())
    }

    /// Fails when the process has ended.
    pub fn check(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            Some(status) => bail!("{} ended by itself: {status}", self.program.name()),
            None => Ok(()),
        }
    }

    /// The process and its descendants, and those behind: nginx has workers.
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
        let mut nanos = 0;
        for pid in self.family() {
            let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { continue };
            for thread in threads.flatten() {
                let schedstat =
                    fs::read_to_string(thread.path().join("schedstat")).unwrap_or_default();
                let on_cpu = schedstat.split(' ').next().and_then(|nanos| nanos.parse().ok());
                nanos += on_cpu.unwrap_or(0);
            }
        }
        Duration::from_nanos(nanos)
    }

    /// Resident memory in KiB.
    pub fn resident_kib(&self) -> u64 {
        self.family().iter().map(|pid| resident_kib(*pid)).sum()
    }

    /// Asks the server to end, insists after 10 s, and returns when it is gone.
    pub fn stop(self) {
        drop(self);
    }

    fn end(&mut self) {
        let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) else { return };
        // Asked again and again: as one process nginx looks for the signal before it waits for events, and a signal in
        // between waits with it.
        for _ in 0..50 {
            let _ = kill_process(pid, self.program.graceful());
            for _ in 0..40 {
                if matches!(self.child.try_wait(), Ok(Some(_))) {
                    return;
                }
                sleep(Duration::from_millis(5));
            }
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.end();
        }
    }
}

fn quiet(command: &mut Command) -> Result<Child> {
    let program = command.get_program().to_string_lossy().into_owned();
    let command = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().with_context(|| format!("starting {program}"))
}

fn resident_kib(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next())
        .and_then(|kib| kib.parse().ok())
        .unwrap_or(0)
}

/// Whether something there speaks HTTP.
pub fn answers(address: SocketAddr) -> bool {
    let Ok(mut stream) = TcpStream::connect(address) else { return false };
    let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
    let asked =
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n");
    let mut start = [0; 5];
    asked.is_ok() && stream.read_exact(&mut start).is_ok() && &start == b"HTTP/"
}

/// A loopback address that is free now.
pub fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// Runs `work` in a thread that has the load's core. What it starts itself is pinned elsewhere.
pub fn on_the_clients_core<T: Send>(work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    std::thread::scope(|scope| {
        let worker = scope.spawn(|| {
            let mut cores = CpuSet::new();
            cores.set(CLIENT_CORE);
            sched_setaffinity(None, &cores).context("pinning takes two cores")?;
            work()
        });
        worker.join().expect("a measurement does not panic")
    })
}

/// A directory that lives as long as this value.
#[derive(Debug)]
pub struct Directory(pub PathBuf);

impl Directory {
    /// A fresh one.
    pub fn new() -> Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("sum-api-bench-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
