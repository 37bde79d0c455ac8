//! `plan-fixtures`: the plans that the plan review is tested with.
//!
//! They are real plans of real changes to terraform/, made by the real provider against an emulated AWS that holds the
//! applied stack. `ops plan-review --trimmed` leaves out what the review does not read, and refuses a plan whose review
//! would differ from that of the whole.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, ensure};

use super::changes::{CHANGES, Change};
use super::{apply, find, layout, plan, plan_review, ready};
use crate::command::{command, output};
use crate::emulator::Emulator;
use crate::terraform::Root;

/// Writes the plans with these names, or all.
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
        // A plan that breaks a rule is a plan.
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

/// A copy of the stack with its state, changed. An edit must find its place, or a plan would go on under a name that it
/// no longer earns.
fn copy(stack: &Root, change: &Change) -> anyhow::Result<Root> {
    let mut copy = stack.clone();
    copy.folder.set_file_name("copy");
    let _ = fs::remove_dir_all(&copy.folder);
    output(command("cp").arg("-R").args([&stack.folder, &copy.folder]))?;
    for (name, from, to) in change.edits {
        let file = copy.folder.join(name);
        let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        ensure!(text.matches(from).count() == 1, "{name} does not hold this once:\n{from}");
        fs::write(&file, text.replace(from, to))?;
    }
    Ok(copy)
}
