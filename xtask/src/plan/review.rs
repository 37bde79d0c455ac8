//! `plan-review`: reviews a change of terraform/.
//!
//! The command applies the older configuration to the emulated AWS and plans the newer one against it. The check is
//! required for each pull request, so it always runs. It makes no plan if no file that the review reads has changed.

use std::env;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;

use super::{apply, find, git, plan, plan_review, ready};
use crate::command::{command, output, passes};
use crate::emulator::Emulator;

/// The inputs of the review, and its source code.
const READ: [&str; 5] =
    ["terraform", "rules", "ops/src/plan_review", "xtask/src/plan", "services/*/openapi.json"];

/// Reviews a plan, or the changes since a commit. Returns whether the plan breaks no rule and contains no secret.
pub(super) fn run(repository: &Path, base: Option<&str>) -> anyhow::Result<Result<bool, String>> {
    let scratch = repository.join(".run/plan-review");
    fs::create_dir_all(&scratch)?;
    let written = scratch.join("review.md");
    let review = |plan: &Path| {
        let _ = fs::remove_file(&written);
        let good = plan_review(repository, &[plan, Path::new("--output"), &written])?;
        let markdown = fs::read_to_string(&written).context("there is no review")?;
        print!("{markdown}");
        Ok(good)
    };
    if let Some(plan) =
        base.map(Path::new).filter(|base| base.extension().is_some_and(|e| e == "json"))
    {
        return review(plan).map(Ok);
    }

    let base = base.map_or_else(|| branch_point(repository), |base| Ok(base.to_owned()))?;
    let changed = has_changed(repository, &base)?;
    if let Some(file) = env::var_os("GITHUB_OUTPUT").filter(|file| !file.is_empty()) {
        let mut file = OpenOptions::new().append(true).open(file)?;
        writeln!(file, "changed={changed}")?;
    }
    if !changed {
        let markdown = format!(
            "<!-- plan review -->\n## ⚪ Plan review: nothing changes\n\nNo file of terraform/ or rules/, and no document of a service, differs from {base}.\n"
        );
        fs::write(&written, &markdown)?;
        print!("{markdown}");
        return Ok(Ok(true));
    }

    let terraform = match find(repository)? {
        Ok(terraform) => terraform,
        Err(reason) => return Ok(Err(reason)),
    };
    let emulator = Emulator::start(repository, &scratch.join("emulator"))?;
    let zone = emulator.probe("zone", "example.com")?;
    let source = repository.join("terraform");
    // Each root gets the documents of its own services.
    let new = ready(&terraform, &source, &scratch.join("new/terraform"), &zone)?;
    if check_out(repository, &base, &scratch.join("base"))? {
        eprintln!("applying terraform/ of {base} to the emulated AWS");
        let source = scratch.join("base/terraform");
        let old = ready(&terraform, &source, &scratch.join("old/terraform"), &zone)?;
        apply(&old, &emulator)?;
        fs::copy(old.folder.join("terraform.tfstate"), new.folder.join("terraform.tfstate"))?;
    } else {
        eprintln!("{base} has no terraform/: everything is new");
    }
    let json = scratch.join("plan.json");
    plan(&new, &emulator, &[], &json)?;
    review(&json).map(Ok)
}

fn branch_point(repository: &Path) -> anyhow::Result<String> {
    let commit = output(&mut git(repository, &["merge-base", "HEAD", "origin/main"]))
        .or_else(|_| output(&mut git(repository, &["rev-parse", "HEAD"])))?;
    Ok(commit.trim_end().to_owned())
}

fn has_changed(repository: &Path, base: &str) -> anyhow::Result<bool> {
    let differ = ["diff", "--name-only", base, "--"];
    let untracked = ["ls-files", "--others", "--exclude-standard", "--"];
    for arguments in [&differ[..], &untracked[..]] {
        let names = output(git(repository, arguments).args(READ))?;
        if !names.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Writes terraform/ and services/ of a commit into a folder. Returns whether the commit has both.
fn check_out(repository: &Path, commit: &str, folder: &Path) -> anyhow::Result<bool> {
    let _ = fs::remove_dir_all(folder);
    fs::create_dir_all(folder)?;
    let log = fs::File::create(folder.join("git.log"))?;
    let archive = folder.join("base.tar");
    let mut write = git(repository, &["archive", "--output"]);
    if !passes(write.arg(&archive).args([commit, "terraform", "services"]), &log)? {
        return Ok(false);
    }
    output(command("tar").arg("-xf").arg(&archive).arg("-C").arg(folder)).map(|_| true)
}
