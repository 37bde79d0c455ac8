//! `gate`: fails if a request or the binary costs more than `benches/gates.json` allows.
//!
//! `gate --set` writes the measured values into that file instead.
//!
//! Instructions are compared as a ratio to the bare peer, counted in the same minute by the same valgrind with the
//! same libc. An absolute count depends on the machine's `memcpy`, but the ratio hardly does. Both programs are built
//! by the pinned compiler in the same profile. Allocations and system calls are whole numbers on every machine. The
//! size of the binary is valid for the platform in its `why`.

use std::fs;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use probe::count::{Counter, for_one_request};
use probe::program::{Program, Setup, root};
use probe::request;
use serde_json::{Value, json};

const FILE: &str = "benches/gates.json";

fn main() -> ExitCode {
    match run() {
        Ok(good) => ExitCode::from(u8::from(!good)),
        Err(error) => {
            eprintln!("gate: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<bool> {
    let set = match std::env::args().nth(1).as_deref() {
        None => false,
        Some("--set") => true,
        Some(_) => bail!("usage: gate [--set]"),
    };
    let file = root().join(FILE);
    let mut gates: Value = serde_json::from_str(&fs::read_to_string(&file).context(FILE)?)?;
    let mut failed = 0;
    let measured = measure()?;
    for &(name, now) in &measured {
        let check = Check::read(&gates, name, now)?;
        if set {
            gates[name]["set"] = json!((now * 1000.0).round() / 1000.0);
        } else {
            println!("{}", check.line());
            failed += usize::from(!check.passes());
        }
    }
    if set {
        fs::write(&file, serde_json::to_string_pretty(&gates)? + "\n")?;
        println!("{FILE} is set");
    } else {
        println!("{} passed, {failed} failed", measured.len() - failed);
    }
    Ok(failed == 0)
}

/// Measures everything that the gate checks.
fn measure() -> Result<[(&'static str, f64); 4]> {
    let usual = request::usual(0);
    let count =
        |counter, program| for_one_request(counter, Setup::alone(program).with_keys(1), &usual);
    // Both programs at once, because parallel work does not change counts.
    let (api, bare) = std::thread::scope(|scope| {
        let bare = scope.spawn(|| count(Counter::Instructions, Program::Bare));
        let api = count(Counter::Instructions, Program::Api);
        (api, bare.join().expect("counting does not panic"))
    });
    let (api, bare) = (api?, bare?);
    println!("instructions a request: sum-api {api:.0}, bare hyper {bare:.0}");
    let binary = Program::Api.binary();
    let size = fs::metadata(&binary).with_context(|| format!("reading {}", binary.display()))?;
    Ok([
        ("instructions_to_bare", api / bare),
        ("allocations", count(Counter::Allocations, Program::Api)?),
        ("system_calls", count(Counter::SystemCalls, Program::Api)?),
        ("binary_bytes", size.len() as f64),
    ])
}

/// One figure and its limit.
struct Check {
    name: &'static str,
    /// The value measured now.
    now: f64,
    /// The value measured when the gate was set.
    set: f64,
    /// The allowed increase, in percent.
    tolerance: f64,
}

impl Check {
    fn read(gates: &Value, name: &'static str, now: f64) -> Result<Self> {
        let number = |member: &str| {
            let number = gates[name][member].as_f64();
            number.with_context(|| format!("{FILE} has no number {name}.{member}"))
        };
        Ok(Self { name, now, set: number("set")?, tolerance: number("tolerance_percent")? })
    }

    /// The highest value that passes.
    fn bound(&self) -> f64 {
        self.set * (1.0 + self.tolerance / 100.0)
    }

    fn passes(&self) -> bool {
        self.now <= self.bound()
    }

    /// Whether the value is so much lower that the gate should be set again.
    fn is_loose(&self) -> bool {
        self.now < self.set * (1.0 - self.tolerance.max(1.0) / 100.0)
    }

    fn line(&self) -> String {
        let verdict = match (self.passes(), self.is_loose()) {
            (false, _) => "FAILED",
            (true, true) => "passed; lower the gate with `gate --set`",
            (true, false) => "passed",
        };
        let Self { name, now, set, tolerance } = self;
        let bound = self.bound();
        format!("{name}: {now:.3}, set at {set:.3}, at most {bound:.3} (+{tolerance} %): {verdict}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figure_passes_up_to_its_tolerance() {
        let check = |now| Check { name: "x", now, set: 1.5, tolerance: 2.0 };
        assert!(check(1.5).passes() && check(1.53).passes() && !check(1.54).passes());
        assert!(check(1.46).is_loose() && !check(1.49).is_loose());
    }

    #[test]
    fn file_has_every_gate() {
        let gates = fs::read_to_string(root().join(FILE)).unwrap();
        let gates: Value = serde_json::from_str(&gates).unwrap();
        for name in ["instructions_to_bare", "allocations", "system_calls", "binary_bytes"] {
            assert!(Check::read(&gates, name, 0.0).is_ok(), "{name}");
        }
        assert_eq!(gates.as_object().unwrap().len(), 4);
        assert!(Check::read(&gates, "unheard_of", 0.0).is_err());
    }
}
