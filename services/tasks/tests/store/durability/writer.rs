//! A process that creates users and says when each is acknowledged. `strace` records it.
//!
//! The process is this test binary again, with the only test that runs being the one below.

use crate::{new_user, password};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, SqliteConnection};
use std::env;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;
use tasks::store::{Lock, Options, Store, Target, open};

const VARIABLE: &str = "TASKS_TEST_WRITER";
const TEST: &str = "durability::writer::each_write_is_acknowledged";

/// How the process writes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// With the store.
    Store,
    /// Without it, and without waiting for the disk: a proof that the tests find lost writes.
    Careless,
}

/// Records a process that creates `writes` users from `callers` concurrent tasks. `options` are those of `strace`.
pub(super) fn record(
    database: &Path,
    (mode, callers, writes): (Mode, u32, u32),
    options: &[&str],
) -> String {
    let log = database.with_extension("strace");
    let mode = if mode == Mode::Store { "store" } else { "careless" };
    let output = Command::new("strace")
        .args(["-f", "-y", "-xx", "-o"])
        .arg(&log)
        .args(options)
        .arg(env::current_exe().unwrap())
        .args(["--exact", TEST, "--nocapture"])
        .env(VARIABLE, format!("{mode} {callers} {writes} {}", database.display()))
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{text}");
    std::fs::read_to_string(log).unwrap()
}

/// The name of a user.
pub(super) fn username(number: u32) -> String {
    format!("user-{number}")
}

/// One call of the system for each line, and no capture by the test runner.
fn say(line: &str) {
    std::io::stderr().write_all(format!("{line}\n").as_bytes()).unwrap();
}

#[tokio::test]
async fn each_write_is_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let own = format!("store 4 20 {}", folder.path().join("tasks.db").display());
    let wanted = env::var(VARIABLE).unwrap_or(own);
    let words: Vec<&str> = wanted.split(' ').collect();
    let (callers, writes) = (words[1].parse().unwrap(), words[2].parse().unwrap());
    let path = PathBuf::from(words[3]);
    let lock = Lock::acquire(&path, Duration::ZERO).await.unwrap();
    let options = Options { lock: Some(lock), ..Options::default() };
    let store = open(&Target::SqliteFile(path.clone()), options).await.unwrap();
    if words[0] == "store" {
        say("begin");
        write(&store, callers, writes).await;
        say("end");
        store.close().await;
    } else {
        store.close().await;
        let options = SqliteConnectOptions::new().filename(&path);
        let options = options.journal_mode(SqliteJournalMode::Wal);
        let mut connection = options.synchronous(SqliteSynchronous::Off).connect().await.unwrap();
        say("begin");
        write_carelessly(&mut connection, writes).await;
        say("end");
    }
}

async fn write(store: &Arc<dyn Store>, callers: u32, writes: u32) {
    let callers: Vec<_> = (0..callers)
        .map(|first| {
            let store = Arc::clone(store);
            tokio::spawn(async move {
                for number in (first..writes).step_by(callers as usize) {
                    match store.create_user(new_user(&username(number))).await {
                        Ok(created) => say(&format!("ack {number} {created}")),
                        Err(error) => say(&format!("refused {number}: {error}")),
                    }
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.unwrap();
    }
}

async fn write_carelessly(connection: &mut SqliteConnection, writes: u32) {
    for number in 0..writes {
        let user = new_user(&username(number)).user;
        sqlx::query("INSERT INTO users VALUES ($1, $2, 'user', $3, 0)")
            .bind(user.id.0)
            .bind(user.username.as_str())
            .bind(password("first").0)
            .execute(&mut *connection)
            .await
            .unwrap();
        say(&format!("ack {number} true"));
    }
}
