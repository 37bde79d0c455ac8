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
         This page compares the service with other servers. [capacity.md](capacity.md) converts the figures into tasks and \
         dollars. [tuning.md](tuning.md) lists what was tried. `make bench` writes this page; do not edit it.\n\n\
         ## Targets\n\n{met} met, {missed} missed. *Bare hyper* returns a constant. The *ceiling* is a plain nginx proxy in \
         front of it.\n\n{table}\n\n\
         ## Machine\n\n\
         The machine is virtual, has two cores, and is shared. Counts (instructions, allocations, system calls) are repeatable. \
         Ratios come from interleaved rounds and are comparable. Times are valid only for this machine at that hour. A load \
         average above 2 before a section means that other processes were running. *Steal* is the CPU time that other machines \
         on the host took.\n\n\
         {}\n",
        conditions::list()
    );
    for name in Name::value_variants().iter().filter(|name| **name != Name::Page) {
        let name = format!("{name:?}").to_lowercase();
        match Section::read(&name) {
            Some(section) => text.extend([section.markdown(), "\n".into()]),
            None => {
                writeln!(
                    text,
                    "*`{name}` was not measured. `scripts/bench.sh {name}` measures it.*\n"
                )?;
            }
        }
    }
    let path = root().join("docs/performance.md");
    fs::write(&path, text.trim_end().to_owned() + "\n")?;
    println!("{met} targets met, {missed} missed: docs/performance.md");
    Ok(())
}
