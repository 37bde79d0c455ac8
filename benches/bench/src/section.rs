//! A part of the page: its text, and its figures by name. Kept in a file of its own, so that one part can be
//! measured again without the others; each says when, and how busy the machine was.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use probe::program::root;
use serde::{Deserialize, Serialize};

use crate::conditions::{self, Ticks};

/// One part of docs/performance.md.
#[derive(Debug, Serialize, Deserialize)]
pub struct Section {
    title: String,
    measured: String,
    text: String,
    figures: BTreeMap<String, f64>,
    #[serde(skip)]
    begun: Ticks,
}

impl Section {
    /// A part that is being measured from now on.
    pub fn new(title: &str) -> Self {
        Self {
            title: title.into(),
            measured: conditions::now(),
            text: String::new(),
            figures: BTreeMap::new(),
            begun: Ticks::now(),
        }
    }

    /// Adds a paragraph, a table or a picture.
    pub fn add(&mut self, block: impl Display) {
        self.text += &block.to_string();
        self.text += "\n\n";
    }

    /// Adds a block, and prints it.
    pub fn show(&mut self, block: impl Display) {
        println!("{block}");
        self.add(block);
    }

    /// Notes a figure under a name, for the targets.
    pub fn note(&mut self, name: impl Into<String>, value: f64) {
        self.figures.insert(name.into(), value);
    }

    /// A figure noted earlier.
    pub fn figure(&self, name: &str) -> Option<f64> {
        self.figures.get(name).copied()
    }

    /// As Markdown.
    pub fn markdown(&self) -> String {
        format!("## {}\n\n{}*{}.*\n", self.title, self.text, self.measured)
    }

    /// Keeps it as `name`.
    pub fn save(mut self, name: &str) -> Result<()> {
        self.measured = format!(
            "Measured {}, at the end {}; steal {:.1} %",
            self.measured,
            conditions::load_average(),
            Ticks::now().stolen_since(self.begun)
        );
        let path = path(name);
        fs::create_dir_all(path.parent().context("a file has a directory")?)?;
        fs::write(path, serde_json::to_string_pretty(&self)?)?;
        Ok(())
    }

    /// What was kept as `name`, if anything.
    pub fn read(name: &str) -> Option<Self> {
        serde_json::from_str(&fs::read_to_string(path(name)).ok()?).ok()
    }
}

fn path(name: &str) -> PathBuf {
    root().join("target/bench/results").join(name).with_extension("json")
}
