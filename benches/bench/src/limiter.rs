//! Whether the sidecar's limit is what it says: answers let through against answers allowed.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result};
use probe::client::{Client, Outcome, Pace};
use probe::program::{Program, Setup};
use probe::request;
use probe::server::{Server, on_the_clients_core};

use crate::section::Section;
use crate::table::{Table, spread, whole};

/// The contract's defaults.
const RATE: f64 = 5.0;
const BURST: f64 = 5.0;
const SETTINGS: [(&str, &str); 2] = [("RATE_LIMIT", "5"), ("RATE_LIMIT_BURST", "5")];
const BURST_PERIOD: Duration = Duration::from_secs(3);
const BURST_SIZE: u64 = 20;
const MOST_CONNECTIONS: usize = 250;

/// Who asks how.
struct Case {
    name: &'static str,
    clients: usize,
    sidecars: usize,
    /// Connections of each client to each sidecar.
    connections: usize,
    pace: fn(Duration) -> Pace,
}

const CASES: [Case; 5] = [
    Case {
        name: "1 client at 4 × its limit",
        clients: 1,
        sidecars: 1,
        connections: 1,
        pace: |duration| Pace::Steady { rate: 20.0, duration },
    },
    Case {
        name: "10 clients at 2 × their limit",
        clients: 10,
        sidecars: 1,
        connections: 1,
        pace: |duration| Pace::Steady { rate: 100.0, duration },
    },
    Case {
        name: "1,000 clients at 1.4 × their limit",
        clients: 1000,
        sidecars: 1,
        connections: 1,
        pace: |duration| Pace::Steady { rate: 7_000.0, duration },
    },
    Case {
        name: "1 client, 20 at once every 3 s",
        clients: 1,
        sidecars: 1,
        connections: 20,
        pace: |duration| Pace::Bursts { size: BURST_SIZE, period: BURST_PERIOD, duration },
    },
    Case {
        name: "1 client at 4 × the limit of 3 sidecars",
        clients: 1,
        sidecars: 3,
        connections: 1,
        pace: |duration| Pace::Steady { rate: 60.0, duration },
    },
];

/// Runs all cases at once and saves the section `limiter`.
pub fn run(duration: Duration) -> Result<()> {
    let mut section = Section::new("Accuracy of the limiter");
    let outcomes: Vec<Result<(Vec<f64>, u64)>> = std::thread::scope(|scope| {
        let running: Vec<_> =
            CASES.iter().map(|case| scope.spawn(|| measure(case, duration))).collect();
        running.into_iter().map(|case| case.join().expect("a case does not panic")).collect()
    });

    let mut table = Table::new(&[
        "",
        "allowed to each client",
        "let through, median",
        "least – most",
        "error of the worst, %",
        "failed behind it",
    ]);
    let mut worst_of_all: f64 = 0.0;
    for (case, served) in CASES.iter().zip(outcomes) {
        let (served, failed) = served.with_context(|| case.name)?;
        let allowed = allowed(case, duration);
        let (middle, least, most) = spread(&served);
        let worst = [least, most]
            .map(|served| (served / allowed - 1.0) * 100.0)
            .into_iter()
            .max_by(|one, other| one.abs().total_cmp(&other.abs()))
            .unwrap_or(f64::NAN);
        worst_of_all = worst_of_all.max(worst.abs());
        table.row([
            case.name.into(),
            whole(allowed),
            whole(middle),
            format!("{} – {}", whole(least), whole(most)),
            format!("{worst:+.1}"),
            whole(failed as f64),
        ]);
    }
    println!("{table}");
    section.note("worst_percent", worst_of_all);
    section.add(format!(
        "`RATE_LIMIT=5`, `RATE_LIMIT_BURST=5`, {} s, all rows at once. Allowed is what the words of the contract give: \
         1 + 5 from idle and then 5 a second; for the bursts 1 + 5 each, because 3 s fill what was taken. Each sidecar counts \
         for itself: with three of them a client has three times as much.",
        duration.as_secs()
    ));
    section.add(table);
    section.save("limiter")
}

fn allowed(case: &Case, duration: Duration) -> f64 {
    let seconds = duration.as_secs_f64();
    match (case.pace)(duration) {
        Pace::Bursts { period, .. } => (1.0 + BURST) * (seconds / period.as_secs_f64()).ceil(),
        _ => (1.0 + BURST + RATE * seconds).floor() * case.sidecars as f64,
    }
}

/// What was let through of each client, and how much of it failed behind the limiter.
fn measure(case: &Case, duration: Duration) -> Result<(Vec<f64>, u64)> {
    let behind = Server::start(Setup::alone(Program::Bare))?;
    let sidecars = (0..case.sidecars)
        .map(|_| Server::sidecar(behind.address, case.clients, &SETTINGS))
        .collect::<Result<Vec<Server>>>()?;
    // nginx has 1,024 connections for both sides together; so clients may have to share one, taking turns.
    let shared = case.clients.div_ceil(MOST_CONNECTIONS);
    let groups = case.clients / shared;
    let mut targets: Vec<(SocketAddr, Vec<Vec<u8>>)> = Vec::new();
    for _ in 0..case.connections {
        for group in 0..groups {
            let requests = (0..shared).map(|turn| request::usual(turn * groups + group));
            let requests: Vec<Vec<u8>> = requests.collect();
            targets.extend(sidecars.iter().map(|sidecar| (sidecar.address, requests.clone())));
        }
    }
    let outcome = on_the_clients_core(|| -> Result<Outcome> {
        Client::open(targets)?.run((case.pace)(duration))
    })?;
    let mut served = vec![0.0; case.clients];
    for (place, counts) in outcome.passed_by_request.iter().enumerate() {
        let group = place / case.sidecars % groups;
        for (turn, ok) in counts.iter().enumerate() {
            served[turn * groups + group] += *ok as f64;
        }
    }
    Ok((served, outcome.failed))
}
