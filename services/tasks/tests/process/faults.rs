//! Faults while users create jobs and workers run them, with the real program on both engines. Afterwards, every task is
//! accounted for: none is lost, and none is recorded twice.
//!
//! The work of a job is a mail to a server of the test, so the test knows which worker runs which job, and how long.

pub(crate) mod bed;
mod books;
pub(crate) mod broker;
mod callers;
mod clock;
mod disk;
mod injections;
pub(crate) mod mail_server;

use self::bed::Bed;
use self::books::Row;
use self::broker::Broker;
use self::callers::Callers;
use self::injections::Fault;
use fastrand::Rng;
use std::collections::BTreeMap;
use std::env;
use std::time::{Duration, Instant};

/// The time of a seeded run in `make test`.
const RUN: Duration = Duration::from_secs(30);
/// The time between two tables of a long run.
const TABLE: Duration = Duration::from_mins(1);
/// Tasks that are created before the first fault of a round.
const FIRST: usize = 20;

/// Causes faults one after another while users create tasks, and accounts for all tasks of the round.
fn round(bed: &mut Bed, name: &str, faults: &[Fault], random: &mut Rng) -> (Row, Vec<usize>) {
    let stale = bed.stale();
    for fault in faults {
        fault.prepare(bed);
    }
    let callers = Callers::start(name, &bed.address, random);
    callers.wait_for(FIRST);
    let mut times = Vec::new();
    for fault in faults {
        let caused = fault.cause(bed, &callers, random);
        assert!(caused > 0, "{fault:?}");
        times.push(caused);
    }
    let known = callers.stop();
    let mut row = bed.books.account(name, &known, &bed.mails);
    row.stale = bed.stale() - stale;
    for fault in faults {
        fault.undo(bed);
    }
    row.assert_complete();
    (row, times)
}

const HEAD: &str = "\
| fault | engine | times | tasks in | completed | failed | cancelled | lost | recorded twice | stale dropped |
|---|---|---|---|---|---|---|---|---|---|";

fn line(fault: &str, engine: &str, times: usize, row: &Row) -> String {
    let Row { tasks, completed, failed, cancelled, lost, twice, stale } = row;
    format!(
        "| {fault} | {engine} | {times} | {tasks} | {completed} | {failed} | {cancelled} | {lost} | {twice} | {stale} |"
    )
}

/// The faults that can be caused here, and those that cannot, by reason.
fn possible(bed: &Bed) -> (Vec<Fault>, BTreeMap<&'static str, Vec<Fault>>) {
    let (mut possible, mut others) = (Vec::new(), BTreeMap::<_, Vec<_>>::new());
    for fault in Fault::ALL.into_iter().filter(|fault| fault.exists_on(bed)) {
        match fault.obstacle(bed) {
            None => possible.push(fault),
            Some(reason) => others.entry(reason).or_default().push(fault),
        }
    }
    (possible, others)
}

/// Each fault once.
fn table(bed: Bed, test: &str) {
    let (faults, skipped) = possible(&bed);
    for (reason, faults) in skipped {
        println!("SKIPPED: {test}, {faults:?}: {reason}");
    }
    assert!(faults.len() >= 6);
    print_table(bed, &faults);
}

/// Causes each of these faults once.
fn print_table(mut bed: Bed, faults: &[Fault]) {
    let mut random = Rng::new();
    println!("{HEAD}");
    for fault in faults.iter().copied() {
        let (row, times) = round(&mut bed, &format!("{fault:?}"), &[fault], &mut random);
        println!("{}", line(fault.name(), bed.engine, times[0], &row));
    }
}

#[test]
fn no_task_is_lost_or_recorded_twice_on_sqlite() {
    table(Bed::sqlite(), "faults::no_task_is_lost_or_recorded_twice_on_sqlite");
}

#[test]
fn no_task_is_lost_or_recorded_twice_on_postgres() {
    let test = "faults::no_task_is_lost_or_recorded_twice_on_postgres";
    if let Some(bed) = Bed::postgres(test) {
        table(bed, test);
    }
}

/// The faults of a round. The clock jumps alone, because the test compares times of the database with its own clock.
fn choose(faults: &[Fault], random: &mut Rng) -> Vec<Fault> {
    let number = random.usize(1..4);
    let mut chosen = random.choose_multiple(faults.iter().copied(), number);
    if chosen.contains(&Fault::ClockJumps) {
        chosen = vec![Fault::ClockJumps];
    }
    random.shuffle(&mut chosen);
    chosen
}

/// A number that the caller of the tests gives.
fn variable(name: &str) -> Option<u64> {
    env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is no number")))
}

/// Random faults for some time. Each round has its tasks, which all end before the next one.
fn random(mut bed: Bed) {
    let duration = variable("FAULT_SECONDS").map_or(RUN, Duration::from_secs);
    let seed = variable("FAULT_SEED").unwrap_or_else(|| fastrand::u64(..));
    println!("{}: FAULT_SEED={seed}", bed.engine);
    let mut random = Rng::with_seed(seed);
    let (mut faults, _) = possible(&bed);
    // It takes as long as all others together.
    faults.retain(|fault| *fault != Fault::ThousandFailures);
    let (start, mut printed) = (Instant::now(), Instant::now());
    let (mut all, mut caused) = (Row::default(), BTreeMap::<_, usize>::new());
    for number in 1.. {
        let chosen = choose(&faults, &mut random);
        let (row, times) = round(&mut bed, &format!("r{number}"), &chosen, &mut random);
        all.add(&row);
        for (fault, times) in chosen.into_iter().zip(times) {
            *caused.entry(fault).or_default() += times;
        }
        let is_over = start.elapsed() > duration;
        if is_over || printed.elapsed() > TABLE {
            printed = Instant::now();
            let row = line("random", bed.engine, caused.values().sum(), &all);
            println!("{number} rounds in {:?}: {caused:?}\n{HEAD}\n{row}", start.elapsed());
        }
        if is_over {
            break;
        }
    }
}

#[test]
fn random_faults_lose_no_task_on_sqlite() {
    random(Bed::sqlite());
}

#[test]
fn random_faults_lose_no_task_on_postgres() {
    let test = "faults::random_faults_lose_no_task_on_postgres";
    if let Some(bed) = Bed::postgres(test) {
        random(bed);
    }
}

/// The faults that concern messages.
const OF_BROKERS: [Fault; 6] = [
    Fault::Kills,
    Fault::Drains,
    Fault::Crashes,
    Fault::BrokerAway,
    Fault::BrokerSilent,
    Fault::BrokerPurged,
];

fn table_with_broker(test: &str, start: fn(&str) -> Option<Broker>) {
    if let Some(bed) = start(test).and_then(|broker| Bed::with_broker(test, broker)) {
        print_table(bed, &OF_BROKERS);
    }
}

#[cfg(feature = "redis")]
#[test]
fn no_task_is_lost_or_recorded_twice_with_redis() {
    table_with_broker("faults::no_task_is_lost_or_recorded_twice_with_redis", Broker::redis);
}

#[cfg(feature = "amqp")]
#[test]
fn no_task_is_lost_or_recorded_twice_with_rabbitmq() {
    table_with_broker("faults::no_task_is_lost_or_recorded_twice_with_rabbitmq", Broker::rabbitmq);
}

#[cfg(feature = "sqs")]
#[test]
fn no_task_is_lost_or_recorded_twice_with_sqs() {
    table_with_broker("faults::no_task_is_lost_or_recorded_twice_with_sqs", Broker::sqs);
}
