//! Parses the runbook: sections with their commands, branches and last drill.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, bail, ensure};

/// The page. The sections are in the order of the page.
#[derive(Debug)]
pub struct Page {
    /// Every section that begins with `###`.
    pub sections: Vec<Section>,
}

/// A section.
#[derive(Debug)]
pub struct Section {
    /// The heading of the part that it belongs to, such as `Alarms`.
    pub part: String,
    /// Its heading.
    pub heading: String,
    /// Its text.
    pub body: String,
    /// Its commands: the lines of its shell blocks. A function is one command.
    pub commands: Vec<String>,
    /// The branches of its first minute.
    pub branches: Vec<Branch>,
}

/// A case of the first minute, and how it was tested.
#[derive(Debug)]
pub struct Branch {
    /// Its text.
    pub text: String,
    /// How it was tested.
    pub tried: Tried,
}

/// How a branch was tested.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tried {
    /// `make drill` causes the incident of this name.
    Drill(String),
    /// The alarms are evaluated with the figures of this file.
    Scenario(String),
    /// The branch is untested.
    Never,
}

impl Page {
    /// Reads docs/runbook.md of this repository.
    ///
    /// # Errors
    /// As [`Page::parse`].
    pub fn read(root: &Path) -> anyhow::Result<Self> {
        let path = root.join("docs/runbook.md");
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        Self::parse(&text)
    }

    /// Reads a page.
    ///
    /// # Errors
    /// When a block of commands has no end, or a branch does not end with `(drill: …)`, `(scenario: …)` or `(untried)`.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let mut sections = Vec::new();
        for part in text.split("\n## ").skip(1) {
            let (name, rest) = part.split_once('\n').unwrap_or((part, ""));
            for section in rest.split("\n### ").skip(1) {
                let (heading, body) = section.split_once('\n').unwrap_or((section, ""));
                let read = || -> anyhow::Result<Section> {
                    Ok(Section {
                        part: name.trim().to_owned(),
                        heading: heading.trim().to_owned(),
                        body: body.to_owned(),
                        commands: commands(body)?,
                        branches: branches(body)?,
                    })
                };
                sections.push(read().with_context(|| heading.to_owned())?);
            }
        }
        Ok(Self { sections })
    }

    /// The sections of a part.
    pub fn part<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Section> {
        self.sections.iter().filter(move |section| section.part == name)
    }

    /// The section of this heading.
    #[must_use]
    pub fn section(&self, heading: &str) -> Option<&Section> {
        self.sections.iter().find(|section| section.heading == heading)
    }

    /// The names of the helpers that the page defines.
    #[must_use]
    pub fn helpers(&self) -> BTreeSet<&str> {
        let commands = self.sections.iter().flat_map(|section| &section.commands);
        commands.filter_map(|command| helper(command)).collect()
    }
}

impl Section {
    /// The text after `Last drilled: `, if any.
    #[must_use]
    pub fn drilled(&self) -> Option<&str> {
        self.body.lines().find_map(|line| line.strip_prefix("Last drilled: "))
    }

    /// The text of the first minute, up to the mitigation, if any.
    #[must_use]
    pub fn first_minute(&self) -> Option<&str> {
        first_minute(&self.body).ok().flatten()
    }
}

fn first_minute(body: &str) -> anyhow::Result<Option<&str>> {
    let Some((_, rest)) = body.split_once("**First minute.**") else { return Ok(None) };
    Ok(Some(rest.split_once("**Mitigate.**").context("no Mitigate")?.0))
}

/// The name of the helper that a command defines.
#[must_use]
pub fn helper(command: &str) -> Option<&str> {
    command.lines().next()?.strip_suffix("() {")
}

/// The lines of the shell blocks.
fn commands(body: &str) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    for block in body.split("```sh\n").skip(1) {
        let (block, _) = block.split_once("```").context("a block of commands has no end")?;
        let mut function: Option<String> = None;
        for line in block.lines().filter(|line| !line.trim().is_empty()) {
            if let Some(mut text) = function.take() {
                text = format!("{text}\n{line}");
                if line == "}" {
                    found.push(text);
                } else {
                    function = Some(text);
                }
            } else if helper(line).is_some() {
                function = Some(line.to_owned());
            } else {
                found.push(line.trim().to_owned());
            }
        }
        ensure!(function.is_none(), "a function has no end");
    }
    Ok(found)
}

/// The list below `Healthy:` of the first minute.
fn branches(body: &str) -> anyhow::Result<Vec<Branch>> {
    let Some(first) = first_minute(body)? else { return Ok(Vec::new()) };
    let items = first.lines().filter_map(|line| line.strip_prefix("- "));
    items.map(|text| Ok(Branch { text: text.to_owned(), tried: tried(text)? })).collect()
}

/// The words at the end of a branch: `*(drill: NAME)*`, `*(scenario: NAME)*` or `*(untried)*`.
fn tried(branch: &str) -> anyhow::Result<Tried> {
    let words = branch.strip_suffix(")*").and_then(|text| text.rsplit_once(" *("));
    match words.map(|(_, words)| words.split_once(": ").unwrap_or((words, ""))) {
        Some(("untried", "")) => Ok(Tried::Never),
        Some(("drill", name)) if !name.is_empty() => Ok(Tried::Drill(name.to_owned())),
        Some(("scenario", name)) if !name.is_empty() => Ok(Tried::Scenario(name.to_owned())),
        _ => bail!(
            "a branch must end with *(drill: NAME)*, *(scenario: NAME)* or *(untried)*: {branch}"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "# Runbook\n\n## Prepare\n\n### A shell\n\n```sh\nexport ID=x\nq() {\n  one\n  two\n}\n```\n\n## Alarms\n\n### a\n\n**First minute.**\n\n```sh\nq 1\n```\n\nHealthy: yes.\n\n- One. *(drill: x)*\n- Two. *(scenario: y)*\n- Three. *(untried)*\n\n**Mitigate.** Not this:\n\n- four\n\n   ```sh\n   aws x\n   ```\n\nLast drilled: never: because\n";

    #[test]
    fn page_has_sections_with_commands_and_branches() {
        let page = Page::parse(PAGE).unwrap();
        assert_eq!(page.sections.len(), 2);
        assert_eq!(page.helpers(), BTreeSet::from(["q"]));
        let shell = page.section("A shell").unwrap();
        assert_eq!(shell.commands, ["export ID=x", "q() {\n  one\n  two\n}"]);
        assert!(shell.branches.is_empty() && shell.drilled().is_none());
        let alarm = page.part("Alarms").next().unwrap();
        assert_eq!(alarm.commands, ["q 1", "aws x"]);
        let tried: Vec<_> = alarm.branches.iter().map(|branch| branch.tried.clone()).collect();
        let (drill, scenario) = ("x".to_owned(), "y".to_owned());
        assert_eq!(tried, [Tried::Drill(drill), Tried::Scenario(scenario), Tried::Never]);
        assert_eq!(alarm.drilled(), Some("never: because"));
    }

    #[test]
    fn branch_without_a_test_and_block_without_an_end_are_errors() {
        for (from, to) in [
            (" *(drill: x)*", ""),
            (" *(drill: x)*", " *(drill: )*"),
            (" *(untried)*", " *(tried)*"),
            ("**Mitigate.**", "Mitigate."),
            ("}\n```", "```"),
        ] {
            assert!(PAGE.contains(from), "{from}");
            Page::parse(&PAGE.replacen(from, to, 1)).unwrap_err();
        }
    }
}
