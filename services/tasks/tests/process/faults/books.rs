//! The accounts: what the callers know of their tasks, compared with what the database has.

use super::mail_server::MailServer;
use crate::{PATIENCE, until};
use sqlx::postgres::PgConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection as _, query_as};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;
use tokio::runtime::Builder;

/// The time in which all tasks of a round end, on a busy machine. A passing test never waits this long.
pub(crate) const END: Duration = Duration::from_mins(4);

/// The database, read next to the service. Each query has a connection of its own, because faults cut connections.
#[derive(Debug, Clone)]
pub(crate) enum Books {
    Postgres(String),
    Sqlite(PathBuf),
}

/// A row of the table of faults.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Row {
    pub(crate) tasks: usize,
    pub(crate) completed: usize,
    pub(crate) failed: usize,
    pub(crate) cancelled: usize,
    pub(crate) lost: usize,
    pub(crate) twice: usize,
    pub(crate) stale: u64,
}

/// A task in the database.
struct Stored {
    id: String,
    status: String,
    kind: String,
    attempts: u32,
    /// Runs that ended as completed.
    completed: u32,
    /// Runs that count as attempts.
    counted: u32,
    /// Events about its end.
    events: u32,
}

impl Books {
    /// The rows of a query with one column of text.
    pub(crate) fn texts(&self, sql: &str) -> Vec<String> {
        self.try_texts(sql).unwrap()
    }

    fn try_texts(&self, sql: &str) -> Result<Vec<String>, sqlx::Error> {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let sql = AssertSqlSafe(sql.to_owned());
        let rows: Vec<(String,)> = runtime.block_on(async {
            match self {
                Self::Postgres(url) => {
                    let mut connection = PgConnection::connect(url).await?;
                    query_as(sql).fetch_all(&mut connection).await
                }
                Self::Sqlite(file) => {
                    let options = SqliteConnectOptions::new().filename(file);
                    let mut connection = SqliteConnection::connect_with(&options).await?;
                    query_as(sql).fetch_all(&mut connection).await
                }
            }
        })?;
        Ok(rows.into_iter().map(|(text,)| text).collect())
    }

    /// The number of rows of a table that meet a condition.
    pub(crate) fn count(&self, rows: &str) -> usize {
        let sql = format!("SELECT CAST(count(*) AS TEXT) FROM {rows}");
        self.texts(&sql)[0].parse().unwrap()
    }

    /// An id as text without dashes.
    pub(crate) fn id(&self, column: &str) -> String {
        match self {
            Self::Postgres(_) => format!("replace(CAST({column} AS TEXT), '-', '')"),
            Self::Sqlite(_) => format!("lower(hex({column}))"),
        }
    }

    /// Waits until all tasks of a round have ended, or for as long as they may take. Titles begin with the round.
    fn settle(&self, round: &str) {
        let open = format!(
            "tasks WHERE title LIKE '{round}-%' AND status NOT IN ('completed', 'failed', 'cancelled')"
        );
        let start = std::time::Instant::now();
        while self.count(&open) > 0 && start.elapsed() < END {
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn tasks(&self, round: &str) -> Vec<Stored> {
        let id = self.id("t.id");
        let ended = "('completed', 'failed', 'cancelled')";
        let sql = format!(
            "SELECT {id} || '|' || t.status || '|' || t.type || '|' || t.attempts || '|' || \
            (SELECT count(*) FROM attempts a WHERE a.task_id = t.id AND a.outcome = 'completed') || '|' || \
            (SELECT count(*) FROM attempts a WHERE a.task_id = t.id AND a.outcome IN {ended}) || '|' || \
            (SELECT count(*) FROM events e WHERE e.user_id = t.user_id AND e.task_id = t.id AND e.status IN {ended}) \
            FROM tasks t WHERE t.title LIKE '{round}-%'"
        );
        self.texts(&sql).iter().map(|row| Stored::parse(row)).collect()
    }

    /// Waits for the end of the tasks of a round, and accounts for each of them. `known` are the acknowledged ones.
    pub(crate) fn account(&self, round: &str, known: &BTreeSet<String>, mails: &MailServer) -> Row {
        self.settle(round);
        let stored = self.tasks(round);
        let mut row = Row { tasks: known.len(), ..Row::default() };
        let found: BTreeMap<_, _> = stored.iter().map(|task| (task.id.clone(), task)).collect();
        assert_eq!(found.len(), stored.len());
        let unknown = found.keys().filter(|id| !known.contains(*id)).count();
        assert_eq!(unknown, 0, "{round}: a key has two tasks");
        row.lost += known.len() - found.len();
        for task in &stored {
            match task.status.as_str() {
                "completed" => row.completed += 1,
                "failed" => row.failed += 1,
                "cancelled" => row.cancelled += 1,
                _ => {
                    row.lost += 1;
                    continue;
                }
            }
            row.twice += usize::from(task.completed > 1 || task.events > 1);
            task.check(round, mails);
        }
        row
    }

    /// Waits until a table has at least one row that meets a condition.
    #[track_caller]
    pub(crate) fn until(&self, what: &str, rows: &str) {
        // The server can be away.
        let sql = format!("SELECT CAST(count(*) AS TEXT) FROM {rows}");
        until(what, PATIENCE, || self.try_texts(&sql).is_ok_and(|count| count[0] != "0"));
    }
}

impl Stored {
    fn parse(row: &str) -> Self {
        let parts: Vec<_> = row.split('|').collect();
        let [id, status, kind, attempts, completed, counted, events] = parts[..] else {
            panic!("{row}");
        };
        let number = |text: &str| text.parse().unwrap();
        Self {
            id: id.to_owned(),
            status: status.to_owned(),
            kind: kind.to_owned(),
            attempts: number(attempts),
            completed: number(completed),
            counted: number(counted),
            events: number(events),
        }
    }

    /// A task that has ended agrees with its runs, its event, and the mails that arrived.
    fn check(&self, round: &str, mails: &MailServer) {
        let Self { id, status, attempts, .. } = self;
        let is_completed = u32::from(status == "completed");
        assert!(self.completed >= is_completed, "{round}: {id} was completed by no run");
        assert!(
            is_completed == 1 || self.completed == 0,
            "{round}: {id} is {status} after a success"
        );
        assert!(self.events >= 1, "{round}: no event about the end of {id}");
        assert_eq!(*attempts, self.counted, "{round}: attempts of {id}, which is {status}");
        if is_completed == 1 && self.kind == "send_email" {
            assert!(
                mails.arrived(id) >= 1,
                "{round}: {id} is completed, but its mail never arrived"
            );
        }
    }
}

impl Row {
    /// Adds the row of another round.
    pub(crate) fn add(&mut self, other: &Self) {
        self.tasks += other.tasks;
        self.completed += other.completed;
        self.failed += other.failed;
        self.cancelled += other.cancelled;
        self.lost += other.lost;
        self.twice += other.twice;
        self.stale += other.stale;
    }

    /// Every task is accounted for.
    #[track_caller]
    pub(crate) fn assert_complete(&self) {
        let Self { tasks, completed, failed, cancelled, lost, twice, .. } = *self;
        assert_eq!((lost, twice), (0, 0), "{self:?}");
        assert_eq!(completed + failed + cancelled, tasks, "{self:?}");
        assert!(completed > 0, "{self:?}");
    }
}
