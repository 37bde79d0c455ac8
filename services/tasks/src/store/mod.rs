//! The database: one trait, two engines.
//!
//! The folder `statements` holds the SQL of both engines. An engine adds its connections, its transactions and its
//! migrations. All times come from the caller.

pub mod events;
mod migrations;
pub mod outbox;
mod postgres;
pub mod retention;
mod signals;
mod sqlite;
mod target;
pub mod work;

pub use self::migrations::Migrations;
#[cfg(feature = "test-support")]
pub use self::postgres::{
    PLANNER as POSTGRES_PLANNER, list as postgres_list, polls as postgres_polls,
};
pub use self::signals::{LastNumbers, News, Signals};
pub use self::sqlite::Lock;
#[cfg(feature = "test-support")]
pub use self::sqlite::{list as sqlite_list, polls as sqlite_polls};
pub use self::target::{InvalidTarget, Target, WELL_KNOWN_SECRETS};

use self::events::Events;
use self::outbox::Outbox;
use self::retention::Retention;
use self::work::Work;
use crate::model::idempotency::Claim;
use crate::model::listing::{Listed, Query};
use crate::model::mail::{Attempt, DailyLimit};
use crate::model::session::{Salt, Session, SessionId, TokenHash};
use crate::model::task::{Task, TaskId};
use crate::model::timestamp::Timestamp;
use crate::model::usage::{Bounds, Exceeded};
use crate::model::user::{PasswordHash, Role, User, UserId, Username};
use async_trait::async_trait;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;

/// The future of a job that borrows its connection.
type BoxFuture<'c, T> = Pin<Box<dyn Future<Output = T> + Send + 'c>>;

/// Why the database gave no result.
#[derive(Debug, Clone, Error)]
pub enum StoreError {
    /// It does not answer: unreachable, no free connection, or over its time limit. A later attempt can succeed.
    #[error("the database is away: {0}")]
    Away(String),
    /// A search took longer than its limit.
    #[error("the search took too long")]
    TooSlow,
    /// It refused the statement, or its data is damaged.
    #[error("the database failed: {0}")]
    Failed(String),
}

/// A user that does not exist yet.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// The user.
    pub user: User,
    /// The hash of the password.
    pub password: PasswordHash,
}

/// The result of an attempt to use a refresh token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotation {
    /// The token was current. Now it is superseded.
    Rotated(Session),
    /// The token was superseded less than the replay window ago, at this time and with this salt, and its successor is
    /// unused.
    Replayed(Session, Timestamp, Salt),
    /// The token was superseded. The session was ended.
    Reused(Session),
    /// No session has the token, or the session has ended.
    Unknown,
}

/// The next token of a family.
#[derive(Debug, Clone, Copy)]
pub struct Successor {
    /// The salt that it is computed with.
    pub salt: Salt,
    /// Its hash.
    pub hash: TokenHash,
}

/// The result of a creation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Creation {
    /// The task is stored.
    Created,
    /// The key was used before with an equal body. Its task, as it is now.
    Repeated(Box<Task>),
    /// The key was used before with an equal body, and its task was deleted.
    Deleted,
    /// The key was used before with another body.
    OtherBody,
    /// There is no user with the id of the assignee.
    NoAssignee,
    /// The owner has reached a bound.
    Exceeded(Exceeded),
}

/// The result of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// The change is stored.
    Done,
    /// The task was changed or deleted in the meantime.
    Stale,
    /// There is no user with the id of the assignee.
    NoAssignee,
    /// The owner has reached a bound.
    Exceeded(Exceeded),
}

/// Tasks.
#[async_trait]
pub trait Tasks: Send + Sync {
    /// Stores a new task and its key in one transaction.
    async fn create_task(
        &self,
        task: Task,
        claim: Option<Claim>,
        bounds: Bounds,
    ) -> Result<Creation, StoreError>;
    /// The task with this id.
    async fn task(&self, id: TaskId) -> Result<Option<Task>, StoreError>;
    /// Stores `to` in the place of `from`, if the version of the stored task is still that of `from`.
    async fn change_task(&self, from: Task, to: Task, bounds: Bounds)
    -> Result<Change, StoreError>;
    /// Deletes a task, if its version is still the same.
    async fn delete_task(&self, task: Task) -> Result<Change, StoreError>;
    /// A part of a list. It ends with an error after `limit`.
    async fn list(&self, query: Query, limit: Option<Duration>) -> Result<Listed, StoreError>;
    /// Whether there is a user with this id.
    async fn has_user(&self, id: UserId) -> Result<bool, StoreError>;
}

