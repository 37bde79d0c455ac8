//! Backups that are made while users create tasks and workers run jobs, and their restore in another place.
//!
//! The commands are those of docs/tasks.md.

mod commands;
mod creators;
mod restored;

use self::commands::{Place, can_run};
use self::creators::{Creator, IMAGE, create_during, number};
use self::restored::Restored;
use super::database::Database;
use super::service::{Service, Settings, TASKS};
use super::user::{Tokens, refresh};
use super::{PATIENCE, until};
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;
use std::time::Instant;

const USERS: usize = 6;
/// Manual tasks of one more user. They make the backup and the reports of this user take a while.
const TASKS_OF_LARGE: usize = 20_000;
/// The creations before and after the backup.
const CREATIONS: usize = 90;

/// Runs that have not ended.
const OPEN: &str = "SELECT count(*) FROM attempts WHERE ended_at IS NULL";

/// The run of the large image, which takes longer than the beginning of a backup.
const RESIZES: &str =
    "SELECT count(*) FROM attempts WHERE ended_at IS NULL AND type = 'resize_image'";

/// The service whose backup is made, and its users.
struct Original {
    place: Place,
    service: Service,
    users: Vec<Creator>,
    large: Creator,
}

/// The moments of a backup, and what a client knew at its end.
struct Backup {
    began: Instant,
    ended: Instant,
    /// The first user refreshed the session after the backup.
    refreshed: Tokens,
}

fn settings(settings: &Settings, state: &Path) -> Settings {
    settings
        .clone()
        .with("STATE_DIR", state.display().to_string())
        .with("RATE_LIMIT_PRESET", "generous")
        .with("MAIL_DAILY_LIMIT", "100000:1000000")
        .with("WORKERS", "2")
        .with("JOB_LEASE", "2s")
}

impl Original {
    fn start(settings: &Settings, place: Place) -> Self {
        let service = Service::start(TASKS, settings);
        let process = service.address;
        let users = (0..USERS).map(|_| Creator::new(process)).collect();
        let large = Creator::new(process);
        LazyLock::force(&IMAGE);
        // The large user has the only task so far.
        large.create(process, "manual");
        Self { place, service, users, large }
    }

    /// Makes a backup with the commands of a section, while tasks are created.
    fn back_up(&self, heading: &str, check: impl FnOnce(&str)) -> Backup {
        let process = self.service.address;
        let mut backup = None;
        create_during(process, &self.users, || {
            self.large.create(process, "generate_report");
            until("creations", PATIENCE, || number(&self.users) > CREATIONS);
            self.large.create(process, "resize_image");
            until("the run", PATIENCE, || self.place.number(RESIZES) == 1);
            let began = Instant::now();
            check(&self.place.run(heading));
            let ended = Instant::now();
            self.place.refuses(heading);
            let elsewhere = self.place.backup.with_extension("elsewhere");
            let mistyped = self.place.state.with_extension("mistyped");
            Place { backup: elsewhere, state: mistyped, ..self.place.clone() }.refuses(heading);
            let refreshed = refresh(process, &self.users[0].tokens.refresh);
            let before = (number(&self.users), mails(&self.place.state).len());
            until("more creations and mails", PATIENCE, || {
                number(&self.users) > before.0 + CREATIONS
                    && mails(&self.place.state).len() > before.1 + USERS
            });
            backup = Some(Backup { began, ended, refreshed });
        });
        backup.unwrap()
    }

    /// Ends the service without a warning.
    fn lose(self) -> (Vec<Creator>, Creator, Place) {
        drop(self.service);
        (self.users, self.large, self.place)
    }
}

/// The files of the mails that were sent.
fn mails(state: &Path) -> BTreeSet<OsString> {
    let files = fs::read_dir(state.join("mails")).unwrap();
    files.map(|file| file.unwrap().file_name()).collect()
}

