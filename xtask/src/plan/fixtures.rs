//! `plan-fixtures`: the plans for the tests of the plan review.
//!
//! The real provider plans real changes of terraform/ against an emulated AWS with the applied stack. `ops plan-review
//! --trimmed` removes the parts that the review does not read. It refuses to do so if the review would change.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, ensure};

use super::changes::{CHANGES, Change};
use super::{apply, find, layout, plan, plan_review, ready};
use crate::command::{command, output};
use crate::emulator::Emulator;
use crate::terraform::Root;

/// Writes the plans with these names, or all plans.
pub(super) fn run(repository: &Path, names: &[String]) -> anyhow::Result<Result<bool, String>> {
    for name in names {
        ensure!(CHANGES.iter().any(|change| change.name == name), "there is no change {name}");
    }
    let terraform = match find(repository)? {
        Ok(terraform) => terraform,
        Err(reason) => return Ok(Err(reason)),
    };
    let scratch = repository.join(".run/plan-fixtures");
    fs::create_dir_all(&scratch)?;
    let emulator = Emulator::start(repository, &scratch.join("emulator"))?;
    let zone = emulator.probe("zone", "example.com")?;
    let source = repository.join("terraform");
    let stack = ready(&terraform, &source, &scratch.join("stack"), &zone)?;
    apply(&stack, &emulator)?;

    for change in CHANGES.iter().filter(|c| names.is_empty() || names.iter().any(|n| n == c.name)) {
        let copy = copy(&stack, change).with_context(|| change.name)?;
        let whole = scratch.join(change.name).with_extension("json");
        plan(&copy, &emulator, change.arguments, &whole).with_context(|| change.name)?;
        let trimmed =
            repository.join("ops/tests/plan_review/plans").join(change.name).with_extension("json");
        let _ = fs::remove_file(&trimmed);
        let review = whole.with_extension("md");
        // The plan can break a rule, so ignore the verdict.
        let arguments =
            [whole.as_path(), "--trimmed".as_ref(), &trimmed, "--output".as_ref(), &review];
        plan_review(repository, &arguments)?;
        let text = fs::read_to_string(&trimmed).context(change.name)?;
        let text = layout::text(&serde_json::from_str(&text)?);
        fs::write(&trimmed, &text)?;
        println!("{:<20} {:>5} lines", change.name, text.lines().count());
    }
    Ok(Ok(true))
}

/// A changed copy of the stack with its state. Each edit must match once. Otherwise the plan would not contain the
/// change of its name.
fn copy(stack: &Root, change: &Change) -> anyhow::Result<Root> {
    let mut copy = stack.clone();
    copy.folder.set_file_name("copy");
    let _ = fs::remove_dir_all(&copy.folder);
    output(command("cp").arg("-R").args([&stack.folder, &copy.folder]))?;
    for (name, from, to) in change.edits {
        let file = copy.folder.join(name);
        let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        ensure!(text.matches(from).count() == 1, "{name} must contain this exactly once:\n{from}");
        fs::write(&file, text.replace(from, to))?;
    }
    Ok(copy)
}