/// Users.
#[async_trait]
pub trait Users: Send + Sync {
    /// Creates a user. `false` if the name is taken.
    async fn create_user(&self, new: NewUser) -> Result<bool, StoreError>;
    /// The user of this name, and the hash of the password.
    async fn user_named(&self, name: &Username)
    -> Result<Option<(User, PasswordHash)>, StoreError>;
    /// The hash of the user's password.
    async fn password_of(&self, user: UserId) -> Result<Option<PasswordHash>, StoreError>;
    /// Gives the user of this name a role. `None` if there is none.
    async fn set_role(&self, name: &Username, role: Role) -> Result<Option<UserId>, StoreError>;
    /// Replaces a password and ends all other sessions than `keep`. `false` if the hash is no longer `old`.
    async fn change_password(
        &self,
        user: UserId,
        keep: SessionId,
        old: PasswordHash,
        new: PasswordHash,
    ) -> Result<bool, StoreError>;
    /// Deletes the user with all sessions and tasks. Tasks of others that are assigned to the user become unassigned.
    /// `false` if there is none.
    async fn delete_user(&self, user: UserId, now: Timestamp) -> Result<bool, StoreError>;
}

/// Sessions and their refresh tokens.
#[async_trait]
pub trait Sessions: Send + Sync {
    /// Begins a session with its first refresh token. `false` if the user is gone or the hash of the password is no
    /// longer `password`: a login with the old password must not succeed after a change.
    async fn open_session(
        &self,
        session: Session,
        refresh: TokenHash,
        password: PasswordHash,
    ) -> Result<bool, StoreError>;
    /// The user of a session that has not ended at `now`.
    async fn session_user(
        &self,
        session: SessionId,
        user: UserId,
        now: Timestamp,
    ) -> Result<Option<User>, StoreError>;
    /// Supersedes a refresh token by one conditional update. A token that was already superseded is a replay within
    /// `window`, and otherwise ends the session.
    async fn rotate(
        &self,
        token: TokenHash,
        successor: Successor,
        now: Timestamp,
        window: Duration,
    ) -> Result<Rotation, StoreError>;
    /// Ends the session of a refresh token, also of a superseded one. `None` if there is none.
    async fn end_session(&self, token: TokenHash) -> Result<Option<Session>, StoreError>;
    /// Removes sessions that ended before `now`, at most `limit` of them. Returns their number.
    async fn remove_ended_sessions(&self, now: Timestamp, limit: u32) -> Result<u64, StoreError>;
}

/// Mails.
#[async_trait]
pub trait Mails: Send + Sync {
    /// Counts an attempt to send a mail, in the day of `now`, unless it is over the limit. All processes share the count.
    async fn count_mail(
        &self,
        user: UserId,
        now: Timestamp,
        limit: DailyLimit,
    ) -> Result<Attempt, StoreError>;
}

/// Everything that the service stores.
#[async_trait]
pub trait Store: Users + Sessions + Tasks + Mails {
    /// The work of the jobs.
    fn work(&self) -> &dyn Work;
    /// The data that is past its retention.
    fn retention(&self) -> &dyn Retention;
    /// The messages for a broker.
    fn outbox(&self) -> &dyn Outbox;
    /// The events of the users.
    fn events(&self) -> &dyn Events;
    /// The wake-ups of this process.
    fn signals(&self) -> &Signals;
    /// Checks that the database answers and that its schema is at least the one of this program.
    async fn check(&self) -> Result<(), StoreError>;
    /// Waits for statements that run and closes all connections.
    async fn close(&self);
}

/// Without its connections, which can contain secrets.
impl fmt::Debug for dyn Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Store")
    }
}

/// How a database is opened.
#[derive(Debug)]
pub struct Options {
    /// The lock of a SQLite file, for a process that serves it or works on it.
    pub lock: Option<Lock>,
    /// PostgreSQL is reached through PgBouncer in transaction mode.
    pub pooler: bool,
    /// The most connections to PostgreSQL.
    pub connections: u32,
    /// The time limit of a statement on PostgreSQL. It waits for a lock for at most half of it.
    pub statement_timeout: Duration,
    /// Changes of tasks are also written into the outbox, because a broker brings them to the workers.
    pub outbox: bool,
    /// The schema that the program needs.
    pub migrations: Migrations,
}

impl Default for Options {
    fn default() -> Self {
        let statement_timeout = Duration::from_secs(2);
        let migrations = Migrations::default();
        let outbox = false;
        Self { lock: None, pooler: false, connections: 10, statement_timeout, outbox, migrations }
    }
}

/// Opens a database. A SQLite database is created and migrated. A connection to PostgreSQL is made later, so that a
/// service also starts while its database is away: see [`Store::check`].
pub async fn open(target: &Target, options: Options) -> Result<Arc<dyn Store>, StoreError> {
    Ok(match target {
        Target::SqliteFile(path) => Arc::new(sqlite::open_file(path, options).await?),
        Target::SqliteMemory => Arc::new(sqlite::open_memory(&options).await?),
        Target::Postgres(target) => Arc::new(postgres::open(target, &options)),
    })
}

/// Applies the missing migrations of this release.
pub async fn migrate(target: &Target) -> Result<(), StoreError> {
    Migrations::default().apply(target).await
}

impl Migrations {
    /// Applies those that are missing.
    pub async fn apply(self, target: &Target) -> Result<(), StoreError> {
        match target {
            Target::Postgres(target) => postgres::migrate(target, &self).await,
            Target::SqliteFile(_) | Target::SqliteMemory => {
                let options = Options { migrations: self, ..Options::default() };
                open(target, options).await?.close().await;
                Ok(())
            }
        }
    }
}
