//! Resident memory: idle, with connections, and after a million requests.

use anyhow::Result;
use probe::client::{Client, Pace};
use probe::program::{Program, Setup};
use probe::request;
use probe::server::{Server, on_the_clients_core};

use crate::effort::Effort;
use crate::section::Section;
use crate::table::Table;

const CONNECTIONS: [usize; 3] = [1, 100, 1000];
const SETUPS: [Setup; 7] = [
    Setup::alone(Program::Api),
    Setup::alone(Program::Bare),
    Setup::alone(Program::Axum),
    Setup::alone(Program::Actix),
    Setup::alone(Program::Go),
    Setup::alone(Program::Nginx),
    Setup::proxied(Program::Sidecar, Program::Api),
];
/// The sidecar has 1,024 connections a worker for both sides together.
const SIDECARS_MOST: usize = 500;

/// Looks at each and saves the section `memory`.
pub fn run(effort: Effort) -> Result<()> {
    let mut section = Section::new("Memory");
    let mut table = Table::new(&["MiB resident", "idle", "1", "100", "1,000 connections"]);
    for setup in SETUPS.into_iter().filter(|setup| setup.front.exists()) {
        let mut cells = vec![setup.name()];
        let server = Server::start(setup)?;
        cells.push(mib(&server));
        section.note(format!("{}/idle_kib", setup.name()), server.resident_kib() as f64);
        for connections in CONNECTIONS {
            if setup.front == Program::Sidecar && connections > SIDECARS_MOST {
                cells.push("–".into());
                continue;
            }
            let mut client = Client::to(server.address, request::usual_for(connections))?;
            client.run(Pace::Count(connections as u64 * 3))?;
            cells.push(mib(&server));
            section.note(format!("{}/{connections}", setup.name()), server.resident_kib() as f64);
        }
        table.row(cells);
    }
    println!("{table}");
    section.add(
        "Each connection has made three requests and stays open. Processes are summed up, so pages that nginx's master \
         and worker share count twice. The sidecar takes at most 1,024 connections, both sides together.",
    );
    section.add(table);

    let (before, after) = on_the_clients_core(|| {
        let server = Server::start(Setup::alone(Program::Api))?;
        let mut client = Client::to(server.address, request::usual_for(64))?;
        client.run(Pace::Count(10_000))?;
        let before = server.resident_kib();
        client.run(Pace::Count(effort.many_requests))?;
        Ok((before, server.resident_kib()))
    })?;
    let (before, after) = (before as f64 / 1024.0, after as f64 / 1024.0);
    section.note("after_many_mib", after);
    let text = format!(
        "sum-api after 10,000 requests: {before:.2} MiB; after {} more: {after:.2} MiB.",
        crate::table::whole(effort.many_requests as f64)
    );
    println!("{text}");
    section.add(text);
    section.save("memory")
}

fn mib(server: &Server) -> String {
    format!("{:.1}", server.resident_kib() as f64 / 1024.0)
}
