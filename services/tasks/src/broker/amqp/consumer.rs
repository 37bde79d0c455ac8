//! A connection that receives messages.

use super::keeper::Opens;
use super::link::{Failure, Link};
use super::{GRACE, Hint, Message, queues};
use async_trait::async_trait;
use futures_util::StreamExt as _;
use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions, BasicRejectOptions};
use lapin::types::FieldTable;
use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, timeout, timeout_at};

/// The time for which a sign of life of `RabbitMQ` is enough.
const FRESH: Duration = Duration::from_secs(1);

/// A connection that receives messages. The name of a message is the number of its connection, and its delivery tag.
#[derive(Debug)]
pub(super) struct Consumer {
    link: Link,
    number: u64,
    deliveries: tokio::sync::Mutex<lapin::Consumer>,
    held: Mutex<Held>,
}

#[derive(Debug)]
struct Held {
    /// The delivery tags of messages that are not done.
    tags: HashSet<u64>,
    /// The last sign of life of `RabbitMQ`.
    answered: Instant,
}

#[async_trait]
impl Opens for Consumer {
    async fn open(link: Link, slots: u16) -> Result<Self, Failure> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let channel = &link.channel;
        // Zero would be no limit.
        channel.basic_qos(slots.max(1), BasicQosOptions::default()).await?;
        let (options, arguments) = (BasicConsumeOptions::default(), FieldTable::default());
        let deliveries =
            channel.basic_consume(queues::JOBS.into(), "".into(), options, arguments).await?;
        let held = Held { tags: HashSet::new(), answered: Instant::now() };
        Ok(Self {
            number: NUMBER.fetch_add(1, Ordering::Relaxed),
            deliveries: deliveries.into(),
            held: held.into(),
            link,
        })
    }

    fn link(&self) -> &Link {
        &self.link
    }
}

impl Consumer {
    /// The next message. A message that arrives while this call is cut off is for the next call.
    pub(super) async fn receive(&self, wait: Duration) -> Result<Option<Message>, Failure> {
        let end = Instant::now() + wait;
        loop {
            // Messages of a connection that has ended go to other workers.
            if !self.link.channel.status().connected() {
                return Err(Failure::Lost("the connection has ended".into()));
            }
            let next = async { self.deliveries.lock().await.next().await };
            let Ok(next) = timeout_at(end, next).await else {
                self.check().await?;
                return Ok(None);
            };
            let delivery = next.ok_or_else(|| Failure::Lost("the queue was removed".into()))??;
            self.held().answered = Instant::now();
            if let Some(message) = self.hold(&delivery) {
                return Ok(Some(message));
            }
            // It becomes a dead letter.
            delivery.reject(BasicRejectOptions { requeue: false }).await?;
        }
    }

    fn hold(&self, delivery: &Delivery) -> Option<Message> {
        Hint::read(std::str::from_utf8(&delivery.data).ok()?)?;
        self.held().tags.insert(delivery.delivery_tag);
        Some(Message(format!("{} {}", self.number, delivery.delivery_tag)))
    }

    /// No message can also mean that `RabbitMQ` is silent.
    async fn check(&self) -> Result<(), Failure> {
        if self.held().answered.elapsed() < FRESH {
            return Ok(());
        }
        let check = timeout(GRACE / 2, queues::check(&self.link.channel)).await;
        check.map_err(|_| Failure::Silent)??;
        self.held().answered = Instant::now();
        Ok(())
    }

    /// Removes a message, if this connection holds it.
    pub(super) async fn done(&self, message: &Message) -> Result<(), Failure> {
        let tag = message.0.strip_prefix(&format!("{} ", self.number));
        let tag = tag.and_then(|tag| tag.parse().ok()).filter(|tag| self.held().tags.remove(tag));
        if let Some(tag) = tag {
            self.link.channel.basic_ack(tag, BasicAckOptions::default()).await?;
        }
        Ok(())
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
