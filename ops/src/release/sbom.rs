//! The bill of materials of each image: the linked crates, and the packages of the image's package database.
//!
//! This module collects the input. `tools/sbom.py` writes `CycloneDX` and checks it against the schema.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, ensure};

use super::build::Local;
use super::process::{command, output, run};

/// Arguments of the command.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    local: Local,
    /// Only the crates of the API, without an image
    #[arg(long)]
    crates_only: bool,
}

const FOLDER: &str = "target/sbom";
const PYTHON: &str = ".tools/sbom/bin/python";

impl Args {
    /// Writes `target/sbom/*.cdx.json`.
    pub(super) fn run(&self) -> anyhow::Result<()> {
        let folder = self.local.root.join(FOLDER);
        let python = self.local.root.join(PYTHON);
        ensure!(python.is_file(), "{PYTHON} is missing: `cargo xtask tools sbom` installs it");
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder)?;
        let name = self.local.name()?;
        if self.crates_only {
            return self.write("api", &name, &name, None);
        }
        self.write("api", &format!("{name}-api"), &name, Some(("dpkg", "/var/lib/dpkg/status.d")))?;
        let apk = Some(("apk", "/lib/apk/db/installed"));
        self.write("nginx", &format!("{name}-nginx"), "sidecar", apk)
    }

    /// Writes the bill of a container with this name, the crates of a package and the image's database.
    fn write(
        &self,
        container: &str,
        name: &str,
        package: &str,
        database: Option<(&str, &str)>,
    ) -> anyhow::Result<()> {
        let root = &self.local.root;
        let file = |extension: &str| format!("{FOLDER}/{container}.{extension}");
        let mut tree = command("cargo tree --locked --edges normal --prefix none", []);
        tree.args(["--format", "{p}|{l}", "--package", package]);
        tree.args(["--target", self.local.platform.target()]).current_dir(root);
        let crates = file("crates");
        fs::write(root.join(&crates), output(&mut tree)? + "\n").context("the list of crates")?;

        let commit = self.local.commit()?;
        let mut python = command(PYTHON, ["tools/sbom.py", name, &commit, &file("cdx.json")]);
        python.args(["--crates", &crates, "Cargo.lock"]).current_dir(root);
        if let Some((kind, path)) = database {
            let copy = file(kind);
            copy_from(&self.local.image(container)?, path, &root.join(&copy))?;
            python.arg(format!("--{kind}")).arg(copy);
        }
        run(&mut python)
    }
}

/// Copies a file or a folder out of an image without starting it.
fn copy_from(image: &str, path: &str, target: &Path) -> anyhow::Result<()> {
    let container = output(&mut command("docker create", [image, "nothing"]))?;
    let target = target.to_string_lossy();
    let copied = output(&mut command("docker cp", [&*format!("{container}:{path}"), &target]));
    output(&mut command("docker rm", [container.as_str()]))?;
    copied.map(drop)
}
