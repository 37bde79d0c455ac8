//! Replacements for the slow and the external parts of the service: a store and a hasher that record their calls.

mod events;

use async_trait::async_trait;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;
use tasks::access::passwords::Hasher;
use tasks::model::idempotency::Claim;
use tasks::model::listing::{Listed, Query};
use tasks::model::mail::{Attempt, DailyLimit};
use tasks::model::password::Password;
use tasks::model::session::{Session, SessionId, TokenHash};
use tasks::model::task::{Task, TaskId};
use tasks::model::timestamp::Timestamp;
use tasks::model::usage::Bounds;
use tasks::model::user::{PasswordHash, Role, User, UserId, Username};
use tasks::store::events::Events;
use tasks::store::outbox::Outbox;
use tasks::store::retention::Retention;
use tasks::store::work::Work;
use tasks::store::{
    Change, Creation, Mails, NewUser, Rotation, Sessions, Signals, Store, StoreError, Successor,
    Tasks, Users,
};

/// The calls of the store and of the hasher, in their order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Journal(Arc<Mutex<Vec<&'static str>>>);

impl Journal {
    fn add(&self, call: &'static str) {
        self.0.lock().unwrap().push(call);
    }

    /// The calls since the last time.
    pub(crate) fn take(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// A hasher whose calls wait.
#[derive(Debug)]
pub(crate) struct Closed(Arc<QuickHasher>);

impl Drop for Closed {
    fn drop(&mut self) {
        *self.0.is_open.lock().unwrap() = true;
        self.0.opened.notify_all();
    }
}

/// Hashes at once, without any security. It can be closed.
#[derive(Debug)]
pub(crate) struct QuickHasher {
    journal: Journal,
    is_open: Mutex<bool>,
    opened: Condvar,
    /// Calls that run now.
    pub(crate) running: AtomicUsize,
    /// The most calls that ran at once.
    pub(crate) most_running: AtomicUsize,
}

impl QuickHasher {
    pub(crate) fn new(journal: Journal) -> Self {
        Self {
            journal,
            is_open: Mutex::new(true),
            opened: Condvar::new(),
            running: AtomicUsize::new(0),
            most_running: AtomicUsize::new(0),
        }
    }

    /// Makes each call wait until the result is dropped. So no call waits after a test that fails: the runtime would wait
    /// for it.
    #[must_use]
    pub(crate) fn close(self: &Arc<Self>) -> Closed {
        *self.is_open.lock().unwrap() = false;
        Closed(Arc::clone(self))
    }

    fn pass(&self, call: &'static str) {
        let running = self.running.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_running.fetch_max(running, Ordering::SeqCst);
        self.journal.add(call);
        let open = self.is_open.lock().unwrap();
        drop(self.opened.wait_while(open, |open| !*open).unwrap());
        self.running.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Hasher for QuickHasher {
    fn hash(&self, password: &Password) -> Result<PasswordHash, String> {
        self.pass("hash");
        Ok(PasswordHash(format!("hash of {:?}", password.as_bytes())))
    }

    fn verify(&self, hash: &PasswordHash, password: &Password) -> bool {
        self.pass("verify");
        hash.0 == format!("hash of {:?}", password.as_bytes())
    }
}

/// A store that records its calls, and that can fail.
pub(crate) struct WatchedStore {
    inner: Arc<dyn Store>,
    journal: Journal,
    fault: Mutex<Option<StoreError>>,
}

/// Keeps the runtime busy until the database answers. Otherwise a paused clock would run ahead, because the database
/// has a thread of its own.
pub(crate) async fn busy<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    poll_fn(|context| {
        let polled = future.as_mut().poll(context);
        if polled.is_pending() {
            context.waker().wake_by_ref();
        }
        polled
    })
    .await
}

impl WatchedStore {
    pub(crate) fn new(inner: Arc<dyn Store>, journal: Journal) -> Self {
        Self { inner, journal, fault: Mutex::default() }
    }

    /// Makes every call fail, as if the database did not answer, or lets all calls succeed again.
    pub(crate) fn set_away(&self, away: bool) {
        let fault = || StoreError::Away("the test has stopped it".into());
        *self.fault.lock().unwrap() = away.then(fault);
    }

    /// Makes every call fail, as if the data were damaged.
    pub(crate) fn damage(&self) {
        *self.fault.lock().unwrap() = Some(StoreError::Failed("a secret of the database".into()));
    }

    fn call(&self, call: &'static str) -> Result<&dyn Store, StoreError> {
        self.journal.add(call);
        match &*self.fault.lock().unwrap() {
            Some(fault) => Err(fault.clone()),
            None => Ok(&*self.inner),
        }
    }
}

#[async_trait]
impl Users for WatchedStore {
    async fn create_user(&self, new: NewUser) -> Result<bool, StoreError> {
        busy(self.call("create_user")?.create_user(new)).await
    }

    async fn user_named(
        &self,
        name: &Username,
    ) -> Result<Option<(User, PasswordHash)>, StoreError> {
        busy(self.call("user_named")?.user_named(name)).await
    }

    async fn password_of(&self, user: UserId) -> Result<Option<PasswordHash>, StoreError> {
        busy(self.call("password_of")?.password_of(user)).await
    }

    async fn set_role(&self, name: &Username, role: Role) -> Result<Option<UserId>, StoreError> {
        busy(self.call("set_role")?.set_role(name, role)).await
    }

    async fn change_password(
        &self,
        user: UserId,
        keep: SessionId,
        old: PasswordHash,
        new: PasswordHash,
    ) -> Result<bool, StoreError> {
        busy(self.call("change_password")?.change_password(user, keep, old, new)).await
    }

    async fn delete_user(&self, user: UserId, now: Timestamp) -> Result<bool, StoreError> {
        busy(self.call("delete_user")?.delete_user(user, now)).await
    }
}

#[async_trait]
impl Tasks for WatchedStore {
    async fn create_task(
        &self,
        task: Task,
        claim: Option<Claim>,
        bounds: Bounds,
    ) -> Result<Creation, StoreError> {
        busy(self.call("create_task")?.create_task(task, claim, bounds)).await
    }

    async fn task(&self, id: TaskId) -> Result<Option<Task>, StoreError> {
        busy(self.call("task")?.task(id)).await
    }

    async fn change_task(
        &self,
        from: Task,
        to: Task,
        bounds: Bounds,
    ) -> Result<Change, StoreError> {
        busy(self.call("change_task")?.change_task(from, to, bounds)).await
    }

    async fn delete_task(&self, task: Task) -> Result<Change, StoreError> {
        busy(self.call("delete_task")?.delete_task(task)).await
    }

    async fn list(&self, query: Query, limit: Option<Duration>) -> Result<Listed, StoreError> {
        busy(self.call("list")?.list(query, limit)).await
    }

    async fn has_user(&self, id: UserId) -> Result<bool, StoreError> {
        busy(self.call("has_user")?.has_user(id)).await
    }
}

#[async_trait]
impl Sessions for WatchedStore {
    async fn open_session(
        &self,
        session: Session,
        refresh: TokenHash,
        password: PasswordHash,
    ) -> Result<bool, StoreError> {
        busy(self.call("open_session")?.open_session(session, refresh, password)).await
    }

    async fn session_user(
        &self,
        session: SessionId,
        user: UserId,
        now: Timestamp,
    ) -> Result<Option<User>, StoreError> {
        busy(self.call("session_user")?.session_user(session, user, now)).await
    }

    async fn rotate(
        &self,
        token: TokenHash,
        successor: Successor,
        now: Timestamp,
        window: Duration,
    ) -> Result<Rotation, StoreError> {
        busy(self.call("rotate")?.rotate(token, successor, now, window)).await
    }

    async fn end_session(&self, token: TokenHash) -> Result<Option<Session>, StoreError> {
        busy(self.call("end_session")?.end_session(token)).await
    }

    async fn remove_ended_sessions(&self, now: Timestamp, limit: u32) -> Result<u64, StoreError> {
        busy(self.call("remove_ended_sessions")?.remove_ended_sessions(now, limit)).await
    }
}

#[async_trait]
impl Mails for WatchedStore {
    async fn count_mail(
        &self,
        user: UserId,
        now: Timestamp,
        limit: DailyLimit,
    ) -> Result<Attempt, StoreError> {
        busy(self.call("count_mail")?.count_mail(user, now, limit)).await
    }
}

#[async_trait]
impl Store for WatchedStore {
    fn work(&self) -> &dyn Work {
        self.inner.work()
    }

    fn retention(&self) -> &dyn Retention {
        self.inner.retention()
    }

    fn outbox(&self) -> &dyn Outbox {
        self.inner.outbox()
    }

    fn events(&self) -> &dyn Events {
        self
    }

    fn signals(&self) -> &Signals {
        self.inner.signals()
    }

    async fn check(&self) -> Result<(), StoreError> {
        busy(self.call("check")?.check()).await
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}
