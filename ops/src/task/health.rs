//! Runs a container's health check with the times of the task definition.
//!
//! The first check runs one interval after the start, as in Docker. In the start period, a failure does not count, and
//! the first success makes the container healthy.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::process::Command;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use super::definition::HealthCheck;

/// The health status of a container in ECS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// No verdict yet, or no health check.
    Unknown,
    /// The last check passed.
    Healthy,
    /// `retries` checks failed in a row.
    Unhealthy,
}

/// The results of a container's health check so far.
#[derive(Debug, Clone)]
pub struct Watched {
    /// The verdict.
    pub health: watch::Receiver<Health>,
    /// When it was healthy for the first time.
    pub first_healthy: Arc<OnceLock<std::time::Instant>>,
}

impl Watched {
    /// For a container without a health check.
    #[must_use]
    pub fn never() -> Self {
        Self { health: watch::channel(Health::Unknown).1, first_healthy: Arc::default() }
    }
}

/// Computes the health from the results of the checks. It does not run them.
#[derive(Debug)]
struct Verdict {
    health: Health,
    failures: u32,
    retries: u32,
}

impl Verdict {
    fn take(&mut self, passed: bool, in_start_period: bool) -> Health {
        if passed {
            self.failures = 0;
            self.health = Health::Healthy;
        } else if !in_start_period || self.health == Health::Healthy {
            self.failures += 1;
            if self.failures >= self.retries {
                self.health = Health::Unhealthy;
            }
        }
        self.health
    }
}

/// The program and arguments of a check: `CMD` without a shell, `CMD-SHELL` with `/bin/sh`.
#[must_use]
pub fn argv(check: &HealthCheck) -> Vec<String> {
    match check.command.split_first() {
        Some((kind, rest)) if kind == "CMD" => rest.to_vec(),
        Some((kind, rest)) if kind == "CMD-SHELL" => {
            ["/bin/sh", "-c"].into_iter().map(str::to_owned).chain(rest.iter().cloned()).collect()
        }
        _ => check.command.clone(),
    }
}

/// Runs checks until the receiver is dropped. `command` makes the process of one check.
pub fn watch(check: &HealthCheck, command: impl Fn() -> Command + Send + 'static) -> Watched {
    let (sender, health) = watch::channel(Health::Unknown);
    let watched = Watched { health, first_healthy: Arc::default() };
    let first_healthy = Arc::clone(&watched.first_healthy);
    let HealthCheck { interval, timeout: patience, retries, start_period, .. } = *check;
    tokio::spawn(async move {
        let started = Instant::now();
        let mut verdict = Verdict { health: Health::Unknown, failures: 0, retries };
        loop {
            tokio::select! {
                () = sleep(Duration::from_secs(interval)) => {}
                () = sender.closed() => return,
            }
            let run = timeout(Duration::from_secs(patience), command().status()).await;
            let passed = matches!(run, Ok(Ok(status)) if status.success());
            let in_start_period = started.elapsed() < Duration::from_secs(start_period);
            let health = verdict.take(passed, in_start_period);
            if health == Health::Healthy {
                let _ = first_healthy.set(std::time::Instant::now());
            }
            sender.send_if_modified(|old| std::mem::replace(old, health) != health);
        }
    });
    watched
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consecutive_failures_make_it_unhealthy_and_one_success_healthy() {
        let mut verdict = Verdict { health: Health::Unknown, failures: 0, retries: 2 };
        assert_eq!(
            verdict.take(false, true),
            Health::Unknown,
            "no failure counts in the start period"
        );
        assert_eq!(verdict.take(false, false), Health::Unknown);
        assert_eq!(verdict.take(true, false), Health::Healthy);
        assert_eq!(verdict.take(false, true), Health::Healthy);
        assert_eq!(verdict.take(false, false), Health::Unhealthy);
        assert_eq!(verdict.take(true, false), Health::Healthy);
    }

    #[test]
    fn shell_check_runs_in_the_shell() {
        let check = |command: &[&str]| HealthCheck {
            command: command.iter().map(|c| (*c).to_owned()).collect(),
            interval: 1,
            timeout: 1,
            retries: 1,
            start_period: 0,
        };
        assert_eq!(argv(&check(&["CMD", "/service", "healthcheck"])), ["/service", "healthcheck"]);
        assert_eq!(argv(&check(&["CMD-SHELL", "exit 1"])), ["/bin/sh", "-c", "exit 1"]);
    }

    #[tokio::test(start_paused = true)]
    async fn first_check_runs_after_one_interval() {
        let check =
            HealthCheck { command: vec![], interval: 5, timeout: 2, retries: 1, start_period: 0 };
        // A paused clock does not wait for a process, so the program does not exist.
        let mut watched = watch(&check, || Command::new("/no/such/program"));
        let before = Instant::now();
        watched.health.changed().await.unwrap();
        assert_eq!(*watched.health.borrow(), Health::Unhealthy);
        assert!(watched.first_healthy.get().is_none());
        assert!(before.elapsed() >= Duration::from_secs(5), "{:?}", before.elapsed());
    }
}
