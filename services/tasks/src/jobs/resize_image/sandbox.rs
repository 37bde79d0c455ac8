//! The isolation of the process that reads an image: after it, the process can compute, use the pipes that it has, and end.
//!
//! A decoder with a memory error could run any code of the sender. The kernel kills the process at the first system call that
//! is not in the list below. So this code finds no file, network or other process. The limits are for decoders that never end
//! or take all memory.

use nix::libc;
use nix::sys::prctl::{set_dumpable, set_pdeathsig};
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::Signal;
use nix::unistd::close;
use seccompiler::SeccompCmpArgLen::Dword;
use seccompiler::SeccompCmpOp::{Eq, MaskedEq};
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCondition, SeccompFilter, SeccompRule,
    apply_filter,
};
use std::collections::BTreeMap;
use std::os::fd::RawFd;
use std::{fs, io, process};

/// Bytes of memory in addition to those of a process that has done nothing.
const MEMORY: u64 = 448 << 20;
/// Seconds of CPU time.
const CPU_SECONDS: u64 = 10;

/// System calls without conditions: memory, locks, time, random numbers for hash maps, and the end of the process.
const CALLS: &[i64] = &[
    libc::SYS_brk,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_futex,
    libc::SYS_clock_gettime,
    libc::SYS_getrandom,
    libc::SYS_sigaltstack,
    libc::SYS_rt_sigprocmask,
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_restart_syscall,
    libc::SYS_exit,
    libc::SYS_exit_group,
];

/// Isolates this process for the rest of its life. It must have one thread. The error is a text for the log.
pub fn isolate() -> Result<(), String> {
    set_pdeathsig(Signal::SIGKILL).map_err(|error| failed("parent", &error))?;
    close_descriptors().map_err(|error| failed("descriptors", &error))?;
    // If the machine has no memory left, the kernel ends this process and not the service.
    let preferred = fs::write("/proc/self/oom_score_adj", "1000");
    preferred.map_err(|error| failed("oom_score_adj", &error))?;
    limit().map_err(|error| failed("limits", &error))?;
    set_dumpable(false).map_err(|error| failed("dumpable", &error))?;
    let filter = filter().map_err(|error| failed("filter", &error))?;
    // This also sets `no_new_privs`.
    apply_filter(&filter).map_err(|error| failed("filter", &error))
}

fn failed(step: &str, error: &dyn std::fmt::Display) -> String {
    format!("{step}: {error}")
}

/// Closes everything except for standard input, output and error.
fn close_descriptors() -> io::Result<()> {
    let open: Vec<RawFd> = fs::read_dir("/proc/self/fd")?
        .map(|entry| Ok(entry?.file_name().to_str().and_then(|name| name.parse().ok())))
        .collect::<io::Result<Option<_>>>()?
        .ok_or(io::ErrorKind::InvalidData)?;
    for descriptor in open.into_iter().filter(|descriptor| *descriptor > libc::STDERR_FILENO) {
        // The list also contains the descriptor of the folder, which is closed already.
        let _ = close(descriptor);
    }
    Ok(())
}

/// Descriptors that are open stay open.
fn limit() -> io::Result<()> {
    // At this limit, the process gets a signal of its own.
    setrlimit(Resource::RLIMIT_CPU, CPU_SECONDS, CPU_SECONDS + 1)?;
    for (resource, most) in [
        (Resource::RLIMIT_AS, address_space()? + MEMORY),
        (Resource::RLIMIT_FSIZE, 0),
        (Resource::RLIMIT_CORE, 0),
        (Resource::RLIMIT_NPROC, 0),
        (Resource::RLIMIT_NOFILE, 0),
    ] {
        setrlimit(resource, most, most)?;
    }
    Ok(())
}

/// The bytes of address space that this process has now: mostly its program.
fn address_space() -> io::Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmSize:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    Ok(kib.ok_or(io::ErrorKind::InvalidData)? << 10)
}

fn filter() -> Result<BpfProgram, BackendError> {
    let mut rules: BTreeMap<_, _> = CALLS.iter().map(|call| (*call, Vec::new())).collect();
    let descriptor = |number| Ok(vec![condition(0, Eq, number)?]);
    rules.insert(libc::SYS_read, any([descriptor(libc::STDIN_FILENO)?])?);
    let outputs = [descriptor(libc::STDOUT_FILENO)?, descriptor(libc::STDERR_FILENO)?];
    rules.insert(libc::SYS_write, any(outputs)?);
    // New memory contains no file and no code.
    let anonymous = condition(3, MaskedEq(bits(libc::MAP_ANONYMOUS)), libc::MAP_ANONYMOUS)?;
    let no_code = || condition(2, MaskedEq(bits(libc::PROT_EXEC)), 0);
    rules.insert(libc::SYS_mmap, any([vec![anonymous, no_code()?]])?);
    rules.insert(libc::SYS_mprotect, any([vec![no_code()?]])?);
    // `abort` sends this signal. It is how Rust ends a process without memory.
    let this = process::id().cast_signed();
    let abort = vec![condition(0, Eq, this)?, condition(2, Eq, libc::SIGABRT)?];
    rules.insert(libc::SYS_tgkill, any([abort])?);
    let architecture = std::env::consts::ARCH.try_into()?;
    SeccompFilter::new(rules, SeccompAction::KillProcess, SeccompAction::Allow, architecture)?
        .try_into()
}

fn any<const N: usize>(
    rules: [Vec<SeccompCondition>; N],
) -> Result<Vec<SeccompRule>, BackendError> {
    rules.into_iter().map(SeccompRule::new).collect()
}

fn condition(
    argument: u8,
    operator: seccompiler::SeccompCmpOp,
    value: i32,
) -> Result<SeccompCondition, BackendError> {
    SeccompCondition::new(argument, Dword, operator, bits(value))
}

fn bits(value: i32) -> u64 {
    value.cast_unsigned().into()
}
