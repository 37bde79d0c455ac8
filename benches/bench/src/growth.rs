//! How cost grows: with the body, with a number's digits, with keys, with connections.

use anyhow::{Context, Result};
use probe::count::{Counter, for_one_request};
use probe::program::{Program, Setup};
use probe::request;
use probe::server::{Server, on_the_clients_core};

use crate::effort::Effort;
use crate::parallel::on_both_cores;
use crate::plot::{self, Axis, Line};
use crate::section::Section;
use crate::table::{Table, whole};
use crate::throughput::saturate;

const API: Setup = Setup::alone(Program::Api).with_keys(1);
const SIDECAR: Setup = Setup::proxied(Program::Sidecar, Program::Api);
/// Up to the limit of 4 KiB.
const BODIES: [usize; 4] = [14, 256, 1024, 4096];
/// Up to the limit of 1,000; the cheap path for whole numbers ends below 20.
const DIGITS: [usize; 7] = [1, 10, 30, 100, 300, 600, 1000];
const KEYS: [usize; 3] = [1, 10, 1000];
const CONNECTIONS: [usize; 5] = [1, 16, 64, 256, 1000];

#[derive(Debug, Clone, Copy, PartialEq)]
enum Point {
    Body(usize),
    Digits(usize),
    Keys(Setup),
}

/// Counts and loads at each size and saves the section `growth`.
pub fn run(effort: Effort) -> Result<()> {
    let mut section = Section::new("How cost grows");
    let keys = KEYS
        .into_iter()
        .flat_map(|keys| [Point::Keys(API.with_keys(keys)), Point::Keys(SIDECAR.with_keys(keys))]);
    let points: Vec<Point> =
        BODIES.map(Point::Body).into_iter().chain(DIGITS.map(Point::Digits)).chain(keys).collect();
    let counted = on_both_cores(points, |point| {
        let (setup, request) = match *point {
            Point::Body(size) => (API, request::post(0, &padded(size))),
            Point::Digits(digits) => (API, request::post(0, &nines(digits))),
            // The last key of the list, so that all are looked at.
            Point::Keys(setup) => (setup, request::usual(setup.keys - 1)),
        };
        for_one_request(Counter::Instructions, setup, &request)
            .with_context(|| format!("{point:?}"))
    })?;
    let at = |point: Point| {
        let found = counted.iter().find(|(of, _)| *of == point);
        found.map(|found| found.1).context("every point was counted")
    };

    let mut table = Table::new(&[
        "body, bytes (the same sum, padded by blanks)",
        "instructions",
        "a byte more",
    ]);
    let mut before: Option<(usize, f64)> = None;
    for size in BODIES {
        let count = at(Point::Body(size))?;
        let step = before.map_or_else(
            || "–".into(),
            |(smaller, less)| format!("{:.2}", (count - less) / (size - smaller) as f64),
        );
        table.row([whole(size as f64), whole(count), step]);
        before = Some((size, count));
    }
    section.add(table);

    let mut table = Table::new(&["digits of each number", "instructions", "÷ digits"]);
    let mut curve = Vec::new();
    for digits in DIGITS {
        let count = at(Point::Digits(digits))?;
        table.row([whole(digits as f64), whole(count), whole(count / digits as f64)]);
        curve.push((digits as f64, count));
    }
    section.add(table);
    let exponent = exponent(&curve, at(Point::Digits(30))?);
    section.note("digits_exponent", exponent);
    section.add(format!(
        "Beyond what 30 digits cost, instructions grow with the digits to the power of {exponent:.2} (least squares of the \
         logarithms from 100 to 1,000 digits): 1 would be linear, 2 quadratic."
    ));
    section.add(plot::lines(
        "digits",
        "Instructions of a request by the digits of its numbers",
        Axis::linear("digits of each of the two numbers"),
        Axis::linear("instructions"),
        &[Line { name: "sum-api".into(), points: curve }],
    )?);

    let mut table = Table::new(&["keys", "sum-api, instructions", "sidecar, instructions"]);
    for keys in KEYS {
        let (api, sidecar) =
            (at(Point::Keys(API.with_keys(keys)))?, at(Point::Keys(SIDECAR.with_keys(keys)))?);
        table.row([whole(keys as f64), whole(api), whole(sidecar)]);
        section.note(format!("keys/{keys}/api"), api);
        section.note(format!("keys/{keys}/sidecar"), sidecar);
    }
    section.add(
        "Both compare a key with every key they know: sum-api in constant time, the sidecar with one `if` each. An SSM \
         parameter of 4 KB holds some 120 keys of 32 characters; 1,000 are for the shape of the curve.",
    );
    section.add(table);
    connections(&mut section, effort)?;
    section.save("growth")
}

fn connections(section: &mut Section, effort: Effort) -> Result<()> {
    let setups = [Setup::alone(Program::Api), Setup::alone(Program::Bare), SIDECAR];
    let rows = on_the_clients_core(|| {
        let mut rows = Vec::new();
        for connections in CONNECTIONS {
            let mut row = vec![whole(connections as f64)];
            for setup in setups {
                if setup.front == Program::Sidecar && connections > 256 {
                    row.extend(["–".into(), "–".into()]);
                    continue;
                }
                let server = Server::start(setup)?;
                let (rate, cpu) = saturate(&server, connections, effort.slice)?;
                row.extend([whole(rate), format!("{cpu:.1}")]);
            }
            rows.push(row);
        }
        Ok(rows)
    })?;
    let mut table = Table::new(&[
        "connections",
        "sum-api, requests/s",
        "CPU µs",
        "bare hyper, requests/s",
        "CPU µs",
        "sidecar → sum-api, requests/s",
        "CPU µs",
    ]);
    for row in rows {
        table.row(row);
    }
    println!("{table}");
    section.add(table);
    Ok(())
}

fn padded(size: usize) -> String {
    let body = r#"{"a":2,"b":40}"#;
    let blanks = " ".repeat(size - body.len());
    format!(r#"{{"a":2,{blanks}"b":40}}"#)
}

fn nines(digits: usize) -> String {
    let number = "9".repeat(digits);
    format!(r#"{{"a":{number},"b":{number}}}"#)
}

/// The slope in the log-log plane of what is above `floor`, from 100 on.
fn exponent(curve: &[(f64, f64)], floor: f64) -> f64 {
    let logs: Vec<(f64, f64)> = curve
        .iter()
        .filter(|(digits, count)| *digits >= 100.0 && *count > floor)
        .map(|(digits, count)| (digits.ln(), (count - floor).ln()))
        .collect();
    let n = logs.len() as f64;
    let (sum_x, sum_y) = logs.iter().fold((0.0, 0.0), |sums, log| (sums.0 + log.0, sums.1 + log.1));
    let (mean_x, mean_y) = (sum_x / n, sum_y / n);
    let above: f64 = logs.iter().map(|(x, y)| (x - mean_x) * (y - mean_y)).sum();
    let below: f64 = logs.iter().map(|(x, _)| (x - mean_x).powi(2)).sum();
    above / below
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_power_is_found() {
        let curve: Vec<(f64, f64)> =
            [100.0_f64, 300.0, 1000.0].iter().map(|x| (*x, 5.0 + 3.0 * x.powf(1.5))).collect();
        assert!((exponent(&curve, 5.0) - 1.5).abs() < 1e-6);
    }

    #[test]
    fn padding_does_not_change_the_sum() {
        assert_eq!(padded(14), r#"{"a":2,"b":40}"#);
        assert_eq!(padded(256).len(), 256);
    }
}
