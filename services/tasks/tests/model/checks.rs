//! The checks: all states within some bounds, and one broken rule at a time.

use super::rules::{Rule, Seen, Work};
use super::state::State;
use stateright::{Checker as _, HasDiscoveries, Model as _};
use std::collections::{BTreeSet, HashSet};
use std::time::Instant;

/// Set it to also check larger bounds, which takes some minutes.
const LARGE: &str = "MODEL_LARGE";
const ADA: u8 = 0;
const BOB: u8 = 1;
/// Jobs of one user, of two users, and some that are created later.
const ONE: &[(u8, bool)] = &[(ADA, true)];
const TWO: &[(u8, bool)] = &[(ADA, true), (BOB, true)];
const THREE: &[(u8, bool)] = &[(ADA, true), (ADA, true), (BOB, true)];
const LATER: &[(u8, bool)] = &[(ADA, true), (ADA, false), (BOB, false)];

/// Two processes with some slots each.
fn work(jobs: &'static [(u8, bool)], slots: usize, faults: u8) -> Work {
    Work { jobs, processes: 2, slots, faults, broken: None, seen: Seen::default() }
}

/// Checks all states, and that there are at least so many.
fn check(name: &str, work: Work, least: usize) {
    let (began, slots, faults) = (Instant::now(), work.slots, work.faults);
    let checker = work.checker().threads(2).spawn_bfs().join();
    checker.assert_properties();
    let (states, steps) = (checker.unique_state_count(), checker.state_count());
    let (depth, took) = (checker.max_depth(), began.elapsed());
    println!(
        "{name}, slots: {slots}, faults: {faults}: {states} states, {steps} steps, depth {depth}, {took:?}"
    );
    assert!(states >= least, "{name} has only {states} states");
}

#[test]
fn every_state_keeps_the_promises() {
    let seen = Seen::default();
    let shared = |jobs, slots, faults| Work { seen: seen.clone(), ..work(jobs, slots, faults) };
    check("one job", shared(ONE, 1, 6), 34_000);
    check("a job of each of two users", shared(TWO, 1, 2), 56_000);
    check("a job of each of two users", shared(TWO, 2, 1), 22_000);
    check("three jobs of two users", shared(THREE, 1, 1), 54_000);
    check("three jobs that are created later", shared(LATER, 1, 1), 109_000);
    println!("{seen}");
    assert_eq!(seen.never(), [], "the model does not reach this");
    if std::env::var_os(LARGE).is_some() {
        check_larger_bounds();
    }
}

fn check_larger_bounds() {
    check("one job", work(ONE, 1, 9), 81_000);
    check("a job of each of two users", work(TWO, 1, 3), 379_000);
    check("a job of each of two users", work(TWO, 2, 2), 643_000);
    check("three jobs of two users", work(THREE, 1, 2), 777_000);
    check("three jobs of two users", work(THREE, 2, 1), 690_000);
    check("three jobs that are created later", work(LATER, 1, 2), 1_444_000);
}

/// Visits all states after one. No path leads back to a state, so each path ends.
fn visit(work: &Work, state: State, path: &mut HashSet<State>, done: &mut HashSet<State>) {
    if done.contains(&state) {
        return;
    }
    assert!(path.insert(state.clone()), "a path comes back to {state:?}");
    for step in work.steps(&state) {
        visit(work, work.after(&state, step), path, done);
    }
    path.remove(&state);
    done.insert(state);
}

#[test]
fn every_path_ends() {
    for (work, least) in
        [(work(ONE, 1, 4), 9000), (work(TWO, 1, 1), 4000), (work(TWO, 2, 1), 21_000)]
    {
        let mut done = HashSet::new();
        visit(&work, work.begin(), &mut HashSet::new(), &mut done);
        assert!(done.len() >= least, "only {} states", done.len());
    }
}

#[test]
fn each_broken_rule_is_found() {
    for rule in Rule::ALL {
        let (jobs, faults, property) = match rule {
            Rule::OnlyTheLastFenceEnds => (ONE, 1, "only the last fence ends"),
            Rule::LeasesProtect => (ONE, 0, "lease protects its worker"),
            Rule::LostRunsAreTakenOver => (ONE, 1, "every task ends"),
            Rule::CrashesAreCounted => (ONE, 3, "third crash is the last"),
            Rule::LostRunsUseNoAttempt => (ONE, 1, "attempts are the failed runs"),
            Rule::CancelledTasksEnd => (ONE, 2, "request to cancel is kept"),
            Rule::SuccessBeatsCancel => (ONE, 1, "success wins"),
            Rule::UsersTakeTurns => (THREE, 0, "user waits for each other user once"),
            Rule::TurnsFollowTheLast => (LATER, 0, "user waits for each other user once"),
            Rule::ClaimsPendingOnly => (ONE, 0, "open run while processing"),
            Rule::KnownRunsStay => (ONE, 0, "run in a process stays"),
            Rule::RecordedFilesStay => (ONE, 1, "file of a result stays"),
        };
        let work = Work { broken: Some(rule), ..work(jobs, 1, faults) };
        let found = HasDiscoveries::AnyOf(BTreeSet::from([property]));
        let checker = work.checker().finish_when(found).spawn_bfs().join();
        let Some(path) = checker.discovery(property) else { panic!("{rule:?} is not noticed") };
        let steps = path.into_actions();
        println!("{rule:?}: \"{property}\" breaks after {} steps", steps.len());
    }
    assert!(Rule::ALL.len() >= 12);
}
