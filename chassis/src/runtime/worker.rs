//! The interface of a process that works without an API, such as one that runs jobs.

use crate::failure::Failure;
use std::future::Future;

/// Work that needs no API. The chassis gives it a log, metrics, probes and stop signals.
pub trait Worker: Send + Sync + 'static {
    /// Whether the command line has `worker`.
    const IS_OFFERED: bool = true;

    /// Waits until it can begin, such as for its database, and begins. `/readyz` answers 503 until then. A failure ends the
    /// process.
    fn prepare(&self) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Ends it after the stop signal.
    fn close(&self) -> impl Future<Output = ()> + Send;
}

/// A service without work of that kind.
#[derive(Debug, Clone, Copy)]
pub enum NoWorker {}

impl Worker for NoWorker {
    const IS_OFFERED: bool = false;

    async fn prepare(&self) -> Result<(), Failure> {
        match *self {}
    }

    async fn close(&self) {
        match *self {}
    }
}
