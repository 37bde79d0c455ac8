//! Runs the examples of the documentation, as a reader runs them.
//!
//! A check fails if the output of a command differs from the page. Each stack has its own ports and folder, so it does
//! not affect another stack. A second stack, the neighbour, runs at the same time to check this.

pub mod page;
mod stack;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};

use crate::testbed::report::Report;
use page::{Page, Step, matches};
use stack::Stack;

/// Arguments of the command.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder below services/ of the service in the documentation
    #[arg(long, env = "SERVICE")]
    service: String,
    /// The repository's root
    #[arg(long, default_value = ".")]
    root: PathBuf,
    /// Run only this page, in the root; its steps change files there
    #[arg(long)]
    page: Option<PathBuf>,
    /// Folder for state and logs, below the root
    #[arg(long, default_value = ".run/examples")]
    scratch: PathBuf,
}

/// The programs that the page for callers needs. Without one of them, the page is skipped.
const LANGUAGES: [&str; 2] = ["node", "python3"];

/// Pairs of a name on the page and the name in this run.
#[derive(Debug, Clone, Default)]
struct Names(Vec<(String, String)>);

impl Names {
    fn here(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (page, here)| text.replace(page, here))
    }
}

/// Runs the command. `Ok(false)` means that the output of an example differs from its page.
pub fn run(args: &Args) -> anyhow::Result<bool> {
    let mut report = Report::default();
    let root = args.root.canonicalize()?;
    if let Some(page) = &args.page {
        let page = page.to_str().context("the name of the page is not UTF-8")?;
        report.part(page);
        Reader { folder: root.clone(), ..Reader::default() }
            .follow(&read(&root, page)?, &mut report)?;
        return Ok(report.finish());
    }

    let neighbour = Stack::new(&root, &args.service, &args.scratch.join("neighbour"))?;
    neighbour.make("up")?;
    let neighbours = neighbour.processes();

    report.part("README.md");
    let own = Stack::new(&root, &args.service, &args.scratch.join("own"))?;
    let (folder, environment) = (root.clone(), own.environment());
    Reader { folder, environment, names: own.names(), ..Reader::default() }
        .follow(&read(&root, "README.md")?, &mut report)?;
    report.check("README.md stops its stack", own.processes().is_empty(), "");

    report.part("docs/calling.md");
    if let Some(missing) = LANGUAGES.iter().find(|program| !is_installed(program)) {
        report.skip("docs/calling.md", &format!("{missing} is not installed"));
    } else {
        let calling = read(&root, "docs/calling.md")?;
        ensure!(
            calling.shown.is_empty(),
            "docs/calling.md has blocks that are neither commands nor files: {:?}",
            calling.shown
        );
        own.make("up")?;
        let folder = root.join(&args.scratch).join("caller");
        fs::create_dir_all(&folder)?;
        let names = Names(vec![
            (format!("https://{}.example.com", args.service), own.url()),
            ("YOUR-KEY".to_owned(), "CHANGEME".to_owned()),
        ]);
        Reader { folder, names, ..Reader::default() }.follow(&calling, &mut report)?;
        own.make("down")?;
    }

    report.check(
        "a stack that ran before still runs",
        neighbours.len() == 2 && neighbour.processes() == neighbours && answers(&neighbour),
        &neighbour.url(),
    );
    neighbour.make("down")?;
    Ok(report.finish())
}

fn read(root: &Path, page: &str) -> anyhow::Result<Page> {
    let text = fs::read_to_string(root.join(page)).with_context(|| page.to_owned())?;
    let page = Page::parse(&text);
    ensure!(!page.steps.is_empty(), "the page has no commands and no files");
    Ok(page)
}

fn is_installed(program: &str) -> bool {
    let status = Command::new(program).arg("--version").stdout(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

fn answers(stack: &Stack) -> bool {
    let ready = Command::new("curl").args(["-sf", &format!("{}/readyz", stack.url())]).output();
    ready.is_ok_and(|ready| ready.stdout == br#"{"status":"ready"}"#)
}

/// Runs the steps of a page in one folder.
#[derive(Default)]
struct Reader {
    folder: PathBuf,
    environment: Vec<(&'static str, String)>,
    names: Names,
    /// The `export` commands so far. A reader has one shell, but here each command has its own.
    exports: Vec<String>,
}

impl Reader {
    fn follow(&mut self, page: &Page, report: &mut Report) -> anyhow::Result<()> {
        for step in &page.steps {
            match step {
                Step::File { name, text } => {
                    let path = self.folder.join(name);
                    fs::create_dir_all(path.parent().context("the file has no folder")?)?;
                    fs::write(path, self.names.here(text))?;
                }
                Step::Command { command, expected } => {
                    let (printed, complaints) = self.type_in(command)?;
                    let good = matches(&self.names.here(expected), &printed);
                    report.check(command, good, "");
                    if !good {
                        println!("--- the page\n{expected}--- now\n{printed}{complaints}---");
                    }
                }
            }
        }
        Ok(())
    }

    /// Runs a command. Returns its standard output and its standard error. Both go to files, because background
    /// processes of the command would keep a pipe open.
    fn type_in(&mut self, command: &str) -> anyhow::Result<(String, String)> {
        let script = [self.exports.clone(), vec![self.names.here(command)]].concat().join("\n");
        let (out, err) = (tempfile::NamedTempFile::new()?, tempfile::NamedTempFile::new()?);
        Command::new("timeout")
            .args(["600", "bash", "-c", &script])
            .current_dir(&self.folder)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            // With these variables, a nested make prints the names of folders.
            .env_remove("MAKEFLAGS")
            .env_remove("MAKELEVEL")
            .stdin(Stdio::null())
            .stdout(File::create(out.path())?)
            .stderr(File::create(err.path())?)
            .status()
            .context("cannot run `timeout` and `bash`")?;
        if command.starts_with("export ") {
            self.exports.push(self.names.here(command));
        }
        Ok((fs::read_to_string(out.path())?, fs::read_to_string(err.path())?))
    }
}
