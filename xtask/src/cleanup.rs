//! A command that runs when this process ends, also after a signal.
//!
//! A shell waits for the end of its standard input, which this process keeps open.

use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};

use anyhow::Context as _;

/// Runs the command when this value is dropped, or when the process ends.
#[derive(Debug)]
pub struct Cleanup(Child);

impl Cleanup {
    /// `environment` sets the folder and the variables for the shell line.
    pub fn new(line: &str, environment: impl FnOnce(Command) -> Command) -> anyhow::Result<Self> {
        let mut shell = environment(crate::command::command("sh"));
        // Ctrl-C reaches every process of the terminal's foreground group. The shell must outlive it.
        shell.process_group(0).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let script = format!("trap '' HUP INT TERM; cat >/dev/null; {line}");
        shell.args(["-c", &script]).spawn().map(Self).context("sh")
    }
}

impl Drop for Cleanup {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_runs_only_when_the_value_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("done");
        let cleanup = Cleanup::new("touch done", |mut shell| {
            shell.current_dir(folder.path());
            shell
        });
        let cleanup = cleanup.unwrap();
        std::thread::sleep(std::time::Duration::from_millis(100));
        assert!(!file.exists());
        drop(cleanup);
        assert!(file.exists());
    }
}
