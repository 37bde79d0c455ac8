//! Writes and checks plan.txt: the plans of both roots for their examples. The real provider makes them against an
//! empty emulated account.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::Instant;

use anyhow::ensure;

use super::{ROOTS, Setup};
use crate::command::{command, output};
use crate::emulator::Emulator;

const FILE: &str = "plan.txt";
const CLEAN: &str = "plan.txt contains no real account number and no path of this machine";
const HEADER: &str = "\
# The plans of terraform/bootstrap and terraform for their terraform.tfvars.example, in an empty account.
# Written by `make plan` with the real provider against an emulated AWS; `make test` writes it again and compares.
";
/// The example account numbers of the AWS documentation.
const ACCOUNTS: [&str; 2] = ["123456789012", "111122223333"];
/// First parts of paths that differ between machines.
const FOLDERS: [&str; 7] = ["home", "root", "tmp", "work", "Users", "private", "var/folders"];

/// Writes plan.txt.
pub(super) fn write(setup: &Setup<'_>) -> anyhow::Result<()> {
    let Setup { repository, checks, .. } = *setup;
    let started = Instant::now();
    let text = plans(setup)?;
    fs::write(repository.join(FILE), &text)?;
    checks.check(CLEAN, || clean(&text, repository));
    for line in text.lines().filter(|line| line.starts_with("Plan: ")) {
        println!("  {line}");
    }
    println!("{FILE}: {} lines, {} s", text.lines().count(), started.elapsed().as_secs());
    Ok(())
}

/// Checks that plan.txt equals the output of `write`.
pub(super) fn check(setup: &Setup<'_>) -> anyhow::Result<()> {
    let Setup { repository, work, checks, .. } = *setup;
    let started = Instant::now();
    let planned = plans(setup);
    if let Ok(text) = &planned {
        let (written, current) = (repository.join(FILE), work.join(FILE));
        fs::write(&current, text)?;
        let difference = output(command("diff").arg("-u").args([written, current]));
        checks.check(format!("{FILE} is what `make plan` writes"), || difference);
        checks.check(CLEAN, || clean(text, repository));
    }
    checks.check("both roots can be planned", || planned);
    println!("plan-check: {} s", started.elapsed().as_secs());
    Ok(())
}

/// Plans both roots below `work`, and keeps the plans there for checkov.
pub(super) fn plans(setup: &Setup<'_>) -> anyhow::Result<String> {
    let Setup { repository, terraform, work, .. } = *setup;
    let emulator = Emulator::start(repository, &work.join("plan/emulator"))?;
    let plan = |name: &str| -> anyhow::Result<String> {
        let folder = work.join("plan").join(name.replace('/', "-"));
        let root = terraform.ready(&repository.join(name), &folder)?;
        let variables = "-var-file=terraform.tfvars.example";
        root.run_in(Some(&emulator), &["plan", "-no-color", variables, "-out=plan.tfplan"])?;
        fs::write(folder.join("plan.json"), root.run(&["show", "-json", "plan.tfplan"])?)?;
        let text = root.run(&["show", "-no-color", "plan.tfplan"])?;
        Ok(format!("\n# --- terraform -chdir={name} plan {variables}\n{text}"))
    };
    let plans = thread::scope(|scope| {
        let plans = ROOTS.map(|name| scope.spawn(move || plan(name)));
        plans.map(|plan| plan.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    });
    let mut text = HEADER.to_owned();
    for plan in plans {
        for line in plan?.lines() {
            writeln!(text, "{}", line.trim_end())?;
        }
    }
    Ok(text)
}

/// Rejects a plan that contains a real account number or a path of this machine.
fn clean(text: &str, repository: &Path) -> anyhow::Result<()> {
    for (number, line) in text.lines().enumerate() {
        let words = line.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
        let mut numbers =
            words.filter(|word| word.len() == 12 && word.bytes().all(|byte| byte.is_ascii_digit()));
        let account = numbers.find(|number| !ACCOUNTS.contains(number));
        ensure!(account.is_none(), "line {}: an account number: {line}", number + 1);
        let starts = |folder: &str| {
            line.match_indices(&format!("/{folder}/"))
                .any(|(at, _)| at == 0 || line[..at].ends_with(['"', ' ', '=']))
        };
        let own = line.contains(&repository.display().to_string());
        ensure!(
            !own && !FOLDERS.iter().any(|folder| starts(folder)),
            "line {}: a path: {line}",
            number + 1
        );
    }
    ensure!(!text.is_empty(), "the plan is empty");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clean_rejects_account_numbers_and_machine_paths() {
        let clean = |text: &str| clean(text, Path::new("/data/clone"));
        clean("account = 123456789012, \"/sum-api/production/tmp/\"\n").unwrap();
        let account = format!("arn:aws:iam::{}:role/x", "2".repeat(12));
        let [home, work] = ["home", "work"].map(|folder| format!("path = \"/{folder}/me\""));
        for bad in [&account, &home, &work, "a/data/clone/b", ""] {
            clean(bad).unwrap_err();
        }
    }
}
