//! Amazon SQS: a standard queue, which the operator creates.
//!
//! * SQS hides a message from others for [`HELD`] after its receipt. A worker that lives renews this, and a lost one does not.
//! * The redrive policy of the queue moves a message that was received [`DELIVERIES`] times to the queue of dead letters.
//!   Text that is no hint is shown again at once, so it is moved soon.
//! * The owner of a task is the group of its message. So SQS can deliver the messages of other users before those of a user
//!   who has many.

mod errors;
mod queue;

use self::errors::{failure, refused};
use self::queue::Queue;
use super::{Broker, BrokerError, DELIVERIES, Message, Target};
use crate::model::hint::Hint;
use async_trait::async_trait;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::SdkError;
use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, Message as Received,
    MessageSystemAttributeName::ApproximateReceiveCount, SendMessageBatchRequestEntry,
};
use futures_util::future::try_join_all;
use std::time::Duration;
use tokio::sync::OnceCell;
use tokio::time::{Instant, timeout};

/// The time in which SQS gives a message to nobody else.
pub const HELD: Duration = Duration::from_secs(30);
/// Time limit for an operation.
const LIMIT: Duration = Duration::from_secs(5);
/// The time that an answer may take after the end of a wait.
const ANSWER: Duration = Duration::from_secs(1);
/// The longest wait that SQS allows.
const LONGEST_WAIT: Duration = Duration::from_secs(20);
/// The entries that SQS allows in a request.
const BATCH: usize = 10;

/// A queue.
#[derive(Debug)]
pub struct Sqs {
    queue: Queue,
    client: OnceCell<Client>,
    held: Duration,
}

impl Sqs {
    /// A client of the queue. It connects later.
    #[must_use]
    pub fn new(target: &Target) -> Self {
        Self::holding(target, HELD)
    }

    /// A client that holds messages for another time, in whole seconds. Tests do not wait for [`HELD`].
    #[must_use]
    pub fn holding(target: &Target, held: Duration) -> Self {
        Self { queue: Queue::from_url(target.url()), client: OnceCell::new(), held }
    }

    async fn client(&self) -> &Client {
        self.client.get_or_init(|| self.queue.connect()).await
    }

    async fn send(&self, hints: &[Hint]) -> Result<(), BrokerError> {
        let entries = hints.iter().enumerate().map(|(number, hint)| {
            SendMessageBatchRequestEntry::builder()
                .id(number.to_string())
                .message_body(hint.text())
                .message_group_id(hint.user.0.to_string())
                .build()
                .expect("the entry has an id and a body")
        });
        let call = self.client().await.send_message_batch().queue_url(&self.queue.url);
        let sent = call.set_entries(Some(entries.collect())).send().await;
        refused(sent.map_err(|error| failure(&error))?.failed.first())
    }

    /// Hides messages for some time from now.
    async fn hide(&self, messages: &[Message], time: Duration) -> Result<(), BrokerError> {
        let entries = messages.iter().enumerate().map(|(number, message)| {
            ChangeMessageVisibilityBatchRequestEntry::builder()
                .id(number.to_string())
                .receipt_handle(&message.0)
                .visibility_timeout(seconds(time))
                .build()
                .expect("the entry has an id and a receipt handle")
        });
        let call = self.client().await.change_message_visibility_batch().queue_url(&self.queue.url);
        let hidden = call.set_entries(Some(entries.collect())).send().await;
        // A fault of the sender: the message is gone.
        let hidden = hidden.map_err(|error| failure(&error))?;
        refused(hidden.failed.iter().find(|entry| !entry.sender_fault))
    }

    async fn next(&self, wait: Duration) -> Result<Option<Message>, BrokerError> {
        let end = Instant::now() + wait.min(LONGEST_WAIT);
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let Some(received) = self.receive_one(left).await? else { return Ok(None) };
            let message = Message(received.receipt_handle().unwrap_or_default().to_owned());
            if received.body().and_then(Hint::read).is_some() {
                return Ok(Some(message));
            }
            self.reject(&received, message).await?;
            if Instant::now() >= end {
                return Ok(None);
            }
        }
    }

    /// Receives a message. SQS knows only whole seconds, so the wait is rounded.
    async fn receive_one(&self, wait: Duration) -> Result<Option<Received>, BrokerError> {
        let call = self.client().await.receive_message().queue_url(&self.queue.url);
        let call = call
            .max_number_of_messages(1)
            .wait_time_seconds(seconds(wait + Duration::from_millis(500)))
            .visibility_timeout(seconds(self.held))
            .message_system_attribute_names(ApproximateReceiveCount);
        let received = call.send().await.map_err(|error| failure(&error))?;
        Ok(received.messages.unwrap_or_default().into_iter().next())
    }

    /// Shows text that is no hint again, until the redrive policy moves it. If the queue has no such policy, the text stays
    /// hidden as long as a hint, so that the workers do not receive it without end.
    async fn reject(&self, received: &Received, message: Message) -> Result<(), BrokerError> {
        tracing::error!(message_id = received.message_id(), "message is no hint");
        let count = received.attributes().and_then(|all| all.get(&ApproximateReceiveCount));
        let count = count.and_then(|count| count.parse::<u32>().ok());
        if count.is_some_and(|count| count <= DELIVERIES) {
            self.hide(&[message], Duration::ZERO).await?;
        }
        Ok(())
    }

    async fn delete(&self, message: Message) -> Result<(), BrokerError> {
        let call = self.client().await.delete_message().queue_url(&self.queue.url);
        match call.receipt_handle(message.0).send().await {
            Ok(_) => Ok(()),
            // The message is gone.
            Err(SdkError::ServiceError(error)) if error.err().is_receipt_handle_is_invalid() => {
                Ok(())
            }
            Err(error) => Err(failure(&error)),
        }
    }
}

#[async_trait]
impl Broker for Sqs {
    async fn publish(&self, hints: &[Hint]) -> Result<(), BrokerError> {
        let parts = hints.chunks(BATCH).map(|part| self.send(part));
        bounded(LIMIT, try_join_all(parts)).await.map(drop)
    }

    async fn receive(&self, wait: Duration) -> Result<Option<Message>, BrokerError> {
        bounded(wait + ANSWER, Box::pin(self.next(wait))).await
    }

    async fn extend(&self, messages: &[Message]) -> Result<(), BrokerError> {
        let parts = messages.chunks(BATCH).map(|part| self.hide(part, self.held));
        bounded(LIMIT, try_join_all(parts)).await.map(drop)
    }

    async fn done(&self, message: Message) -> Result<(), BrokerError> {
        bounded(LIMIT, Box::pin(self.delete(message))).await
    }

    /// Each call is a request of its own. So there is nothing to close.
    async fn close(&self) {}
}

fn seconds(time: Duration) -> i32 {
    i32::try_from(time.as_secs()).unwrap_or(i32::MAX)
}

async fn bounded<T>(
    limit: Duration,
    operation: impl Future<Output = Result<T, BrokerError>>,
) -> Result<T, BrokerError> {
    let late = |_| Err(BrokerError(format!("no answer within {} s", limit.as_secs())));
    timeout(limit, operation).await.unwrap_or_else(late)
}
