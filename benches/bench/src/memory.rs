//! Resident memory: idle, with connections, and after a million requests.

use anyhow::Result;
use loadgen::Pace;
use probe::load::Load;
use probe::program::{Program, Setup};
use probe::request;
use probe::server::{Server, on_the_clients_core};

use crate::command::Effort;
use crate::section::Section;
use crate::table::{Table, whole};

const CONNECTIONS: [usize; 3] = [1, 100, 1000];
const ALONE: [Program; 6] =
    [Program::Api, Program::Bare, Program::Axum, Program::Actix, Program::Go, Program::Nginx];
/// The sidecar has 1,024 connections per worker for both sides together.
const SIDECARS_MOST: usize = 500;

/// Measures each setup and saves the section `memory`.
pub fn run(effort: Effort) -> Result<()> {
    let mut section = Section::new("Memory");
    let mut table = Table::new(&["MiB resident", "idle", "1", "100", "1,000 connections"]);
    let proxied = Setup::proxied(Program::Sidecar, Program::Api);
    let setups = ALONE.into_iter().map(Setup::alone).chain([proxied]);
    for setup in setups.filter(Setup::exists) {
        let server = Server::start(setup)?;
        let mut cells = vec![setup.name(), format!("{:.1}", server.resident_mib())];
        for connections in CONNECTIONS {
            if setup.front == Program::Sidecar && connections > SIDECARS_MOST {
                cells.push("–".into());
                continue;
            }
            let mut load = Load::to(server.address, request::usual_for(connections))?;
            load.run(Pace::Count(connections as u64 * 3))?;
            cells.push(format!("{:.1}", server.resident_mib()));
        }
        table.row(cells);
    }
    section.add(
        "Each connection made three requests and stays open. The figure is the sum over all processes, and shared pages count \
         twice. The sidecar accepts at most 1,024 connections, both sides together.",
    );
    section.show(table);

    let (before, after) = on_the_clients_core(|| {
        let server = Server::start(Setup::alone(Program::Api))?;
        let mut load = Load::to(server.address, request::usual_for(64))?;
        load.run(Pace::Count(10_000))?;
        let before = server.resident_mib();
        load.run(Pace::Count(effort.many_requests))?;
        Ok((before, server.resident_mib()))
    })?;
    section.note("after_many_mib", after);
    section.show(format!(
        "sum-api after 10,000 requests: {before:.2} MiB; after {} more: {after:.2} MiB.",
        whole(effort.many_requests as f64)
    ));
    section.save("memory")
}
