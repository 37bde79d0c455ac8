//! A connection that is made when a call needs it.

use super::super::BrokerError;
use super::address::Address;
use super::stream::{Connection, Error};
use redis::AsyncConnectionConfig;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::error::Elapsed;
use tokio::time::timeout;

/// The longest text of an error. A server names each command of a failed transaction.
const TEXT: usize = 200;

/// A place for a connection. It is empty at first, and after a failure.
pub(super) struct Link {
    address: Arc<Address>,
    place: Mutex<Option<Connection>>,
}

impl Link {
    pub(super) fn new(address: Arc<Address>) -> Self {
        Self { address, place: Mutex::default() }
    }

    /// Calls the server on the connection, which other calls can use at the same time. If an old connection is lost, it calls
    /// again on a new one.
    pub(super) async fn call<F: Future<Output = Result<(), Error>>>(
        &self,
        limit: Duration,
        call: impl Fn(Connection) -> F,
    ) -> Result<(), BrokerError> {
        let answered = timeout(limit, async {
            let old = self.place().clone();
            if let Some(connection) = old {
                match call(connection).await {
                    Err(error) if error.is_io_error() => {}
                    result => return result,
                }
            }
            let connection = self.connect().await?;
            call(connection.clone()).await?;
            self.keep(connection);
            Ok(())
        });
        let answer = answer(answered.await);
        if answer.is_err() {
            self.close();
        }
        answer
    }

    /// Takes the connection away, and whether it is new. It is closed unless [`Link::keep`] gets it back.
    pub(super) async fn take(&self) -> Result<(Connection, bool), Error> {
        let taken = self.place().take();
        match taken {
            Some(connection) => Ok((connection, false)),
            None => Ok((self.connect().await?, true)),
        }
    }

    pub(super) fn keep(&self, connection: Connection) {
        *self.place() = Some(connection);
    }

    /// Closes the connection when no call uses it.
    pub(super) fn close(&self) {
        *self.place() = None;
    }

    /// The callers limit the time.
    async fn connect(&self) -> Result<Connection, Error> {
        let config = AsyncConnectionConfig::new();
        let config = config.set_connection_timeout(None).set_response_timeout(None);
        let client = self.address.client().await?;
        client.get_multiplexed_async_connection_with_config(&config).await
    }

    fn place(&self) -> MutexGuard<'_, Option<Connection>> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The answer of a call with a limit. The client writes no address and no password into its errors.
pub(super) fn answer<T>(answered: Result<Result<T, Error>, Elapsed>) -> Result<T, BrokerError> {
    match answered {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(BrokerError(error.to_string().chars().take(TEXT).collect())),
        Err(_) => Err(BrokerError("Redis does not answer in time".into())),
    }
}
