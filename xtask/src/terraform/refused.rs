//! Passes each value of ROOT/tests/refused.psv to the variables of ROOT and checks Terraform's message.
//!
//! Each case changes the root's example, which is valid. Variables need no provider. Therefore the scratch root
//! contains only the files that declare variables and the locals that they need, and a case takes 0.1 s. The module's
//! example is tests/shared.tfvars with the document of `sum`. A case of the module that begins with a slash sets a
//! value of the document.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use super::events::Events;
use super::parallel::each;
use super::{Root, Terraform};

/// The result of the cases.
#[derive(Debug)]
pub(super) struct Refused {
    /// The number of cases and of validation blocks.
    pub(super) checked: usize,
    /// One line for each failed case or block.
    pub(super) wrong: Vec<String>,
}

/// Runs the cases of the root at `folder` in a scratch folder.
pub(super) fn check(
    terraform: &Terraform,
    folder: &Path,
    scratch: &Path,
) -> anyhow::Result<Refused> {
    let example = [folder.join("terraform.tfvars.example"), folder.join("tests/shared.tfvars")];
    let [own, shared] = example;
    let document = (!own.exists()).then(|| terraform.repository.join("services/sum/openapi.json"));
    let example = if own.exists() { own } else { shared };
    let cases = fs::read_to_string(folder.join("tests/refused.psv"))?;
    let cases: Vec<(usize, &str, &str)> = cases
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .enumerate()
        .map(|(number, line)| {
            line.rsplit_once(" | ").map(|(given, expected)| (number, given, expected))
        })
        .collect::<Option<_>>()
        .context("a line of refused.psv has no ` | ` before the expected result")?;

    let root = terraform.empty(scratch)?;
    let blocks = declarations(folder, scratch, document.is_some())?;
    root.run(&["init", "-no-color"])?;
    let results = each(&cases, |(number, given, expected)| {
        let case = Case { given, expected, file: root.folder.join(format!("case-{number}")) };
        case.run(&root, &example, document.as_deref())
    })?;
    let checked = results.len() + blocks.len();
    let (wrong, seen): (Vec<_>, Vec<_>) = results.into_iter().unzip();
    let mut wrong: Vec<String> = wrong.into_iter().flatten().collect();
    let seen = seen.into_iter().flatten().collect();
    let idle = blocks.difference(&seen);
    wrong.extend(
        idle.map(|block| format!("{block}: no case of refused.psv violates this validation")),
    );
    Ok(Refused { checked, wrong })
}

/// Copies the declarations of the variables. Returns the position of each validation block.
fn declarations(folder: &Path, scratch: &Path, module: bool) -> anyhow::Result<BTreeSet<String>> {
    let mut blocks = BTreeSet::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = || fs::read_to_string(&path);
        if name.starts_with("variables")
            && path.extension().is_some_and(|extension| extension == "tf")
        {
            let text = text()?;
            let lines =
                text.lines().enumerate().filter(|(_, line)| line.starts_with("  validation {"));
            blocks.extend(lines.map(|(number, _)| format!("{name}:{}", number + 1)));
            fs::write(scratch.join(&name), text)?;
        } else if module && ["document.tf", "fargate.tf", "locals.tf"].contains(&name.as_str()) {
            fs::copy(&path, scratch.join(&name))?;
        } else if name == "services.tf" {
            // The first block lists the folders.
            let text = text()?;
            let (first, _) = text.split_once("\n}").context("services.tf has no block")?;
            fs::write(scratch.join(&name), format!("{first}\n}}\n"))?;
        }
    }
    ensure!(!blocks.is_empty(), "no validation was found in {}", folder.display());
    Ok(blocks)
}

struct Case<'a> {
    given: &'a str,
    expected: &'a str,
    file: PathBuf,
}

impl Case<'_> {
    /// Returns the failure, if any, and the validation blocks that rejected the value.
    fn run(
        &self,
        root: &Root,
        example: &Path,
        document: Option<&Path>,
    ) -> anyhow::Result<(Option<String>, Vec<String>)> {
        let [assigned, edited] =
            ["tfvars", "tfvars.json"].map(|name| self.file.with_extension(name));
        let edits_document = self.given.starts_with('/');
        fs::write(
            &assigned,
            if edits_document { String::new() } else { self.given.replace("  ", "\n") },
        )?;
        let mut arguments = vec!["-input=false".to_owned(), "-lock=false".to_owned()];
        arguments.extend([example, &assigned].map(|file| format!("-var-file={}", file.display())));
        if let Some(document) = document {
            let mut document: Value = serde_json::from_slice(&fs::read(document)?)?;
            if edits_document {
                set(&mut document, self.given)?;
            }
            fs::write(&edited, json!({ "document": document }).to_string())?;
            arguments.push(format!("-var-file={}", edited.display()));
        }
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let events = Events::from_command(root, None, "plan", &arguments)?;
        let seen = events.errors().filter_map(|(_, detail)| block(detail)).collect();
        let accepted = events.status == Some(0);
        let wrong = if self.expected == "accepted" {
            (!accepted).then(|| format!("refused: {}", events.complaint()))
        } else if accepted {
            Some("accepted".to_owned())
        } else {
            let as_expected = events.errors().any(|(_, detail)| detail.starts_with(self.expected));
            (!as_expected).then(|| {
                format!("not with the message \"{}\": {}", self.expected, events.complaint())
            })
        };
        Ok((wrong.map(|wrong| format!("{}: {wrong}", self.given)), seen))
    }
}

/// The validation block that printed a message, as `FILE:LINE`.
fn block(detail: &str) -> Option<String> {
    let (_, place) = detail.rsplit_once("validation rule at ")?;
    place.split_once(',').map(|(block, _)| block.to_owned())
}

/// Sets a value of a document. The edit is `POINTER = JSON`, with a JSON pointer of RFC 6901.
fn set(document: &mut Value, edit: &str) -> anyhow::Result<()> {
    let (pointer, value) = edit.split_once(" = ").with_context(|| format!("no edit: {edit}"))?;
    let (parent, name) = pointer.rsplit_once('/').context("no pointer")?;
    let parent = document.pointer_mut(parent).and_then(Value::as_object_mut);
    let parent = parent.with_context(|| format!("the document has no object above {pointer}"))?;
    parent.insert(name.replace("~1", "/"), serde_json::from_str(value).context(value.to_owned())?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edit_sets_a_value_in_an_object() {
        let mut document = json!({ "paths": { "/sum": { "post": {} } } });
        set(&mut document, "/paths/~1sum/post/security = []").unwrap();
        assert_eq!(document, json!({ "paths": { "/sum": { "post": { "security": [] } } } }));
        set(&mut document, "/absent/port = 1").unwrap_err();
        set(&mut document, "/port = one").unwrap_err();
    }

    #[test]
    fn message_gives_its_validation_block() {
        let detail =
            "name must be.\n\nThis was checked by the validation rule at variables.tf:9,3-13.";
        assert_eq!(block(detail).as_deref(), Some("variables.tf:9"));
        assert_eq!(block("name must be."), None);
    }
}
