//! Defects that no emulator shows, from terraform/tests/seeds.psv. Each is planted in a copy, and a test must find it.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, ensure};

use super::parallel::each;
use super::suites::{self, MODULE};
use super::{ROOTS, Setup, Terraform, order, refused};
use crate::command::{command, output};

/// A row of the table.
#[derive(Debug, Clone, PartialEq)]
struct Seed {
    root: String,
    file: String,
    old: String,
    new: String,
    test: String,
    message: String,
}

impl Seed {
    fn parse(row: Vec<String>) -> anyhow::Result<Self> {
        let fields: [String; 6] =
            row.try_into().ok().context("a row of seeds.psv has six fields")?;
        let [root, file, old, new, test, message] = fields;
        Ok(Self { root, file, old, new, test, message })
    }

    fn plant(&self, folder: &Path) -> anyhow::Result<()> {
        let path = folder.join(&self.file);
        let text = fs::read_to_string(&path)?;
        ensure!(text.contains(&self.old), "{} does not contain {}", self.file, self.old);
        Ok(fs::write(path, text.replace(&self.old, &self.new))?)
    }
}

pub(super) fn run(setup: &Setup<'_>) -> anyhow::Result<()> {
    let Setup { repository, terraform, checks, .. } = *setup;
    let work = setup.work.join("seeds");
    let table = fs::read_to_string(repository.join("terraform/tests/seeds.psv"))?;
    let seeds = rows(&table).into_iter().map(Seed::parse).collect::<anyhow::Result<Vec<_>>>()?;
    ensure!(seeds.len() >= 38, "seeds.psv: only {} rows were found", seeds.len());
    let clean = |name: &str| work.join(name.replace('/', "-"));
    for name in [ROOTS[0], ROOTS[1], MODULE] {
        suites::copy(terraform, name, &clean(name))?;
    }
    let groups: Vec<(usize, Vec<Seed>)> = groups(seeds).into_iter().enumerate().collect();
    each(&groups, |(number, group)| {
        let copy = work.join(format!("copy-{number}"));
        let said = squeezed(&find(terraform, group, &clean(&group[0].root), &copy)?);
        for Seed { file, message, .. } in group {
            let name = format!("seed: {file}: {message}");
            if said.contains(message) {
                checks.pass(&name, 1);
            } else {
                checks.fail(&name, &said);
            }
        }
        Ok(())
    })
    .map(drop)
}

/// Groups the seeds of one root and one test. A group is planted together and contains each message once.
fn groups(seeds: Vec<Seed>) -> Vec<Vec<Seed>> {
    let mut groups: Vec<Vec<Seed>> = Vec::new();
    for seed in seeds {
        let joins = |group: &&mut Vec<Seed>| {
            let same = |other: &Seed| (&other.root, &other.test) == (&seed.root, &seed.test);
            group.iter().all(|other| same(other) && other.message != seed.message)
        };
        match groups.iter_mut().find(joins) {
            Some(group) => group.push(seed),
            None => groups.push(vec![seed]),
        }
    }
    groups
}

/// Plants a group in a copy of the clean tree, and returns the errors of its test.
fn find(
    terraform: &Terraform,
    group: &[Seed],
    clean: &Path,
    copy: &Path,
) -> anyhow::Result<String> {
    let Some(Seed { root: name, test, .. }) = group.first() else { return Ok(String::new()) };
    if copy.exists() {
        fs::remove_dir_all(copy)?;
    }
    output(command("cp").arg("-R").args([clean, copy]))?;
    let root = terraform.at(&copy.join(name))?;
    for seed in group {
        seed.plant(&root.folder)?;
    }
    let events = match test.as_str() {
        "order" => {
            let whole = terraform.at(&copy.join(ROOTS[1]))?;
            return Ok(order::check(&whole)
                .err()
                .map(|error| format!("{error:#}"))
                .unwrap_or_default());
        }
        "refused" => {
            let found = refused::check(terraform, &root.folder, &copy.join("refused"))?;
            return Ok(found.wrong.join("\n"));
        }
        "two_services" => suites::test_two_services(&root)?,
        "two_environments" => {
            let (shared, _) = suites::shared_names(&suites::test_two_environments(&root)?)?;
            return Ok(shared.join("\n"));
        }
        file => suites::test(&root, name, &[&format!("-filter=tests/{file}.tftest.hcl")])?,
    };
    Ok(events.complaint())
}

/// Joins the lines of a message, because Terraform wraps it.
fn squeezed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The fields of each line of a table. `|` separates them, and `\|` is a literal `|`.
pub(super) fn rows(table: &str) -> Vec<Vec<String>> {
    let lines = table.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let fields = |line: &str| {
        let line = line.replace("\\|", "\0");
        line.split('|').map(|field| field.trim().replace('\0', "|")).collect()
    };
    lines.map(fields).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_allows_comments_and_escaped_bars() {
        assert_eq!(rows("# no\n\na | (b\\|c) | d\ne|\n"), [vec!["a", "(b|c)", "d"], vec!["e", ""]]);
    }

    #[test]
    fn group_has_each_message_once() {
        let seed = |test: &str, message: &str| {
            Seed::parse(
                ["terraform", "a.tf", "old", "new", test, message].map(str::to_owned).to_vec(),
            )
            .unwrap()
        };
        let (a, b, c, d) = (seed("x", "1"), seed("x", "1"), seed("x", "2"), seed("y", "1"));
        let found = groups(vec![a.clone(), b.clone(), c.clone(), d.clone()]);
        assert_eq!(found, [vec![a, c], vec![b], vec![d]]);
    }

    #[test]
    fn planting_fails_when_old_text_is_missing() {
        let folder = tempfile::TempDir::new().unwrap();
        fs::write(folder.path().join("a.tf"), "there").unwrap();
        let row =
            "terraform | a.tf | absent | new | x | y".split(" | ").map(str::to_owned).collect();
        Seed::parse(row).unwrap().plant(folder.path()).unwrap_err();
    }
}
