//! Latency of requests at fixed times, counted from the due time.

use std::time::Duration;

use anyhow::Result;
use hdrhistogram::Histogram;
use loadgen::Pace;
use probe::load::Load;
use probe::program::{Program, Setup};
use probe::request;
use probe::server::{Server, on_the_clients_core};

use crate::command::Effort;
use crate::section::Section;
use crate::table::{Table, median, quantile, whole};
use crate::throughput::{CONNECTIONS, saturate, setups};

/// Length of a load, in turns.
const TURNS: u32 = 4;
const SHARES: [f64; 3] = [0.25, 0.5, 0.8];
const QUANTILES: [f64; 4] = [0.5, 0.9, 0.99, 0.999];

/// Measures all setups at three shares of their own saturation and saves the section `latency`.
pub fn run(effort: Effort) -> Result<()> {
    let mut section = Section::new("Latency");
    section.add(format!(
        "The load is an open loop over {CONNECTIONS} connections. Latencies are in microseconds, from the time when the \
         request was due, so a stall counts for every request that it delays. The load is a share of the rate that the same \
         server reached in a closed loop just before. Each measurement takes {:.1} s.",
        effort.slice.as_secs_f64() * f64::from(TURNS)
    ));
    let table = on_the_clients_core(|| {
        let mut table = Table::new(&["", "load", "requests/s", "p50", "p90", "p99", "p99.9"]);
        for setup in setups() {
            let server = Server::start(setup)?;
            let (saturation, _) = saturate(&server, CONNECTIONS, effort.slice)?;
            for share in SHARES {
                let rate = saturation * share;
                let latency = at_rate(&server, rate, effort.slice * TURNS)?;
                let mut row = vec![setup.name(), format!("{:.0} %", share * 100.0), whole(rate)];
                let micros = |quantile| latency.value_at_quantile(quantile) as f64 / 1000.0;
                row.extend(QUANTILES.map(|quantile| format!("{:.1}", micros(quantile))));
                table.row(row);
            }
        }
        Ok(table)
    })?;
    section.show(table);
    against_the_ceiling(&mut section, effort)?;
    section.save("latency")
}

fn at_rate(server: &Server, rate: f64, duration: Duration) -> Result<Histogram<u64>> {
    let mut load = Load::to(server.address, request::usual_for(CONNECTIONS))?;
    load.run(Pace::Open { rate, duration: duration / 8 })?;
    Ok(load.run(Pace::Open { rate, duration })?.latency)
}

/// The comparison of the target, in many short alternating windows. A disturbance of the machine is shorter than a
/// window and can hit either setup. So the medians are compared, not neighbouring windows.
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
    section.note("p99_to_ceiling", median(ours) / median(ceiling));
    section.add(format!(
        "The two setups take turns in {} windows of {:.2} s, each at half of its own saturation:",
        ours.len(),
        effort.slice.as_secs_f64() / 2.0
    ));
    section.show(table);
    Ok(())
}
