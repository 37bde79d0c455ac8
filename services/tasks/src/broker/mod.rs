//! The message broker: it wakes the workers of all machines.
//!
//! A message is a hint that some job can be claimed. A worker that receives one claims the job whose turn it is, which can be
//! another one. So the order of messages does not change the order of jobs, and a message that is lost, late or doubled
//! changes nothing: the row in the database is the truth.
//!
//! A worker keeps its message until the job has ended. If the worker is lost, the broker gives the message to another one.

#[cfg(feature = "amqp")]
pub mod amqp;
#[cfg(feature = "redis")]
pub mod redis;
#[cfg(feature = "sqs")]
pub mod sqs;
mod target;

pub use self::target::{InvalidBroker, Kind, Target};

use crate::model::hint::Hint;
use async_trait::async_trait;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;

/// The deliveries of a message before the broker sets it aside as a dead letter.
pub const DELIVERIES: u32 = 5;

/// A message that this process holds. Only the broker that made it knows its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message(pub String);

/// Why a broker did not do its part. The text has no secret.
#[derive(Debug, Clone, Error)]
#[error("the broker is away: {0}")]
pub struct BrokerError(pub String);

/// A message broker. It connects by itself, and again after a failure.
#[async_trait]
pub trait Broker: fmt::Debug + Send + Sync {
    /// Sends messages. Returns when the broker has all of them safely. After an error it can have some of them.
    async fn publish(&self, hints: &[Hint]) -> Result<(), BrokerError>;
    /// The next message, or `None` if there is none within `wait`. It may be cancelled.
    async fn receive(&self, wait: Duration) -> Result<Option<Message>, BrokerError>;
    /// Keeps messages from other workers, because their jobs still run.
    async fn extend(&self, messages: &[Message]) -> Result<(), BrokerError>;
    /// Removes a message. Its job has ended, or there was none.
    async fn done(&self, message: Message) -> Result<(), BrokerError>;
    /// Closes the connections. Messages that are not done go to other workers.
    async fn close(&self);
}

/// The broker of a URL, for a process that runs `slots` jobs at once. It connects later.
#[must_use]
#[cfg_attr(not(feature = "amqp"), expect(unused_variables, reason = "only AMQP needs the slots"))]
pub fn open(target: &Target, slots: u16) -> Arc<dyn Broker> {
    match target.kind {
        #[cfg(feature = "redis")]
        Kind::Redis => Arc::new(redis::Redis::new(target)),
        #[cfg(feature = "amqp")]
        Kind::Amqp => Arc::new(amqp::Amqp::new(target, slots)),
        #[cfg(feature = "sqs")]
        Kind::Sqs => Arc::new(sqs::Sqs::new(target)),
    }
}
