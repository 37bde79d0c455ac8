//! A connection with one channel.

use super::Target;
use super::address::Address;
use super::queues;
use super::transport::Transport;
use async_rs::Runtime;
use async_rs::util::RuntimeParts;
use lapin::tcp::OwnedTLSConfig;
use lapin::{Channel, Connection, ConnectionProperties};
use thiserror::Error;
use tokio::sync::watch;

/// Why an operation has failed. The text has no secret.
#[derive(Debug, Error)]
pub(super) enum Failure {
    /// The connection can still be used.
    #[error("{0}")]
    Refused(String),
    /// There is no answer yet. Heartbeats tell whether the connection is lost.
    #[error("it does not answer")]
    Silent,
    /// The connection can not be used any more.
    #[error("{0}")]
    Lost(String),
}

impl From<lapin::Error> for Failure {
    fn from(error: lapin::Error) -> Self {
        Self::Lost(error.to_string())
    }
}

/// A connection. It ends with its value, without a farewell.
#[derive(Debug)]
pub(super) struct Link {
    /// Its only channel.
    pub(super) channel: Channel,
    connection: Connection,
    _alive: watch::Sender<()>,
}

impl Link {
    /// Connects, and makes the queues if they are missing.
    pub(super) async fn open(target: &Target) -> Result<Self, Failure> {
        let Address { uri, tls } = Address::of(target)?;
        // If this call is cut off, the transport ends too.
        let (alive, lives) = watch::channel(());
        let transport = Transport::new(tls, lives);
        let runtime = Runtime::new(RuntimeParts::new(async_rs::Tokio::current(), transport));
        let properties =
            ConnectionProperties::default().with_connection_name(env!("CARGO_PKG_NAME").into());
        let tls = OwnedTLSConfig::default();
        let connection = Connection::connect_uri_with_config(uri, properties, tls, runtime).await?;
        let channel = queues::prepare(&connection).await?;
        Ok(Self { channel, connection, _alive: alive })
    }

    /// Says farewell.
    pub(super) async fn close(&self) -> Result<(), Failure> {
        Ok(self.connection.close(200, "OK".into()).await?)
    }
}