/// The whole test of one engine.
fn backup_and_restore(
    engine: &str,
    original: Original,
    new: Place,
    settings: &Settings,
    check: impl FnOnce(&str),
) {
    let backup = original.back_up(&format!("Back up {engine}"), check);
    let (users, large, old) = original.lose();
    new.run(&format!("Restore {engine}"));
    new.refuses(&format!("Restore {engine}"));
    let (open, pending) = (
        new.number(OPEN),
        new.number("SELECT count(*) FROM tasks WHERE status = 'pending' AND type <> 'manual'"),
    );
    assert!(open > 0 && pending > 0, "{open} runs and {pending} pending jobs in the backup");
    let service = Service::start(TASKS, &settings.clone().with("WORKERS", "4"));
    let restored = Restored { place: new, service, users, backup };
    let tasks = restored.check_tasks();
    restored.check_work(open);
    let files = restored.check_results(&large);
    let mails = restored.check_mails(&old.state);
    restored.check_events();
    restored.check_sessions();
    println!(
        "backup of {engine} in {:?}: {tasks}; {open} runs taken over, {pending} pending jobs ended, 0 recorded twice; \
        {files} results read, {mails} mails sent again",
        restored.backup.ended - restored.backup.began
    );
    restored.service.drain();
}

#[test]
fn backup_of_sqlite_has_every_task_that_was_acknowledged_before() {
    let test = "backup::backup_of_sqlite_has_every_task_that_was_acknowledged_before";
    if !can_run(test, &["sqlite3", "tar"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| Place {
        state: folder.path().join(name),
        backup: folder.path().join("backup"),
        database: String::new(),
    };
    let (old, new) = (place("old"), place("new"));
    let start =
        |place: &Place| settings(&Settings::sqlite(&place.state.join("tasks.db")), &place.state);
    let original = Original::start(&start(&old), old);
    original.place.query(&format!(
        "INSERT INTO tasks (id, user_id, type, status, priority, attempts, max_attempts, version, created_at, updated_at, \
        title, search) WITH RECURSIVE numbers (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM numbers \
        WHERE n < {TASKS_OF_LARGE}) SELECT randomblob(16), user_id, 'manual', 'pending', 1, 0, 5, 1, 0, 0, 'a', 'a' \
        FROM numbers, (SELECT user_id FROM tasks)"
    ));
    let state = new.clone();
    backup_and_restore("SQLite", original, new, &start(&state), |printed| {
        let tasks = printed.strip_prefix("ok\n").and_then(|rest| rest.strip_suffix(" tasks\n"));
        let tasks: usize = tasks.unwrap_or_else(|| panic!("{printed}")).parse().unwrap();
        assert!(tasks > TASKS_OF_LARGE, "{printed}");
    });
    assert_eq!(state.query("PRAGMA integrity_check"), "ok");
    assert_eq!(state.query("PRAGMA foreign_key_check"), "");
}

#[test]
fn backup_of_postgresql_has_every_task_that_was_acknowledged_before() {
    let test = "backup::backup_of_postgresql_has_every_task_that_was_acknowledged_before";
    if !can_run(test, &["pg_dump", "pg_restore", "psql", "tar"]) {
        return;
    }
    let Some(database) = Database::start(test, &[]) else { return };
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| Place {
        state: folder.path().join(name),
        backup: folder.path().join("backup"),
        database: database.server.url(name),
    };
    let (old, new) =
        (Place { database: database.server.url("postgres"), ..place("old") }, place("new"));
    old.query("CREATE DATABASE new");
    let original = Original::start(&settings(&database.settings, &old.state), old);
    original.place.query(&format!(
        "INSERT INTO tasks (id, user_id, type, status, priority, attempts, max_attempts, version, created_at, updated_at, \
        title, search) SELECT gen_random_uuid(), user_id, 'manual', 'pending', 1, 0, 5, 1, 0, 0, 'a', 'a' \
        FROM generate_series(1, {TASKS_OF_LARGE}), (SELECT user_id FROM tasks) one"
    ));
    let restored = settings(&database.settings, &new.state).with("DATABASE_URL", &*new.database);
    backup_and_restore("PostgreSQL", original, new, &restored, |printed| assert_eq!(printed, ""));
}
