//! The throughput of each server in a closed loop. The servers take turns, so that a busy moment of the machine affects
//! all of them.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use loadgen::Pace;
use probe::load::Load;
use probe::program::{Program, Setup};
use probe::request;
use probe::server::{Server, on_the_clients_core};

use crate::command::Effort;
use crate::section::Section;
use crate::table::{Table, median, spread, whole};

/// Connections of the closed loop.
pub const CONNECTIONS: usize = 64;

/// The rows. The first setup of each row is the reference for the others.
fn rows() -> [(&'static str, Vec<Setup>); 2] {
    let alone =
        [Program::Nginx, Program::Bare, Program::Api, Program::Axum, Program::Actix, Program::Go];
    let behind = [Program::Api, Program::Bare, Program::Axum, Program::Actix, Program::Go];
    let mut proxied = vec![Setup::proxied(Program::PlainProxy, Program::Bare)];
    proxied.extend(behind.map(|program| Setup::proxied(Program::Sidecar, program)));
    [("direct", alone.map(Setup::alone).to_vec()), ("through nginx", proxied)]
}

/// All setups that this machine can run.
pub fn setups() -> impl Iterator<Item = Setup> {
    rows().into_iter().flat_map(|(_, setups)| setups).filter(Setup::exists)
}

/// Answers per second, and CPU microseconds per answer, of each round.
type Rounds = (Vec<f64>, Vec<f64>);

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
    for (title, setups) in rows() {
        let ruler = setups[0];
        let heading = format!("÷ {}", ruler.name());
        let mut table = Table::new(&[
            title,
            "requests/s",
            "least – most",
            &heading,
            "CPU µs/request",
            "least – most",
        ]);
        for setup in setups {
            let Some((rates, cpu)) = rounds.get(&setup) else { continue };
            let pairs = rates.iter().zip(&rounds[&ruler].0);
            let ratio = median(&pairs.map(|(this, ruler)| this / ruler).collect::<Vec<_>>());
            let (rate, cpu) = (spread(rates), spread(cpu));
            table.row([
                setup.name(),
                whole(rate.0),
                format!("{} – {}", whole(rate.1), whole(rate.2)),
                format!("{ratio:.2}"),
                format!("{:.1}", cpu.0),
                format!("{:.1} – {:.1}", cpu.1, cpu.2),
            ]);
            section.note(format!("{}/ratio", setup.name()), ratio);
            section.note(format!("{}/cpu_us", setup.name()), cpu.0);
        }
        section.show(table);
    }
    section.save("throughput")
}

fn measure(effort: Effort) -> Result<BTreeMap<Setup, Rounds>> {
    let servers = setups().map(|setup| Ok((setup, Server::start(setup)?)));
    let mut servers: Vec<(Setup, Server)> = servers.collect::<Result<_>>()?;
    let mut rounds: BTreeMap<Setup, Rounds> = BTreeMap::new();
    for _ in 0..effort.rounds {
        for (setup, server) in &servers {
            let (rate, cpu) = saturate(server, CONNECTIONS, effort.slice)?;
            let these = rounds.entry(*setup).or_default();
            these.0.push(rate);
            these.1.push(cpu);
        }
        // Every other round is reversed, so that no server always follows the same one.
        servers.reverse();
    }
    Ok(rounds)
}

/// Answers per second and CPU microseconds per answer, in a closed loop.
pub fn saturate(server: &Server, connections: usize, slice: Duration) -> Result<(f64, f64)> {
    let mut load = Load::to(server.address, request::usual_for(connections))?;
    load.run(Pace::Closed(slice / 5))?;
    let before = server.cpu_time();
    let outcome = load.run(Pace::Closed(slice))?;
    let cpu = server.cpu_time().saturating_sub(before).as_secs_f64();
    let answers = outcome.answers as f64;
    Ok((answers / outcome.elapsed.as_secs_f64(), cpu * 1e6 / answers.max(1.0)))
}
