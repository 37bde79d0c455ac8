//! Latency when requests come at fixed moments, counted from the moment they were due.

use std::time::Duration;

use anyhow::{Result, ensure};
use hdrhistogram::Histogram;
use probe::client::{Client, Pace};
use probe::program::{Program, Setup};
use probe::request;
use probe::server::{Server, on_the_clients_core};

use crate::effort::Effort;
use crate::plot::{self, Axis, Line};
use crate::section::Section;
use crate::table::{Table, median, micros, quantile, whole};
use crate::throughput::{CONNECTIONS, saturate, setups};

/// Those whose curves tell something; all are in the table.
const DRAWN: [Setup; 6] = [
    Setup::alone(Program::Nginx),
    Setup::alone(Program::Bare),
    Setup::alone(Program::Api),
    Setup::alone(Program::Axum),
    Setup::proxied(Program::PlainProxy, Program::Bare),
    Setup::proxied(Program::Sidecar, Program::Api),
];

/// How many turns long a load is.
const TURNS: u32 = 4;
const SHARES: [f64; 3] = [0.25, 0.5, 0.8];
const QUANTILES: [(f64, &str); 4] = [(0.5, "p50"), (0.9, "p90"), (0.99, "p99"), (0.999, "p99.9")];

/// Measures all setups at three shares of their own saturation and saves the section `latency`.
pub fn run(effort: Effort) -> Result<()> {
    let mut section = Section::new("Latency");
    section.add(format!(
        "Open loop over {CONNECTIONS} connections: a request counts from the moment it was due, not from when it could be \
         sent, so a stall is seen by every request that it delays. The load is a share of what the same server did \
         in a closed loop just before. {:.1} s each; microseconds.",
        effort.slice.as_secs_f64() * f64::from(TURNS)
    ));
    let rows = on_the_clients_core(|| {
        setups().into_iter().map(|setup| measure(setup, effort)).collect::<Result<Vec<_>>>()
    })?;

    let mut table = Table::new(&["", "load", "requests/s", "p50", "p90", "p99", "p99.9"]);
    let mut curves = Vec::new();
    for (setup, loads) in rows {
        for (share, rate, latency) in loads {
            let at = |quantile| Duration::from_nanos(latency.value_at_quantile(quantile));
            table.row(
                [setup.name(), format!("{:.0} %", share * 100.0), whole(rate)]
                    .into_iter()
                    .chain(QUANTILES.map(|(quantile, _)| micros(at(quantile)))),
            );
            if (share - 0.5).abs() < f64::EPSILON && DRAWN.contains(&setup) {
                let points = [0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999]
                    .map(|quantile| (1.0 / (1.0 - quantile), at(quantile).as_secs_f64() * 1e6));
                curves.push(Line { name: setup.name(), points: points.into() });
            }
        }
    }
    println!("{table}");
    section.add(table);
    section.add(plot::lines(
        "latency",
        "Latency at half of the own saturation",
        Axis::log("one request in … is slower (10 = p90, 100 = p99)"),
        Axis::log("µs"),
        &curves,
    )?);
    against_the_ceiling(&mut section, effort)?;
    section.save("latency")
}

/// A share of the saturation, what that is a second, and the latencies.
type Load = (f64, f64, Histogram<u64>);

fn measure(setup: Setup, effort: Effort) -> Result<(Setup, Vec<Load>)> {
    let server = Server::start(setup)?;
    let (saturation, _) = saturate(&server, CONNECTIONS, effort.slice)?;
    let loads = SHARES.map(|share| {
        let rate = saturation * share;
        Ok((share, rate, at_rate(&server, rate, effort.slice * TURNS)?))
    });
    Ok((setup, loads.into_iter().collect::<Result<_>>()?))
}

fn at_rate(server: &Server, rate: f64, duration: Duration) -> Result<Histogram<u64>> {
    let mut client = Client::to(server.address, request::usual_for(CONNECTIONS))?;
    client.run(Pace::Open { rate, duration: duration / 8 })?;
    let outcome = client.run(Pace::Open { rate, duration })?;
    ensure!(outcome.failed + outcome.limited == 0, "{} requests failed", outcome.failed);
    Ok(outcome.latency)
}

/// The target's own comparison: many short windows that take turns. What disturbs a machine is shorter than a
/// window and hits either, so the medians are compared, and not each window with its neighbour.
fn against_the_ceiling(section: &mut Section, effort: Effort) -> Result<()> {
    let setups = [
        Setup::proxied(Program::Sidecar, Program::Api),
        Setup::proxied(Program::PlainProxy, Program::Bare),
    ];
    let windows = on_the_clients_core(|| {
        let servers = [Server::start(setups[0])?, Server::start(setups[1])?];
        let mut rates = [0.0; 2];
        let mut windows = [Vec::new(), Vec::new()];
        for (rate, server) in rates.iter_mut().zip(&servers) {
            *rate = saturate(server, CONNECTIONS, effort.slice * 2)?.0 / 2.0;
        }
        for _ in 0..effort.rounds * 5 {
            for ((windows, server), rate) in windows.iter_mut().zip(&servers).zip(rates) {
                let latency = at_rate(server, rate, effort.slice / 2)?;
                windows.push(latency.value_at_quantile(0.99) as f64 / 1000.0);
            }
        }
        Ok(windows)
    })?;

    let [ours, ceiling] = setups.map(|setup| setup.name());
    let mut table = Table::new(&["p99 at 50 %, µs, by window", &ours, &ceiling, "ratio"]);
    let [ours, ceiling] = &windows;
    for (place, name) in
        [(0.0, "least"), (0.25, "lower quartile"), (0.5, "median"), (0.75, "upper quartile")]
    {
        let (ours, ceiling) = (quantile(ours, place), quantile(ceiling, place));
        table.row([
            name.to_owned(),
            format!("{ours:.0}"),
            format!("{ceiling:.0}"),
            format!("{:.2}", ours / ceiling),
        ]);
    }
    let ratio = median(ours) / median(ceiling);
    section.note("p99_to_ceiling", ratio);
    println!("p99 through the sidecar ÷ the ceiling's: {ratio:.2}");
    section.add(format!(
        "{} windows of {:.2} s each, taking turns, each setup at half of its own saturation:",
        ours.len(),
        effort.slice.as_secs_f64() / 2.0
    ));
    section.add(table);
    Ok(())
}
