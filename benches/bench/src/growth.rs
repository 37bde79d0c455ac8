//! The growth of the cost with the body, with a number's digits, and with keys.

use anyhow::Result;
use probe::count::{Counter, for_one_request};
use probe::program::{Program, Setup};
use probe::request;

use crate::parallel::on_both_cores;
use crate::section::Section;
use crate::table::{Table, whole};

const API: Setup = Setup::alone(Program::Api).with_keys(1);
const SIDECAR: Setup = Setup::proxied(Program::Sidecar, Program::Api);
/// Sizes up to the limit of 4 KiB.
const BODIES: [usize; 4] = [14, 256, 1024, 4096];
/// Digits up to the limit of 1,000. The fast path for whole numbers ends below 20.
const DIGITS: [usize; 7] = [1, 10, 30, 100, 300, 600, 1000];
const KEYS: [usize; 3] = [1, 10, 1000];

/// Counts at each size and saves the section `growth`.
pub fn run() -> Result<()> {
    let mut section = Section::new("Growth of the cost");
    let bodies = BODIES.map(|size| (API, request::post(0, &padded(size))));
    let digits = DIGITS.map(|digits| (API, request::post(0, &nines(digits))));
    // The last key of the list, so that all keys are compared.
    let keys = KEYS.into_iter().flat_map(|keys| {
        [API, SIDECAR].map(|setup| (setup.with_keys(keys), request::usual(keys - 1)))
    });
    let points: Vec<_> = bodies.into_iter().chain(digits).chain(keys).collect();
    let counted = on_both_cores(&points, |(setup, request)| {
        for_one_request(Counter::Instructions, *setup, request)
    })?;
    let (bodies, counted) = counted.split_at(BODIES.len());
    let (digits, keys) = counted.split_at(DIGITS.len());

    let mut table = Table::new(&[
        "body, bytes (the same sum, padded with blanks)",
        "instructions",
        "a byte more",
    ]);
    for (place, (size, count)) in BODIES.into_iter().zip(bodies).enumerate() {
        let before = place.checked_sub(1).map(|before| (BODIES[before], bodies[before]));
        let step = before.map(|(smaller, less)| (count - less) / (size - smaller) as f64);
        let step = step.map_or("–".into(), |step| format!("{step:.2}"));
        table.row([whole(size as f64), whole(*count), step]);
    }
    section.add(table);

    let mut table = Table::new(&["digits of each number", "instructions", "÷ digits"]);
    let curve: Vec<(f64, f64)> =
        DIGITS.into_iter().zip(digits).map(|(digits, count)| (digits as f64, *count)).collect();
    for (digits, count) in &curve {
        table.row([whole(*digits), whole(*count), whole(count / digits)]);
    }
    section.add(table);
    // Without the cost of 30 digits.
    let exponent = exponent(&curve, curve[2].1);
    section.note("digits_exponent", exponent);
    section.add(format!(
        "The exponent of this growth is {exponent:.2}: 1 is linear and 2 is quadratic. It is the slope of the logarithms (least \
         squares) from 100 to 1,000 digits, after the instructions for 30 digits are subtracted."
    ));
    let mut table = Table::new(&["keys", "sum-api, instructions", "sidecar, instructions"]);
    for (number, instructions) in KEYS.into_iter().zip(keys.chunks(2)) {
        table.row([whole(number as f64), whole(instructions[0]), whole(instructions[1])]);
    }
    section.add(
        "sum-api and the sidecar compare a key with every key of their list. An SSM parameter of 4 KB holds about 120 keys of \
         32 characters. The row with 1,000 keys shows the shape of the curve.",
    );
    section.add(table);
    section.save("growth")
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

/// The slope in the log-log plane of the values minus `floor`, from 100 digits.
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
    fn exponent_of_power_is_found() {
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
