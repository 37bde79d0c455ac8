//! Folders of documents. Finds the pairs of an older and a newer document.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::breaking::{Change, Contract, compare};

/// The documents below a folder, by their path in it.
#[derive(Debug)]
pub struct Tree(pub BTreeMap<PathBuf, Contract>);

/// The result of the comparison for one old document.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The new document does not break callers.
    Compatible,
    /// The new document breaks callers, and its version announces it.
    Announced(Vec<Change>),
    /// The new document breaks callers, but its version does not announce it.
    Unannounced(Vec<Change>),
    /// The document was removed after a release in which all its operations were deprecated.
    Retired,
    /// The document was removed without a deprecation.
    Removed,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (text, changes): (&str, &[Change]) = match self {
            Self::Compatible => ("compatible", &[]),
            Self::Announced(changes) => ("breaking changes, announced by info.version", changes),
            Self::Unannounced(changes) => {
                ("breaking changes; revert them or raise info.version", changes)
            }
            Self::Retired => ("removed after its deprecation", &[]),
            Self::Removed => ("removed; deprecate all its operations in an earlier release", &[]),
        };
        f.write_str(text)?;
        changes.iter().try_for_each(|change| write!(f, "\n  {change}"))
    }
}

impl Tree {
    /// Reads every file below a folder.
    pub fn read(folder: &Path) -> anyhow::Result<Self> {
        let mut documents = BTreeMap::new();
        let mut folders = vec![folder.to_owned()];
        while let Some(next) = folders.pop() {
            for entry in fs::read_dir(&next).with_context(|| next.display().to_string())? {
                let path = entry?.path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let document = contract(&path).with_context(|| path.display().to_string())?;
                documents.insert(path.strip_prefix(folder)?.to_owned(), document);
            }
        }
        Ok(Self(documents))
    }

    /// Compares each of these documents with a newer tree: with the document of the same path, or else with the
    /// document of the same service name, which has moved.
    pub fn outcomes(&self, newer: &Self) -> anyhow::Result<Vec<(&Path, Outcome)>> {
        let outcome = |(path, old): (&PathBuf, &Contract)| -> anyhow::Result<Outcome> {
            let moved = || newer.0.values().find(|document| document.name() == old.name());
            let Some(new) = newer.0.get(path).or_else(moved) else {
                return Ok(if old.is_deprecated() { Outcome::Retired } else { Outcome::Removed });
            };
            let changes = compare(old, new);
            Ok(match (changes.is_empty(), announces_a_break(old.version(), new.version())?) {
                (true, _) => Outcome::Compatible,
                (false, true) => Outcome::Announced(changes),
                (false, false) => Outcome::Unannounced(changes),
            })
        };
        self.0.iter().map(|entry| Ok((entry.0.as_path(), outcome(entry)?))).collect()
    }
}

/// Whether the newer version announces a breaking change: the major version is higher, or before 1.0.0 the minor
/// version (Semantic Versioning 2.0.0, points 4 and 8).
fn announces_a_break(older: &str, newer: &str) -> anyhow::Result<bool> {
    let (older, newer) = (numbers(older)?, numbers(newer)?);
    Ok(newer[0] > older[0] || (newer[0] == 0 && older[0] == 0 && newer[1] > older[1]))
}

/// Major, minor and patch.
fn numbers(version: &str) -> anyhow::Result<[u64; 3]> {
    let numbers: Option<Vec<u64>> = version.split('.').map(|part| part.parse().ok()).collect();
    numbers
        .and_then(|numbers| numbers.try_into().ok())
        .with_context(|| format!("/info/version: `{version}` is not a version such as 1.2.3"))
}

/// Reads one document.
pub fn contract(path: &Path) -> anyhow::Result<Contract> {
    Contract::parse(&fs::read_to_string(path)?)
}

#[cfg(test)]
mod tests {
    use super::{announces_a_break, numbers};

    #[test]
    fn higher_major_or_early_minor_version_announces_a_break() {
        for (older, newer, announces) in [
            ("1.2.3", "2.0.0", true),
            ("1.2.3", "1.3.0", false),
            ("1.2.3", "1.2.4", false),
            ("2.0.0", "1.9.9", false),
            ("0.1.0", "0.2.0", true),
            ("0.1.0", "0.1.1", false),
            ("0.1.0", "0.1.0", false),
            ("0.9.0", "1.0.0", true),
            ("1.0.0", "0.9.0", false),
        ] {
            assert_eq!(announces_a_break(older, newer).unwrap(), announces, "{older} {newer}");
        }
    }

    #[test]
    fn invalid_version_is_refused() {
        for text in ["", "1", "1.2", "1.2.3.4", "1.2.x", "v1.2.3", "1.2.3-rc.1", "-1.0.0"] {
            assert!(numbers(text).is_err(), "{text}");
        }
    }
}
