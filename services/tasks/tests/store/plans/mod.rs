//! The statements that workers run often, with ten thousand users: which indexes they read, and how much of them.
//!
//! Each user has a waiting job, and five runs that have ended. Eight jobs run. One user, whose turn it is, first has few and
//! then many waiting jobs.

mod postgres;
mod sqlite;

use super::million::{task, user};
use tasks::model::run::Run;
use tasks::model::task::Kind;
use tasks::model::timestamp::Timestamp;

/// Users with one waiting job.
const USERS: u64 = 10_000;
/// The user whose number of waiting jobs differs.
const LARGE: u64 = 0;
const FEW: u64 = 100;
const MANY: u64 = 20_000;
/// Runs that have not ended.
const OPEN: u64 = 8;
/// The first number of the tasks of [`LARGE`].
const FIRST: u64 = 1_000_000;
/// All jobs were created before this time.
const NOW: Timestamp = Timestamp::from_millis(10_000_000);

/// The indexes that a statement must read, by its name.
const INDEXES: [(&str, &[&str]); 7] = [
    ("the user of a claim", &["user_usage_turn", "tasks_due", "attempts_running"]),
    ("the job of a claim", &["tasks_place"]),
    ("the next turn", &["user_usage_turn"]),
    ("the runs of each type", &["attempts_running"]),
    ("`held`", &["attempts_running"]),
    ("`expired`", &["attempts_running"]),
    ("`notices`", &[]),
];

/// A run of [`LARGE`].
fn run() -> Run {
    Run { task: task(FIRST), owner: user(LARGE), fence: 1 }
}

fn kinds() -> Vec<Kind> {
    tasks::jobs::kinds().filter(Kind::is_job).collect()
}

/// The measured work of the statements of one engine.
type Work = Vec<(&'static str, u64)>;

/// The work does not grow with the number of waiting jobs, and is small.
fn check(engine: &str, few: &Work, many: &Work, most: u64) {
    assert_eq!((few.len(), many.len()), (INDEXES.len(), INDEXES.len()));
    for ((name, few), (_, many)) in few.iter().zip(many) {
        println!("{engine}: {name}: {few} with {FEW} waiting jobs, {many} with {MANY}");
        assert!(*few > 0 && *many <= few + few / 10, "{name}: {few}, then {many}");
        assert!(*many <= most, "{name}: {many}");
    }
}
