//! Prints the steps and checks line by line, and counts the results.

use std::time::Instant;

/// The counts so far.
#[derive(Debug)]
pub struct Report {
    started: Instant,
    passed: u32,
    failed: u32,
    skipped: u32,
}

impl Default for Report {
    fn default() -> Self {
        Self { started: Instant::now(), passed: 0, failed: 0, skipped: 0 }
    }
}

impl Report {
    /// A heading.
    pub fn part(&self, text: &str) {
        println!("\n{:7.1} s  == {text}", self.started.elapsed().as_secs_f32());
    }

    /// A step or an observation, without a verdict.
    pub fn note(&self, text: &str) {
        println!("{:7.1} s     {text}", self.started.elapsed().as_secs_f32());
    }

    /// A verdict, with the observed value.
    pub fn check(&mut self, name: &str, good: bool, found: &str) {
        let (word, colon) =
            (if good { "ok" } else { "FAILED" }, if found.is_empty() { "" } else { ": " });
        println!("{:7.1} s  {word:6} {name}{colon}{found}", self.started.elapsed().as_secs_f32());
        if good { self.passed += 1 } else { self.failed += 1 }
    }

    /// A verdict of a step: an error is a failure.
    pub fn attempt(&mut self, name: &str, result: anyhow::Result<String>) {
        match result {
            Ok(found) => self.check(name, true, &found),
            Err(error) => self.check(name, false, &format!("{error:#}")),
        }
    }

    /// A check that cannot run on this system.
    pub fn skip(&mut self, name: &str, reason: &str) {
        println!("SKIPPED: {name}: {reason}");
        self.skipped += 1;
    }

    /// Seconds since the beginning.
    #[must_use]
    pub fn seconds(&self) -> f32 {
        self.started.elapsed().as_secs_f32()
    }

    /// Prints the last line. Returns whether no check failed and at least one passed.
    #[must_use]
    pub fn finish(&self) -> bool {
        println!("\n{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped);
        self.failed == 0 && self.passed > 0
    }
}
