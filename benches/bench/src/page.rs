//! Writes docs/performance.md from the measured sections.

use std::fmt::Write;
use std::fs;

use anyhow::Result;
use clap::ValueEnum;
use probe::program::root;

use crate::command::Name;
use crate::section::Section;
use crate::{conditions, targets};

/// Writes the page.
pub fn write() -> Result<()> {
    let (table, met, missed) = targets::table()?;
    let mut text = format!(
        "# Performance\n\n\
         Written by `make bench`; do not edit. What was tried, and what it did: [tuning.md](tuning.md). What it means for tasks \
         and dollars: [capacity.md](capacity.md).\n\n\
         Two cores of a virtual machine that others use too. Counts (instructions, allocations, system calls) repeat; \
         ratios from interleaved rounds are fair to each other; anything in seconds is for this machine and this hour alone. Each \
         section says how busy the machine was: a load average above 2 before it means that others were at work.\n\n\
         {}\n\
         ## Targets\n\n{met} met, {missed} missed.\n\n{table}\n\n",
        conditions::list()
    );
    for name in Name::value_variants().iter().filter(|name| **name != Name::Page) {
        let name = format!("{name:?}").to_lowercase();
        match Section::read(&name) {
            Some(section) => text.extend([section.markdown(), "\n".into()]),
            None => {
                writeln!(text, "*`{name}` was not measured: `scripts/bench.sh {name}` does.*\n")?;
            }
        }
    }
    let path = root().join("docs/performance.md");
    fs::write(&path, text.trim_end().to_owned() + "\n")?;
    println!("{met} targets met, {missed} missed: docs/performance.md");
    Ok(())
}
