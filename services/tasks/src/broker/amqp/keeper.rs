//! Opens a connection when it is needed, and another one after a failure.

use super::link::{Failure, Link};
use super::{BrokerError, LIMIT, Target};
use async_trait::async_trait;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::timeout;

/// One direction of the messages, on a connection of its own.
#[async_trait]
pub(super) trait Opens: Sized + Send + Sync + 'static {
    /// Prepares a new connection.
    async fn open(link: Link, slots: u16) -> Result<Self, Failure>;
    /// The connection.
    fn link(&self) -> &Link;
}

/// The only connection of one direction.
#[derive(Debug)]
pub(super) struct Keeper<T> {
    target: Target,
    slots: u16,
    state: Mutex<State<T>>,
    /// Held while a connection is opened, so that there is one at a time.
    opening: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct State<T> {
    current: Option<Arc<T>>,
    is_closed: bool,
}

impl<T: Opens> Keeper<T> {
    pub(super) fn new(target: &Target, slots: u16) -> Self {
        let state = Mutex::new(State { current: None, is_closed: false });
        Self { target: target.clone(), slots, state, opening: tokio::sync::Mutex::default() }
    }

    /// The connection, if there is one.
    pub(super) fn current(&self) -> Option<Arc<T>> {
        self.state().current.clone()
    }

    /// The connection. Opening it goes on if the caller is cancelled, so that callers with little time get one at last.
    pub(super) async fn get(self: &Arc<Self>) -> Result<Arc<T>, Failure> {
        if let Some(current) = self.current() {
            return Ok(current);
        }
        let keeper = Arc::clone(self);
        let opened = tokio::spawn(async move { keeper.open().await }).await;
        opened.unwrap_or_else(|error| Err(Failure::Lost(error.to_string())))
    }

    async fn open(&self) -> Result<Arc<T>, Failure> {
        let _turn = self.opening.lock().await;
        if let Some(current) = self.current() {
            return Ok(current);
        }
        if self.state().is_closed {
            return Err(Failure::Refused("the connection is closed".into()));
        }
        let open = async { T::open(Link::open(&self.target).await?, self.slots).await };
        let opened = timeout(LIMIT, open).await.unwrap_or(Err(Failure::Silent))?;
        let mut state = self.state();
        if state.is_closed {
            return Err(Failure::Refused("the connection is closed".into()));
        }
        Ok(Arc::clone(state.current.insert(Arc::new(opened))))
    }

    /// Limits the time of an operation, and ends the connection if it has failed.
    pub(super) async fn bounded<R>(
        &self,
        limit: Duration,
        operation: impl Future<Output = Result<R, Failure>>,
    ) -> Result<R, BrokerError> {
        let failure = match timeout(limit, operation).await {
            Ok(Ok(result)) => return Ok(result),
            Ok(Err(failure)) => failure,
            Err(_) => Failure::Lost(format!("no answer within {limit:?}")),
        };
        if matches!(failure, Failure::Lost(_)) {
            self.state().current = None;
        }
        Err(BrokerError(failure.to_string()))
    }

    /// No connection is opened any more.
    pub(super) async fn close(&self) {
        let current = {
            let mut state = self.state();
            state.is_closed = true;
            state.current.take()
        };
        if let Some(current) = current {
            // Without an answer, the connection ends all the same.
            let _ = timeout(LIMIT, current.link().close()).await;
        }
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
