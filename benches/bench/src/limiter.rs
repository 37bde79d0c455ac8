//! Accuracy of the sidecar's limit: admitted requests compared with allowed requests.

use std::time::Duration;

use anyhow::{Context, Result};
use loadgen::{Caller, Client, Pace};
use probe::load::PATIENCE;
use probe::program::{Program, Setup};
use probe::request;
use probe::server::{Server, on_the_clients_core};

use crate::plan::Plan;
use crate::section::Section;
use crate::table::{Table, spread, whole};

const BURST_PERIOD: Duration = Duration::from_secs(3);
const BURST_SIZE: u32 = 20;
const MOST_CONNECTIONS: usize = 250;

/// A case: its name, the number of clients, the number of sidecars, and the rate of each client as a multiple of its
/// limit. `None` means bursts.
struct Case(&'static str, usize, usize, Option<f64>);

const CASES: [Case; 5] = [
    Case("1 client at 4 × its limit", 1, 1, Some(4.0)),
    Case("10 clients at 2 × their limit", 10, 1, Some(2.0)),
    Case("1,000 clients at 1.4 × their limit", 1000, 1, Some(1.4)),
    Case("1 client, 20 at once every 3 s", 1, 1, None),
    Case("1 client at 4 × the limit of 3 sidecars", 1, 3, Some(4.0)),
];

/// The limit of a client: requests per second, and the burst.
type Limit = (f64, f64);

impl Case {
    fn allowed(&self, (rate, burst): Limit, duration: Duration) -> f64 {
        let Self(_, _, sidecars, times) = *self;
        let from_idle = 1.0 + burst;
        match times {
            Some(_) => (from_idle + rate * duration.as_secs_f64()).floor() * sidecars as f64,
            None => from_idle * duration.div_duration_f64(BURST_PERIOD).ceil(),
        }
    }

    /// The admitted requests of each client, and the number of requests that failed behind the limiter.
    fn measure(&self, (rate, burst): Limit, duration: Duration) -> Result<(Vec<f64>, u64)> {
        let Self(_, clients, count, times) = *self;
        let (pace, connections) = match times {
            Some(times) => {
                let rate = times * rate * (clients * count) as f64;
                (Pace::Steady { rate, duration }, 1)
            }
            None => (Pace::Bursts { size: BURST_SIZE, period: BURST_PERIOD, duration }, BURST_SIZE),
        };
        let behind = Server::start(Setup::alone(Program::Bare))?;
        let (rate, burst) = (rate.to_string(), burst.to_string());
        let settings = [("RATE_LIMIT", &*rate), ("RATE_LIMIT_BURST", &*burst)];
        let sidecars = (0..count)
            .map(|_| Server::sidecar(behind.address, clients, &settings))
            .collect::<Result<Vec<Server>>>()?;
        // nginx has 1,024 connections for both sides together, so clients may have to share one and take turns.
        let shared = clients.div_ceil(MOST_CONNECTIONS);
        let groups = clients / shared;
        let mut callers = Vec::new();
        for _ in 0..connections {
            for group in 0..groups {
                let requests = (0..shared).map(|turn| request::usual(turn * groups + group));
                let requests: Vec<_> = requests.collect();
                let caller =
                    |it: &Server| Caller { address: it.address, requests: requests.clone() };
                callers.extend(sidecars.iter().map(caller));
            }
        }
        on_the_clients_core(|| {
            let (mut served, mut failed) = (vec![0.0; clients], 0);
            Client::new(callers, PATIENCE)?.run(pace, |answer| {
                let group = answer.caller / count % groups;
                if answer.status != 429 {
                    served[answer.request * groups + group] += 1.0;
                    failed += u64::from(answer.status != 200);
                }
            })?;
            Ok((served, failed))
        })
    }
}

/// Runs all cases at once and saves the section `limiter`.
pub fn run(duration: Duration) -> Result<()> {
    let mut section = Section::new("Accuracy of the limiter");
    let plan = Plan::read()?;
    let number = |name| plan.sidecar_number(name);
    let limit @ (rate, burst) = (number("RATE_LIMIT")?, number("RATE_LIMIT_BURST")?);
    let outcomes: Vec<_> = std::thread::scope(|scope| {
        let running: Vec<_> =
            CASES.iter().map(|case| scope.spawn(|| case.measure(limit, duration))).collect();
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
    for (case, outcome) in CASES.iter().zip(outcomes) {
        let (served, failed) = outcome.context(case.0)?;
        let allowed = case.allowed(limit, duration);
        let (middle, least, most) = spread(&served);
        let [low, high] = [least, most].map(|served| (served / allowed - 1.0) * 100.0);
        let worst = if low.abs() > high.abs() { low } else { high };
        table.row([
            case.0.into(),
            whole(allowed),
            whole(middle),
            format!("{} – {}", whole(least), whole(most)),
            format!("{worst:+.1}"),
            whole(failed as f64),
        ]);
    }
    section.add(format!(
        "All rows run at the same time for {} s, with `RATE_LIMIT={rate}` and `RATE_LIMIT_BURST={burst}`. The contract allows \
         1 + {burst} requests from idle and then {rate} a second. It allows 1 + {burst} for each burst, because the limit \
         recovers within 3 s. Each sidecar counts separately.",
        duration.as_secs()
    ));
    section.show(table);
    section.save("limiter")
}
