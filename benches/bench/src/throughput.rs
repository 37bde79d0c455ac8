//! How much each server does when it is asked as fast as it answers: rounds that take turns, so that a busy
//! moment of the machine hits all alike.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Result, ensure};
use probe::client::{Client, Pace};
use probe::program::{Program, Setup};
use probe::request;
use probe::server::{Server, on_the_clients_core};

use crate::effort::Effort;
use crate::section::Section;
use crate::table::{Table, median, spread, whole};

/// Connections of the closed loop.
pub const CONNECTIONS: usize = 64;

const DIRECT: [Setup; 6] = [
    Setup::alone(Program::Nginx),
    Setup::alone(Program::Bare),
    Setup::alone(Program::Api),
    Setup::alone(Program::Axum),
    Setup::alone(Program::Actix),
    Setup::alone(Program::Go),
];
const PROXIED: [Setup; 6] = [
    Setup::proxied(Program::PlainProxy, Program::Bare),
    Setup::proxied(Program::Sidecar, Program::Api),
    Setup::proxied(Program::Sidecar, Program::Bare),
    Setup::proxied(Program::Sidecar, Program::Axum),
    Setup::proxied(Program::Sidecar, Program::Actix),
    Setup::proxied(Program::Sidecar, Program::Go),
];

/// All setups that this machine can run.
pub fn setups() -> Vec<Setup> {
    let runs = |setup: &Setup| setup.front.exists() && setup.behind.is_none_or(Program::exists);
    DIRECT.into_iter().chain(PROXIED).filter(runs).collect()
}

#[derive(Default)]
struct Rounds {
    rate: Vec<f64>,
    cpu_us: Vec<f64>,
}

/// Loads everything in turn and saves the section `throughput`.
pub fn run(effort: Effort) -> Result<()> {
    let mut section = Section::new("Throughput and CPU time");
    let rounds = on_the_clients_core(|| measure(effort))?;
    section.add(format!(
        "Closed loop, {CONNECTIONS} kept-alive connections, {} rounds of {:.1} s in which all take turns; median, least \
         and most. The servers have one core, the load has the other; a proxy shares its core with what is behind \
         it. CPU time is user and system of all processes of the row, from `schedstat`. The requests carry {} \
         clients' keys in turn, because the sidecar lets nobody send more than 10,000 a second. Its log goes to `/dev/null`; \
         into a pipe it costs some 3 µs more.",
        effort.rounds, effort.slice.as_secs_f64(), request::CLIENTS,
    ));
    for (ruler, setups) in [(DIRECT[0], &DIRECT), (PROXIED[0], &PROXIED)] {
        let heading = format!("÷ {}", ruler.name());
        let mut table = Table::new(&[
            if ruler == DIRECT[0] { "direct" } else { "through nginx" },
            "requests/s",
            "least – most",
            &heading,
            "CPU µs/request",
            "least – most",
        ]);
        for setup in setups {
            let Some(these) = rounds.get(setup) else { continue };
            let ratios: Vec<f64> = these
                .rate
                .iter()
                .zip(&rounds[&ruler].rate)
                .map(|(this, ruler)| this / ruler)
                .collect();
            let (rate, cpu) = (spread(&these.rate), spread(&these.cpu_us));
            table.row([
                setup.name(),
                whole(rate.0),
                format!("{} – {}", whole(rate.1), whole(rate.2)),
                format!("{:.2}", median(&ratios)),
                format!("{:.1}", cpu.0),
                format!("{:.1} – {:.1}", cpu.1, cpu.2),
            ]);
            section.note(format!("{}/rate", setup.name()), rate.0);
            section.note(format!("{}/ratio", setup.name()), median(&ratios));
            section.note(format!("{}/cpu_us", setup.name()), cpu.0);
        }
        println!("{table}");
        section.add(table);
    }
    section.save("throughput")
}

fn measure(effort: Effort) -> Result<BTreeMap<Setup, Rounds>> {
    let servers: Vec<(Setup, Server)> = setups()
        .into_iter()
        .map(|setup| Ok((setup, Server::start(setup)?)))
        .collect::<Result<_>>()?;
    let mut rounds: BTreeMap<Setup, Rounds> = BTreeMap::new();
    for round in 0..effort.rounds {
        // Every other round backwards: nobody always follows the same neighbour.
        let order: Vec<usize> = if round % 2 == 0 {
            (0..servers.len()).collect()
        } else {
            (0..servers.len()).rev().collect()
        };
        for place in order {
            let (setup, server) = &servers[place];
            let (rate, cpu_us) = saturate(server, CONNECTIONS, effort.slice)?;
            let these = rounds.entry(*setup).or_default();
            these.rate.push(rate);
            these.cpu_us.push(cpu_us);
        }
    }
    Ok(rounds)
}

/// Answers a second and CPU microseconds an answer, in a closed loop.
pub fn saturate(server: &Server, connections: usize, slice: Duration) -> Result<(f64, f64)> {
    let mut client = Client::to(server.address, request::usual_for(connections))?;
    client.run(Pace::Closed(slice / 5))?;
    let before = server.cpu_time();
    let outcome = client.run(Pace::Closed(slice))?;
    let cpu = server.cpu_time().saturating_sub(before);
    ensure!(
        outcome.failed + outcome.limited == 0,
        "{} requests failed",
        outcome.failed + outcome.limited
    );
    Ok((outcome.rate(), cpu.as_secs_f64() * 1e6 / outcome.ok.max(1) as f64))
}
