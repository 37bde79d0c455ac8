//! Counts the cost of one request. The counts do not depend on the load of the machine.

use anyhow::{Context, Result};
use probe::count::{Counter, for_one_request};
use probe::program::{Program, Setup};
use probe::request;

use crate::parallel::on_both_cores;
use crate::section::Section;
use crate::table::{Table, whole};

const SETUPS: [Setup; 8] = [
    Setup::alone(Program::Bare).with_keys(1),
    Setup::alone(Program::Api).with_keys(1),
    Setup::alone(Program::Axum).with_keys(1),
    Setup::alone(Program::Actix).with_keys(1),
    Setup::alone(Program::Go).with_keys(1),
    Setup::alone(Program::Nginx).with_keys(1),
    Setup::proxied(Program::Sidecar, Program::Api).with_keys(1),
    Setup::proxied(Program::PlainProxy, Program::Bare).with_keys(1),
];
const COUNTERS: [Counter; 3] = [Counter::Instructions, Counter::Allocations, Counter::SystemCalls];

/// Counts everything and saves the section `counts`.
pub fn run() -> Result<()> {
    let mut section = Section::new("Instructions and system calls of a request");
    let jobs: Vec<(Setup, Counter)> = SETUPS
        .into_iter()
        .filter(Setup::exists)
        .flat_map(|setup| COUNTERS.map(|counter| (setup, counter)))
        // valgrind cannot run Go, because its threads and stacks differ from those of C.
        .filter(|(setup, counter)| setup.front != Program::Go || *counter == Counter::SystemCalls)
        .collect();
    let counted = on_both_cores(&jobs, |&(setup, counter)| {
        for_one_request(counter, setup, &request::usual(0))
            .with_context(|| format!("{counter:?} of {}", setup.name()))
    })?;
    let figure = |setup: Setup, counter: Counter| {
        let place = jobs.iter().position(|job| *job == (setup, counter))?;
        counted.get(place).copied()
    };

    let bare = figure(SETUPS[0], Counter::Instructions).context("bare hyper was counted")?;
    let mut table = Table::new(&[
        "`POST /sum`, one request",
        "instructions",
        "÷ bare hyper",
        "allocations",
        "system calls",
    ]);
    for setup in SETUPS {
        let [instructions, allocations, calls] = COUNTERS.map(|counter| figure(setup, counter));
        let shown = |figure: Option<f64>, places: usize| {
            figure.map_or_else(|| "–".into(), |figure| format!("{figure:.places$}"))
        };
        table.row([
            setup.name(),
            instructions.map_or_else(|| "–".into(), whole),
            shown(instructions.map(|count| count / bare), 2),
            shown(allocations, 1),
            shown(calls, 2),
        ]);
        for (name, figure) in [("instructions", instructions), ("calls", calls)] {
            figure.inspect(|figure| section.note(format!("{}/{name}", setup.name()), *figure));
        }
    }
    section.add(
        "callgrind counts user-space instructions, DHAT heap blocks, and strace system calls, over one kept-alive connection. \
         For a proxy, only the proxy itself is counted. valgrind cannot run Go. nginx allocates in pools, so it has few large \
         blocks.",
    );
    section.show(table);
    section.save("counts")
}
