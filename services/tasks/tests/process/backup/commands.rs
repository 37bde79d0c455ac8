//! The commands of docs/tasks.md, run as an operator runs them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The variables of the commands.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) state: PathBuf,
    pub(super) backup: PathBuf,
    /// The URL of the database. Only PostgreSQL has one.
    pub(super) database: String,
}

impl Place {
    /// Runs the commands below a heading of the document. Returns their output.
    #[track_caller]
    pub(super) fn run(&self, heading: &str) -> String {
        finish(&mut self.command(heading))
    }

    /// The commands do not say that all is done if they did nothing.
    #[track_caller]
    pub(super) fn refuses(&self, heading: &str) {
        let output = self.command(heading).output().unwrap();
        assert!(!output.status.success(), "{heading}: {output:?}");
    }

    fn command(&self, heading: &str) -> Command {
        let mut command = Command::new("bash");
        command.args(["-c", &block(heading)]).env("DATABASE_URL", &self.database);
        command.env("STATE_DIR", &self.state).env("BACKUP", &self.backup);
        command
    }

    /// The result of a query, without the service.
    #[track_caller]
    pub(super) fn query(&self, sql: &str) -> String {
        let file = self.state.join("tasks.db");
        let mut command = if self.database.is_empty() {
            let mut command = Command::new("sqlite3");
            command.args(["-cmd", ".timeout 5000"]).arg(file);
            command
        } else {
            let mut command = Command::new("psql");
            command.args(["-d", &self.database, "-v", "ON_ERROR_STOP=1", "-qAtc"]);
            command
        };
        finish(command.arg(sql)).trim().to_owned()
    }

    /// The result of a query with one number.
    #[track_caller]
    pub(super) fn number(&self, sql: &str) -> usize {
        self.query(sql).parse().unwrap()
    }
}

/// The first block of commands below a heading.
fn block(heading: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/tasks.md");
    let text = fs::read_to_string(path).unwrap();
    let section = text.split_once(&format!("\n### {heading}\n")).unwrap().1;
    let block = section.split_once("\n```sh\n").unwrap().1.split_once("\n```\n").unwrap().0;
    assert!(block.starts_with("(\n  set -eu\n"), "the block stops at an error: {heading}");
    block.to_owned()
}

#[track_caller]
fn finish(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {text}{complaints}");
    text
}

/// Whether the programs are installed. If one is not, prints that the test is skipped.
pub(super) fn can_run(test: &str, programs: &[&str]) -> bool {
    let is_missing = |program: &&&str| Command::new(program).arg("--version").output().is_err();
    let missing = programs.iter().find(is_missing);
    if let Some(program) = missing {
        println!("SKIPPED: {test}: the program {program} is not installed");
    }
    missing.is_none()
}
