//! Folders of documents: which document of one folder is which of the other.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::breaking::{Change, Contract, compare};
use super::version::Version;

/// The documents below a folder, by their path in it.
#[derive(Debug)]
pub struct Tree(BTreeMap<PathBuf, Contract>);

/// What became of one old document.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Callers of the old document can go on.
    Compatible,
    /// It breaks callers, and its version says so.
    Announced(Vec<Change>),
    /// It breaks callers of the same version.
    Unannounced(Vec<Change>),
    /// It is gone, after a release in which all of its operations were deprecated.
    Retired,
    /// It is gone.
    Removed,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (text, changes): (&str, &[Change]) = match self {
            Self::Compatible => ("compatible", &[]),
            Self::Announced(changes) => ("breaking changes, announced by info.version", changes),
            Self::Unannounced(changes) => {
                ("breaking changes; take them back or raise info.version", changes)
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

    /// How many documents there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What became of each of these documents in a newer tree: the document of the same path, or else that of the
    /// same name, which has moved.
    pub fn outcomes(&self, newer: &Self) -> anyhow::Result<Vec<(&Path, Outcome)>> {
        let outcome = |(path, old): (&PathBuf, &Contract)| -> anyhow::Result<Outcome> {
            let moved = || newer.0.values().find(|document| document.name() == old.name());
            let Some(new) = newer.0.get(path).or_else(moved) else {
                return Ok(if old.is_deprecated() { Outcome::Retired } else { Outcome::Removed });
            };
            let changes = compare(old, new);
            let before: Version = old.version().parse()?;
            let after: Version = new.version().parse()?;
            Ok(match (changes.is_empty(), after.announces_a_break_since(before)) {
                (true, _) => Outcome::Compatible,
                (false, true) => Outcome::Announced(changes),
                (false, false) => Outcome::Unannounced(changes),
            })
        };
        self.0.iter().map(|entry| Ok((entry.0.as_path(), outcome(entry)?))).collect()
    }
}

/// Reads one document.
pub fn contract(path: &Path) -> anyhow::Result<Contract> {
    Contract::parse(&fs::read_to_string(path)?)
}
