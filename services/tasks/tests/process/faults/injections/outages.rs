//! Faults of what the processes use: the database and the disks.

use super::super::bed::Bed;
use super::super::books::Books;
use super::super::broker::Act;
use super::super::callers::{Callers, Job};
use crate::sql::Sql;
use crate::{PATIENCE, until};
use fastrand::Rng;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{Connection as _, Executor as _};
use tokio::runtime::Builder;

/// Tasks that end while a transaction is open.
const PROGRESS: usize = 20;

/// One crash, and one shutdown.
pub(super) fn crash(bed: &mut Bed, callers: &Callers) -> usize {
    for is_crash in [true, false] {
        callers.wait_for(20);
        let server = &mut bed.database.as_mut().unwrap().server;
        if is_crash {
            server.crash();
        } else {
            server.stop();
        }
        callers.wait_for_refusal();
        bed.database.as_mut().unwrap().server.start_again();
        until("readiness", PATIENCE, || bed.server().readiness(false).status == 200);
    }
    callers.wait_for(5);
    2
}

/// Ends all sessions of the service, some times.
pub(super) fn cut(bed: &mut Bed, callers: &Callers, random: &mut Rng) -> usize {
    let sql = "SELECT CAST(count(pg_terminate_backend(pid)) AS TEXT) FROM pg_stat_activity \
        WHERE application_name = 'tasks'";
    let mut cut = 0;
    for _ in 0..random.usize(3..6) {
        let ended: usize = bed.books.texts(sql)[0].parse().unwrap();
        assert!(ended > 0, "the service had no session");
        cut += ended;
        callers.wait_for(random.usize(5..20));
    }
    cut
}

/// The broker is not there for some time. Jobs are created and end meanwhile.
pub(super) fn break_off(bed: &mut Bed, callers: &Callers, act: Act) -> usize {
    let done = "tasks WHERE status = 'completed'";
    bed.broker.as_mut().unwrap().act(act);
    let before = bed.books.count(done);
    callers.wait_for(20);
    until("an attempt to publish", PATIENCE, || bed.has_logged("broker is away"));
    until("jobs without a broker", PATIENCE, || bed.books.count(done) > before + 5);
    bed.broker.as_mut().unwrap().act(Act::Open);
    until("an empty outbox", PATIENCE, || bed.books.count("outbox WHERE due_at = 0") < 20);
    callers.wait_for(10);
    1
}

/// The broker loses its messages, some times.
pub(super) fn purge(bed: &mut Bed, callers: &Callers) -> usize {
    for _ in 0..5 {
        callers.wait_for(8);
        bed.broker.as_mut().unwrap().act(Act::Purge);
    }
    5
}

pub(super) fn fill_results(bed: &mut Bed, callers: &Callers) -> usize {
    let full =
        "attempts WHERE type = 'generate_report' AND error = 'the storage for results is full'";
    let before = bed.books.count(full);
    bed.results.disk().unwrap().fill();
    callers.create(8, &Job::Report, 5);
    until("a report that does not fit", PATIENCE, || bed.books.count(full) > before);
    callers.wait_for(10);
    bed.results.disk().unwrap().free();
    bed.books.count(full) - before
}

pub(super) fn fill_database(bed: &mut Bed, callers: &Callers) -> usize {
    let before = callers.refused();
    bed.state.disk().unwrap().fill();
    callers.wait_for_refusal();
    until("refused requests", PATIENCE, || callers.refused() >= before + 5);
    bed.state.disk().unwrap().free();
    callers.wait_for(10);
    1
}

/// Tasks that have ended.
fn ended(books: &Books) -> usize {
    books.count("tasks WHERE finished_at IS NOT NULL")
}

/// On PostgreSQL, it locks the row that each change of a user's tasks locks. On SQLite, it reads an old state.
pub(super) fn hold(bed: &mut Bed, callers: &Callers) -> usize {
    callers.wait_for(10);
    let before = ended(&bed.books);
    let go_on = || until("ended tasks", PATIENCE, || ended(&bed.books) >= before + PROGRESS);
    match &bed.books {
        Books::Postgres(url) => {
            let mut session = Sql::connect(url);
            let newest = "SELECT user_id FROM tasks ORDER BY id DESC LIMIT 1";
            session.execute(&format!(
                "BEGIN; SELECT 1 FROM user_usage WHERE user_id = ({newest}) FOR UPDATE"
            ));
            callers.wait_for_refusal();
            go_on();
            session.execute("COMMIT");
        }
        Books::Sqlite(file) => {
            let runtime = Builder::new_current_thread().enable_all().build().unwrap();
            let count = "SELECT count(*) FROM tasks WHERE finished_at IS NOT NULL";
            let options = SqliteConnectOptions::new().filename(file).read_only(true);
            let mut reader = runtime.block_on(SqliteConnection::connect_with(&options)).unwrap();
            runtime.block_on(reader.execute("BEGIN")).unwrap();
            let mut read = || {
                let count = sqlx::query_as(count).fetch_one(&mut reader);
                let (count,): (i64,) = runtime.block_on(count).unwrap();
                count
            };
            let seen = read();
            go_on();
            assert_eq!(read(), seen, "the transaction has ended");
        }
    }
    1
}
