//! Redis or Valkey: a stream with a consumer group.
//!
//! A message is an entry of the stream. A consumer that receives it owns it. An entry that its owner has not extended for
//! some time is abandoned, and goes to another consumer. Commands and the wait for a message have a connection each, because
//! a wait holds up all that follows on its connection.
//!
//! Every call ends in time, also if the server does not answer. Then its connection is closed, and the next call makes a
//! new one.

mod address;
mod link;
mod stream;

pub use self::address::check;

use self::address::Address;
use self::link::Link;
use self::stream::{Connection, Error, Stream};
use super::{Broker, BrokerError, Message, Target};
use crate::model::hint::Hint;
use async_trait::async_trait;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, timeout};
use url::Url;

/// A message that is not extended for this time goes to another consumer. Longer than the pauses between extensions.
const ABANDONED: Duration = Duration::from_secs(30);
/// The longest time of a call.
const CALL: Duration = Duration::from_secs(4);
/// The time of [`Broker::receive`] in addition to its wait.
const GRACE: Duration = Duration::from_millis(900);

/// A connection to Redis.
pub struct Redis {
    stream: Stream,
    commands: Link,
    waits: Link,
    /// The next look for abandoned messages.
    look: Mutex<Instant>,
}

impl Redis {
    /// It connects later.
    #[must_use]
    pub fn new(target: &Target) -> Self {
        Self::with_time(target, ABANDONED)
    }

    /// With another time after which a message is abandoned. All consumers of a stream use the same time.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "a target has a URL that was checked")]
    pub fn with_time(target: &Target, time: Duration) -> Self {
        let url = Url::parse(target.url()).expect("`Target::parse` has parsed it");
        let address = Arc::new(Address::parse(&url).expect("`Target::parse` has checked it"));
        Self {
            stream: Stream::new(&address.prefix, time),
            commands: Link::new(Arc::clone(&address)),
            waits: Link::new(address),
            look: Mutex::new(Instant::now()),
        }
    }

    /// Whether the time has come to look for abandoned messages. There are some looks in each time of a message.
    fn is_look(&self) -> bool {
        let mut look = self.look.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let is_look = *look <= now;
        if is_look {
            *look = now + self.pause();
        }
        is_look
    }

    /// The longest wait without a look for abandoned messages.
    fn pause(&self) -> Duration {
        self.stream.time / 8
    }

    /// If an old connection is lost, it waits on a new one.
    async fn next(&self, deadline: Instant) -> Result<Option<String>, Error> {
        loop {
            // If this call is cancelled, its connection is closed. So no message comes to a call that has gone.
            let (mut connection, is_new) = self.waits.take().await?;
            if is_new {
                self.stream.tidy(&mut connection).await;
            }
            match self.find(&mut connection, deadline).await {
                Err(error) if error.is_io_error() && !is_new => {}
                result => {
                    if result.is_ok() {
                        self.waits.keep(connection);
                    }
                    return result;
                }
            }
        }
    }

    async fn find(
        &self,
        connection: &mut Connection,
        deadline: Instant,
    ) -> Result<Option<String>, Error> {
        loop {
            let mut found =
                if self.is_look() { self.stream.take_over(connection).await? } else { None };
            if found.is_none() {
                let left = deadline.saturating_duration_since(Instant::now());
                found = self.stream.read(connection, left.min(self.pause())).await?;
            }
            if found.is_some() || Instant::now() >= deadline {
                return Ok(found);
            }
        }
    }
}

#[async_trait]
impl Broker for Redis {
    async fn publish(&self, hints: &[Hint]) -> Result<(), BrokerError> {
        if hints.is_empty() {
            return Ok(());
        }
        let texts: Vec<_> = hints.iter().map(Hint::text).collect();
        self.commands.call(CALL, |connection| self.stream.add(connection, &texts)).await
    }

    async fn receive(&self, wait: Duration) -> Result<Option<Message>, BrokerError> {
        let found = timeout(wait + GRACE, self.next(Instant::now() + wait)).await;
        Ok(link::answer(found)?.map(Message))
    }

    async fn extend(&self, messages: &[Message]) -> Result<(), BrokerError> {
        if messages.is_empty() {
            return Ok(());
        }
        let ids: Vec<_> = messages.iter().map(|message| message.0.as_str()).collect();
        self.commands.call(CALL, |connection| self.stream.keep(connection, &ids)).await
    }

    async fn done(&self, message: Message) -> Result<(), BrokerError> {
        self.commands.call(CALL, |connection| self.stream.remove(connection, &message.0)).await
    }

    async fn close(&self) {
        self.waits.close();
        let left = self.commands.call(CALL, |connection| self.stream.leave(connection)).await;
        if let Err(error) = left {
            // Other workers receive the messages after their time.
            tracing::debug!(cause = %error, "messages are not given back");
        }
        self.commands.close();
    }
}

/// Without the address and its password.
impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis").finish_non_exhaustive()
    }
}
