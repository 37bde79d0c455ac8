//! What a request costs against what it may cost, as `benches/gates.json` says.
//!
//! Instructions are held as a ratio to the bare peer, counted in the same minute by the same valgrind on the
//! same libc: an absolute count differs between machines whose `memcpy` differs, and the ratio hardly does.
//! Both are built by the pinned compiler in the same profile. Allocations and system calls are whole numbers
//! everywhere. The binary's size is compared with a size on the kind of machine that is named beside it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

use crate::count::{Counter, for_one_request};
use crate::program::{Program, Setup, root};
use crate::request;

/// One figure and its bound.
#[derive(Debug, Clone)]
pub struct Check {
    /// As `gates.json` calls it.
    pub name: &'static str,
    /// What was measured now.
    pub now: f64,
    /// What was measured when the gate was set.
    pub set: f64,
    /// How much more is let through, in percent.
    pub tolerance: f64,
}

impl Check {
    /// The most that passes.
    pub fn bound(&self) -> f64 {
        self.set * (1.0 + self.tolerance / 100.0)
    }

    /// Whether it passes.
    pub fn passes(&self) -> bool {
        self.now <= self.bound()
    }

    /// Whether it is so much better that the gate should be set anew.
    pub fn is_loose(&self) -> bool {
        self.now < self.set * (1.0 - self.tolerance.max(1.0) / 100.0)
    }

    /// As a line for people.
    pub fn line(&self) -> String {
        let verdict = match (self.passes(), self.is_loose()) {
            (false, _) => "FAILED",
            (true, true) => "passed, and the gate could be tightened",
            (true, false) => "passed",
        };
        let Self { name, now, set, tolerance } = self;
        let bound = self.bound();
        format!("{name}: {now:.3}, set at {set:.3}, at most {bound:.3} (+{tolerance} %): {verdict}")
    }
}

/// Where the bounds are.
pub fn file() -> PathBuf {
    root().join("benches/gates.json")
}

/// Measures everything that the gate holds.
pub fn measure() -> Result<Vec<(&'static str, f64)>> {
    let usual = request::usual(0);
    let setup = |program| Setup::alone(program).with_keys(1);
    let count = |counter, program| for_one_request(counter, setup(program), &usual);
    // Two cores, two programs: counts do not mind company.
    let (api, bare) = std::thread::scope(|scope| {
        let bare = scope.spawn(|| count(Counter::Instructions, Program::Bare));
        let api = count(Counter::Instructions, Program::Api);
        (api, bare.join().expect("counting does not panic"))
    });
    let (api, bare) = (api?, bare?);
    println!("instructions a request: sum-api {api:.0}, bare hyper {bare:.0}");
    let binary = Program::Api.binary();
    let size = fs::metadata(&binary).with_context(|| format!("reading {}", binary.display()))?;
    Ok(vec![
        ("instructions_to_bare", api / bare),
        ("allocations", count(Counter::Allocations, Program::Api)?),
        ("system_calls", count(Counter::SystemCalls, Program::Api)?),
        ("binary_bytes", size.len() as f64),
    ])
}

/// Each figure beside its bound.
pub fn check(measured: &[(&'static str, f64)], gates: &Value) -> Result<Vec<Check>> {
    let number = |name: &str, member: &str| {
        let found = gates.get(name).and_then(|gate| gate.get(member)).and_then(Value::as_f64);
        found.with_context(|| format!("gates.json has no number {name}.{member}"))
    };
    let check = |&(name, now): &(&'static str, f64)| {
        let (set, tolerance) = (number(name, "set")?, number(name, "tolerance_percent")?);
        Ok(Check { name, now, set, tolerance })
    };
    measured.iter().map(check).collect()
}

/// The bounds as they stand.
pub fn read(path: &Path) -> Result<Value> {
    let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("reading {}", path.display()))
}

/// Sets every gate to what was measured now; the tolerances and their reasons stay.
pub fn set(path: &Path, measured: &[(&'static str, f64)]) -> Result<()> {
    let mut gates = read(path)?;
    let all: &mut Map<String, Value> = gates.as_object_mut().context("gates.json is an object")?;
    for (name, now) in measured {
        let rounded = (now * 1000.0).round() / 1000.0;
        all.get_mut(*name).with_context(|| format!("gates.json has no {name}"))?["set"] =
            json!(rounded);
    }
    fs::write(path, serde_json::to_string_pretty(&gates)? + "\n")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_passes_up_to_its_tolerance() {
        let check = |now| Check { name: "x", now, set: 1.5, tolerance: 2.0 };
        assert!(check(1.5).passes() && check(1.53).passes() && !check(1.54).passes());
        assert!(check(1.46).is_loose() && !check(1.49).is_loose());
    }

    #[test]
    fn the_file_has_every_gate() {
        let names = ["instructions_to_bare", "allocations", "system_calls", "binary_bytes"];
        let measured: Vec<_> = names.into_iter().map(|name| (name, 0.0)).collect();
        let gates = read(&file()).unwrap();
        assert_eq!(check(&measured, &gates).unwrap().len(), 4);
        assert!(check(&[("unheard_of", 0.0)], &gates).is_err());
    }
}
