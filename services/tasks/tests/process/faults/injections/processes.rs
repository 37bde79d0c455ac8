//! Faults of worker processes.

use super::super::bed::{Bed, LEASE};
use super::super::callers::{Callers, Job};
use super::super::mail_server::wish;
use crate::{PATIENCE, until};
use fastrand::Rng;
use std::thread::sleep;
use std::time::Duration;

/// A worker that waits for the answer to a mail with this wish.
#[track_caller]
fn busy(bed: &Bed, wish: &str) -> String {
    let mut busy = None;
    until("a worker with a job", PATIENCE, || {
        let waiting = bed.mails.waiting(wish);
        let runs = |name: &&String| bed.workers.iter().any(|worker| worker.name == **name);
        busy = waiting.iter().find(runs).cloned();
        busy.is_some()
    });
    busy.unwrap()
}

pub(super) fn kill(bed: &mut Bed, callers: &Callers, random: &mut Rng) -> usize {
    let kills = random.usize(2..5);
    let before = bed.books.count("attempts WHERE outcome = 'lost'");
    for _ in 0..kills {
        let name = busy(bed, wish::SLOW);
        sleep(Duration::from_micros(random.u64(0..20_000)));
        bed.kill(&name);
        callers.wait_for(5);
    }
    until("a lost run", PATIENCE, || bed.books.count("attempts WHERE outcome = 'lost'") > before);
    kills
}

/// On PostgreSQL, other workers take over meanwhile. With SQLite, there is no other worker, so nothing becomes stale.
pub(super) fn freeze(bed: &mut Bed) -> usize {
    let stale = bed.stale();
    let mut freezes = 0;
    loop {
        let name = busy(bed, wish::SLOW);
        let service = &bed.workers.iter().find(|worker| worker.name == name).unwrap().service;
        service.signal("-STOP");
        let its = format!("attempts WHERE ended_at IS NULL AND worker LIKE '%-{}-%'", service.id());
        if bed.is_postgres() {
            until("the take-over", PATIENCE, || bed.books.count(&its) == 0);
        } else {
            let over = format!("{its} AND lease_until < unixepoch('subsec') * 1000");
            assert!(bed.books.count(&its) > 0);
            until("the end of the leases", PATIENCE, || {
                bed.books.count(&over) == bed.books.count(&its)
            });
        }
        service.signal("-CONT");
        freezes += 1;
        // A run that is told of its loss before it ends has no result. So one freeze can be without a stale result.
        let dropped = || bed.stale() > stale;
        let waited = std::time::Instant::now();
        while bed.is_postgres() && !dropped() && waited.elapsed() < LEASE {
            sleep(Duration::from_millis(20));
        }
        if !bed.is_postgres() || dropped() || freezes == 5 {
            assert!(!bed.is_postgres() || dropped(), "no stale result after {freezes} freezes");
            return freezes;
        }
    }
}

/// Each worker stops with a job that does not end in time.
pub(super) fn drain(bed: &mut Bed, callers: &Callers) -> usize {
    let before = bed.books.count("attempts WHERE outcome = 'handed_back'");
    bed.mails.release(false);
    callers.create(8, &Job::Mail(wish::HELD.into()), 1);
    let name = busy(bed, wish::HELD);
    let mut service = bed.take(&name);
    service.terminate();
    if bed.is_postgres() {
        bed.complete();
    }
    assert_eq!(service.exit_code(), 0, "{}", service.log());
    drop(service);
    let back = bed.books.count("attempts WHERE outcome = 'handed_back'") - before;
    assert!(back > 0, "no job was handed back");
    bed.complete();
    busy(bed, wish::HELD);
    bed.mails.release(true);
    1
}

/// The third crash fails the task. It never runs again.
pub(super) fn poison(bed: &mut Bed, callers: &Callers) -> usize {
    let task = callers.create(1, &Job::Mail(wish::POISON.into()), 5).remove(0).replace('-', "");
    for _ in 0..3 {
        let name = busy(bed, wish::POISON);
        bed.kill(&name);
    }
    let id = bed.books.id("id");
    let failed = format!(
        "tasks WHERE {id} = '{task}' AND status = 'failed' AND error = 'The worker stopped unexpectedly three times.'"
    );
    bed.books.until("the failed task", &failed);
    callers.wait_for(20);
    let id = bed.books.id("task_id");
    let runs = bed.books.texts(&format!("SELECT outcome FROM attempts WHERE {id} = '{task}'"));
    assert_eq!((runs, bed.mails.arrived(&task)), (vec!["lost".to_owned(); 3], 3));
    3
}
