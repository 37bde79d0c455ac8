//! The machine and the time of a measurement.

use std::fs;
use std::process::Command;
use std::time::SystemTime;

use probe::program::root;

/// Date and time, and the load average.
pub fn now() -> String {
    let now = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    format!("{} UTC, load average before {}", now[..16].replace('T', " "), load_average())
}

/// The load average of the last minute.
pub fn load_average() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or("unknown").into()
}

/// Processor time since the start of the machine, in ticks: the total, and the part that other machines on the same
/// host used.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ticks {
    all: u64,
    stolen: u64,
}

impl Ticks {
    /// The time until now.
    pub fn now() -> Self {
        let text = fs::read_to_string("/proc/stat").unwrap_or_default();
        let line = text.lines().next().unwrap_or_default();
        let ticks: Vec<u64> =
            line.split_whitespace().skip(1).filter_map(|ticks| ticks.parse().ok()).collect();
        Self { all: ticks.iter().sum(), stolen: ticks.get(7).copied().unwrap_or(0) }
    }

    /// The stolen share since `earlier`, in percent.
    pub fn stolen_since(self, earlier: Self) -> f64 {
        (self.stolen - earlier.stolen) as f64 * 100.0 / (self.all - earlier.all).max(1) as f64
    }
}

/// A bullet list of the conditions that the figures depend on.
pub fn list() -> String {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name"));
    let model = model.map_or("unknown", |line| line.trim_start_matches([' ', '\t', ':']));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let committed = said("git", &["status", "--porcelain", "--", "services"]).is_empty();
    let changed = if committed { "" } else { ", with uncommitted changes to `services/`" };
    [
        format!("commit {}{changed}", said("git", &["rev-parse", "--short", "HEAD"])),
        format!("{model}, {cores} cores, a virtual machine without performance counters"),
        format!("Linux {}, loopback", said("uname", &["-r"])),
        said("rustc", &["--version"]),
        said("nginx", &["-v"]).replace("nginx version: ", ""),
        said("go", &["version"]),
        said("valgrind", &["--version"]),
    ]
    .iter()
    .filter(|line| !line.is_empty())
    .fold(String::new(), |list, line| list + "* " + line + "\n")
}

/// The first line that a command prints on standard output or standard error. Empty if it does not run.
fn said(program: &str, arguments: &[&str]) -> String {
    let Ok(output) = Command::new(program).args(arguments).current_dir(root()).output() else {
        return String::new();
    };
    let text = if output.stdout.is_empty() { output.stderr } else { output.stdout };
    String::from_utf8_lossy(&text).lines().next().unwrap_or_default().to_owned()
}
