//! What was done, line by line, and how much of it was good.

use std::time::Instant;

/// Prints as it goes, counts for the end.
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

    /// Something that was done or seen; no verdict.
    pub fn note(&self, text: &str) {
        println!("{:7.1} s     {text}", self.started.elapsed().as_secs_f32());
    }

    /// A verdict, with what it rests on.
    pub fn check(&mut self, name: &str, good: bool, found: &str) {
        let (word, colon) =
            (if good { "ok" } else { "FAILED" }, if found.is_empty() { "" } else { ": " });
        println!("{:7.1} s  {word:6} {name}{colon}{found}", self.started.elapsed().as_secs_f32());
        if good { self.passed += 1 } else { self.failed += 1 }
    }

    /// A verdict of something that can go wrong by itself: an error is a failure.
    pub fn attempt(&mut self, name: &str, result: anyhow::Result<String>) {
        match result {
            Ok(found) => self.check(name, true, &found),
            Err(error) => self.check(name, false, &format!("{error:#}")),
        }
    }

    /// What this system did not allow.
    pub fn skip(&mut self, name: &str, reason: &str) {
        println!("SKIPPED: {name}: {reason}");
        self.skipped += 1;
    }

    /// Seconds since the beginning.
    #[must_use]
    pub fn seconds(&self) -> f32 {
        self.started.elapsed().as_secs_f32()
    }

    /// The last line; whether nothing failed and something passed.
    #[must_use]
    pub fn finish(&self) -> bool {
        println!("\n{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped);
        self.failed == 0 && self.passed > 0
    }
}
