//! A section of the page: its text, and its figures by name. Each section is saved in a separate file, so that it can
//! be measured again without the others. It contains the time of the measurement and the load of the machine.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use probe::program::root;
use serde::{Deserialize, Serialize};

use crate::conditions::{self, Ticks};

/// One section of docs/performance.md.
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
    /// Starts a section. Its measurement begins now.
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

    /// Records a figure under a name, for the targets.
    pub fn note(&mut self, name: impl Into<String>, value: f64) {
        self.figures.insert(name.into(), value);
    }

    /// A recorded figure.
    pub fn figure(&self, name: &str) -> Option<f64> {
        self.figures.get(name).copied()
    }

    /// As Markdown.
    pub fn markdown(&self) -> String {
        format!("## {}\n\n{}*{}.*\n", self.title, self.text, self.measured)
    }

    /// Saves it as `name`.
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

    /// The section that was saved as `name`, if there is one.
    pub fn read(name: &str) -> Option<Self> {
        serde_json::from_str(&fs::read_to_string(path(name)).ok()?).ok()
    }
}

fn path(name: &str) -> PathBuf {
    root().join("target/bench/results").join(name).with_extension("json")
}
