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
        "The load is a closed loop over {CONNECTIONS} kept-alive connections, with the keys of {} clients. The servers take \
         turns in {} rounds of {:.1} s. The tables show median, least and most. The servers use one core and the load uses the \
         other. A proxy shares its core with the server behind it. CPU time is the user and system time of all processes of the \
         row. The sidecar writes its log to `/dev/null`. A log in a pipe costs about 3 µs more.",
        request::CLIENTS, effort.rounds, effort.slice.as_secs_f64(),
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
