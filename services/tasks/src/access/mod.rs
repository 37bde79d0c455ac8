//! Access: registration, sessions, passwords, and the limits of each user.
//!
//! No module knows HTTP. A refusal is a [`Denied`]; the API turns it into a problem.

pub mod accounts;
pub mod audit;
pub mod bounded;
pub mod exclusive;
pub mod failed_logins;
pub mod limits;
pub mod passwords;
pub mod random;
pub mod sessions;
pub mod tasks;

use crate::jobs::Rules;
use crate::model::bucket::Preset;
use crate::model::session::Session;
use crate::model::state::Conflict;
use crate::model::timestamp::Timestamp;
use crate::model::usage::{Bounds, Exceeded};
use crate::model::user::User;
use crate::results::StorageError;
use crate::store::{Store, StoreError};
use crate::work::Metrics;
use chassis::clock::Clock;
use failed_logins::FailedLogins;
use limits::{Buckets, Registrations};
use passwords::Passwords;
use std::sync::Arc;
use std::time::Duration;
use tasks::InFlight;

/// Whether strangers may register.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Registration {
    /// Everybody may register
    Open,
    /// Only an operator creates users
    Closed,
}

/// The rules that an operator sets.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Whether strangers may register.
    pub registration: Registration,
    /// Registrations of one address in a day.
    pub registrations_per_address: usize,
    /// The token bucket of each user.
    pub bucket: Preset,
    /// Whether this machine can isolate the work of a job.
    pub can_isolate: bool,
    /// The most that the tasks of each user may take.
    pub bounds: Bounds,
    /// The rules for payloads.
    pub rules: Rules,
}

/// A signed-in user of one request.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The user, as stored now.
    pub user: User,
    /// The session of the token.
    pub session: crate::model::session::SessionId,
}

/// A new or a repeated pair of tokens.
#[derive(Debug)]
pub struct Grant {
    /// The session.
    pub session: Session,
    /// The refresh token.
    pub refresh: crate::model::session::RefreshToken,
    /// The id of the access token.
    pub access_id: uuid::Uuid,
    /// The time of issue of both.
    pub issued_at: Timestamp,
}

/// Why a request is refused.
#[derive(Debug)]
pub enum Denied {
    /// The name or the password is wrong.
    WrongCredentials,
    /// The refresh token is unknown, superseded, or its session has ended.
    NoSession,
    /// The current password is wrong.
    WrongPassword,
    /// Only an operator creates users.
    RegistrationClosed,
    /// Another user has the name.
    NameTaken,
    /// Too many failed logins. The next attempt is admitted after this time.
    TooManyFailedLogins(Duration),
    /// Too many registrations from this address. The next one is admitted after this time.
    TooManyRegistrations(Duration),
    /// The bucket of this size is empty. A token is there after this time.
    BucketEmpty(Preset, Duration),
    /// Too many passwords are being hashed.
    Busy,
    /// There is no such task.
    NoTask,
    /// There is no such user.
    NoUser,
    /// There is no such type of jobs.
    NoType,
    /// The task has no file.
    NoResult,
    /// The storage gave no file.
    Storage(StorageError),
    /// The caller has no right to do this.
    Forbidden,
    /// The state of the task does not allow it.
    Conflict(Conflict),
    /// There is no user with the id of the assignee.
    NoAssignee,
    /// The tasks of the user would exceed a bound.
    Exceeded(Exceeded),
    /// The first request with the key is not answered yet.
    KeyInFlight,
    /// The key was used with another body.
    KeyOtherBody,
    /// The task that was created with the key is deleted.
    KeyDeleted,
    /// Another search of the user runs.
    SearchRunning,
    /// The database gave no result.
    Store(StoreError),
    /// A bug.
    Internal(String),
}

impl From<Conflict> for Denied {
    fn from(conflict: Conflict) -> Self {
        Self::Conflict(conflict)
    }
}

impl From<StoreError> for Denied {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// The access of all users.
#[derive(Debug)]
pub struct Access {
    store: Arc<dyn Store>,
    clock: Clock,
    policy: Policy,
    passwords: Passwords,
    failed_logins: FailedLogins,
    registrations: Registrations,
    buckets: Buckets,
    in_flight: InFlight,
    metrics: Metrics,
}

impl Access {
    /// Access over a store.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, clock: Clock, policy: Policy, passwords: Passwords) -> Self {
        Self {
            store,
            clock,
            passwords,
            failed_logins: FailedLogins::default(),
            registrations: Registrations::new(policy.registrations_per_address),
            buckets: Buckets::new(policy.bucket),
            policy,
            in_flight: InFlight::default(),
            metrics: Metrics::default(),
        }
    }

    /// Counts new tasks in these metrics.
    #[must_use]
    pub fn counting(mut self, metrics: Metrics) -> Self {
        self.metrics = metrics;
        self
    }

    /// The rules that an operator set.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now().into()
    }
}
