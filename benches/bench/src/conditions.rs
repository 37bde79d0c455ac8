//! Where and when a figure was measured.

use std::fs;
use std::process::Command;

use probe::program::root;

/// Date and time, and the load average.
pub fn now() -> String {
    format!(
        "{} UTC, load average before {}",
        said("date", &["-u", "+%Y-%m-%d %H:%M"]),
        load_average()
    )
}

/// Of the last minute.
pub fn load_average() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or("unknown").into()
}

/// A bullet list of what the figures depend on.
pub fn list() -> String {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name"));
    let model = model.map_or("unknown", |line| line.trim_start_matches([' ', '\t', ':']));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let changed = if said("git", &["status", "--porcelain", "--", "services"]).is_empty() {
        ""
    } else {
        ", with changes to `services/` that are not committed"
    };
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

/// The first line that a command prints, on either stream; nothing when it does not run.
fn said(program: &str, arguments: &[&str]) -> String {
    let Ok(output) = Command::new(program).args(arguments).current_dir(root()).output() else {
        return String::new();
    };
    let text = if output.stdout.is_empty() { output.stderr } else { output.stdout };
    String::from_utf8_lossy(&text).lines().next().unwrap_or_default().to_owned()
}
