//! `RabbitMQ`: a quorum queue, publisher confirms, and acknowledgements by hand.
//!
//! A message belongs to the connection of its consumer. `RabbitMQ` gives it to another one when that connection ends, so
//! nothing has to be renewed. It ends a consumer that holds a message for 30 minutes, which is longer than any job.
//!
//! Messages are sent and received on two connections, because `RabbitMQ` stops reading from a connection that sends while
//! it is short of memory or disk. Acknowledgements must still arrive then.

mod address;
mod consumer;
mod keeper;
mod link;
mod queues;
mod transport;

use self::consumer::Consumer;
use self::keeper::{Keeper, Opens};
use self::link::{Failure, Link};
use super::{Broker, BrokerError, Message, Target};
use crate::model::hint::Hint;
use async_trait::async_trait;
use futures_util::future::join_all;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{BasicProperties, Confirmation};
use std::sync::Arc;
use std::time::Duration;

/// The longest time of an operation.
const LIMIT: Duration = Duration::from_secs(5);
/// The time that a call to receive may take in addition to its wait: to connect, or to see that `RabbitMQ` is silent.
const GRACE: Duration = Duration::from_secs(1);
/// `RabbitMQ` writes such a message to its disk.
const PERSISTENT: u8 = 2;

/// The connections of a process.
#[derive(Debug)]
pub struct Amqp {
    publisher: Arc<Keeper<Publisher>>,
    consumer: Arc<Keeper<Consumer>>,
}

impl Amqp {
    /// `slots`: the number of jobs that run at once. The process holds as many messages, so that none waits for a free slot
    /// here while another process has one.
    #[must_use]
    pub fn new(target: &Target, slots: u16) -> Self {
        Self {
            publisher: Arc::new(Keeper::new(target, slots)),
            consumer: Arc::new(Keeper::new(target, slots)),
        }
    }
}

#[async_trait]
impl Broker for Amqp {
    async fn publish(&self, hints: &[Hint]) -> Result<(), BrokerError> {
        if hints.is_empty() {
            return Ok(());
        }
        let publish = async { self.publisher.get().await?.publish(hints).await };
        self.publisher.bounded(LIMIT, publish).await
    }

    async fn receive(&self, wait: Duration) -> Result<Option<Message>, BrokerError> {
        let receive = async { self.consumer.get().await?.receive(wait).await };
        self.consumer.bounded(wait + GRACE, receive).await
    }

    /// The connection keeps the messages.
    async fn extend(&self, _: &[Message]) -> Result<(), BrokerError> {
        Ok(())
    }

    /// Does nothing for a message of an earlier connection: another worker has it.
    async fn done(&self, message: Message) -> Result<(), BrokerError> {
        let Some(consumer) = self.consumer.current() else { return Ok(()) };
        self.consumer.bounded(LIMIT, consumer.done(&message)).await
    }

    async fn close(&self) {
        tokio::join!(self.publisher.close(), self.consumer.close());
    }
}

/// A connection that sends messages.
#[derive(Debug)]
struct Publisher(Link);

#[async_trait]
impl Opens for Publisher {
    async fn open(link: Link, _: u16) -> Result<Self, Failure> {
        link.channel.confirm_select(ConfirmSelectOptions::default()).await?;
        Ok(Self(link))
    }

    fn link(&self) -> &Link {
        &self.0
    }
}

impl Publisher {
    /// Sends messages, and then waits for all answers.
    async fn publish(&self, hints: &[Hint]) -> Result<(), Failure> {
        let mut answers = Vec::with_capacity(hints.len());
        for hint in hints {
            answers.push(self.send(&hint.text()).await?);
        }
        for answer in join_all(answers).await {
            match answer? {
                Confirmation::Ack(None) => {}
                Confirmation::Nack(_) => return Err(Failure::Refused("the queue is full".into())),
                // The next connection makes the queue again.
                Confirmation::Ack(Some(_)) | Confirmation::NotRequested => {
                    return Err(Failure::Lost("the queue is missing".into()));
                }
            }
        }
        Ok(())
    }

    async fn send(&self, text: &str) -> Result<lapin::PublisherConfirm, Failure> {
        let options = BasicPublishOptions { mandatory: true, ..Default::default() };
        let properties = BasicProperties::default()
            .with_delivery_mode(PERSISTENT)
            .with_content_type("text/plain".into());
        let channel = &self.0.channel;
        Ok(channel
            .basic_publish("".into(), queues::JOBS.into(), options, text.as_bytes(), properties)
            .await?)
    }
}
