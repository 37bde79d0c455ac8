//! The test binaries of the workspace, compiled once for all steps.
//!
//! `cargo test --package` would compile the dependencies again for each package, because their features differ. It
//! would also wait while another lane compiles. A suite runs in the folder of its package, as with Cargo.

use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, ensure};
use serde::Deserialize;

use crate::command::{command, from_line};

/// The environment variable with the test binaries, for the steps.
const VARIABLE: &str = "SUITES";
const COMPILE: &str =
    "cargo test --quiet --locked --workspace --all-targets --no-run --message-format=json";

/// Arguments of the command.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folders of packages. `services` selects every service
    #[arg(required = true)]
    folders: Vec<String>,
    /// Print the test binaries, do not run them
    #[arg(long)]
    print: bool,
    /// Run the tests whose name contains one of these
    #[arg(last = true)]
    filters: Vec<String>,
}

/// The folder of a package below the root, and its test binaries.
pub(super) type Suites = BTreeMap<String, Vec<PathBuf>>;

/// One line of Cargo's output.
#[derive(Debug, Deserialize)]
struct Artifact {
    manifest_path: PathBuf,
    executable: Option<PathBuf>,
    profile: Profile,
    target: Target,
}

#[derive(Debug, Deserialize)]
struct Target {
    kind: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Profile {
    test: bool,
}

/// Compiles the workspace and its tests.
pub(super) fn compile(root: &Path) -> anyhow::Result<Suites> {
    let mut cargo = from_line(COMPILE);
    let output = cargo.current_dir(root).stderr(Stdio::inherit()).output().context("cargo")?;
    ensure!(output.status.success(), "the workspace does not compile");
    let mut suites = Suites::new();
    for line in String::from_utf8(output.stdout)?.lines() {
        let Ok(artifact) = serde_json::from_str::<Artifact>(line) else { continue };
        let Some(binary) = artifact.executable.filter(|_| artifact.profile.test) else { continue };
        let folder = artifact.manifest_path.parent().context("a manifest is in a folder")?;
        let folder = folder.strip_prefix(root)?.to_string_lossy().into_owned();
        let binaries = suites.entry(folder).or_default();
        // Unit tests first, as Cargo does.
        let place = if artifact.target.kind == ["test"] { binaries.len() } else { 0 };
        binaries.insert(place, binary);
    }
    Ok(suites)
}

/// The environment variable for the steps.
pub(super) fn variable(suites: &Suites) -> anyhow::Result<(&'static str, String)> {
    Ok((VARIABLE, serde_json::to_string(suites)?))
}

/// Runs the suites of these folders. Returns whether all tests passed.
pub fn run(root: &Path, args: &Args) -> anyhow::Result<bool> {
    let suites: Suites = match env::var(VARIABLE) {
        Ok(suites) => serde_json::from_str(&suites).context(VARIABLE)?,
        Err(_) => compile(root)?,
    };
    let mut good = true;
    for folder in &args.folders {
        let binaries = binaries(&suites, folder);
        ensure!(!binaries.is_empty(), "{folder} has no tests");
        for (folder, binary) in binaries {
            if args.print {
                println!("{}", binary.display());
                continue;
            }
            let mut suite = command(binary);
            suite.arg("--show-output").args(&args.filters);
            let folder = root.join(folder);
            suite.current_dir(&folder).env("CARGO_MANIFEST_DIR", &folder);
            good &= suite.status().with_context(|| binary.display().to_string())?.success();
        }
    }
    Ok(good)
}

/// The binaries of a folder, or of every service.
fn binaries<'a>(suites: &'a Suites, wanted: &str) -> Vec<(&'a str, &'a Path)> {
    let is_wanted = |folder: &str| match wanted {
        // The sidecar is also in this folder.
        "services" => folder.starts_with("services/") && folder != "services/nginx",
        _ => folder == wanted,
    };
    let suites = suites.iter().filter(|(folder, _)| is_wanted(folder));
    suites.flat_map(|(folder, all)| all.iter().map(|binary| (&**folder, &**binary))).collect()
}

#[cfg(test)]
mod tests {
    use super::{Suites, binaries};
    use std::path::PathBuf;

    #[test]
    fn services_selects_every_service_but_no_sidecar() {
        let folders = ["chassis", "services/nginx", "services/orders", "services/sum"];
        let suites: Suites =
            folders.iter().map(|&folder| (folder.to_owned(), vec![PathBuf::from("t")])).collect();
        let names = |wanted: &str| -> Vec<&str> {
            binaries(&suites, wanted).into_iter().map(|(folder, _)| folder).collect()
        };
        assert_eq!(names("services"), ["services/orders", "services/sum"]);
        assert_eq!(names("services/nginx"), ["services/nginx"]);
        assert!(names("contract").is_empty());
    }
}
