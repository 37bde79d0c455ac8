//! The commands on the stream.

use super::super::DELIVERIES;
use crate::model::hint::Hint;
use redis::{Cmd, Pipeline, Value, cmd, pipe};
use std::collections::HashMap;
use std::time::Duration;
use uuid::Uuid;

pub(super) type Connection = redis::aio::MultiplexedConnection;
pub(super) type Error = redis::RedisError;

const GROUP: &str = "workers";
/// The field of an entry with the text of the hint.
const FIELD: &str = "hint";
/// The abandoned messages that one look considers.
const LOOK: usize = 10;
/// The messages that a consumer can give back. More than a process has slots.
const HELD: usize = 1000;
/// The dead letters that are kept, about.
const DEAD: usize = 10_000;
/// A consumer without messages that has not called for so many times of a message is removed from the group.
const GONE: u32 = 100;

/// The names, fields and values of an entry, one after the other. `None` if the entry was deleted.
type Fields = Option<Vec<Vec<u8>>>;
type Entry = (String, Fields);
/// Entries by the name of their stream. `None` after a wait without any.
type Streams = Option<Vec<(Vec<u8>, Vec<Entry>)>>;

/// The streams of an environment, as one consumer sees them.
pub(super) struct Stream {
    jobs: String,
    dead: String,
    consumer: String,
    /// The time after which a message is abandoned.
    pub(super) time: Duration,
}

impl Stream {
    pub(super) fn new(prefix: &str, time: Duration) -> Self {
        Self {
            jobs: format!("{prefix}tasks:jobs"),
            dead: format!("{prefix}tasks:dead"),
            consumer: Uuid::now_v7().to_string(),
            time,
        }
    }

    /// Removes consumers that are gone. A failure has no effect: the next call reports it.
    pub(super) async fn tidy(&self, connection: &mut Connection) {
        let mut list = cmd("XINFO");
        list.arg("CONSUMERS").arg(&self.jobs).arg(GROUP);
        let consumers = list.query_async::<Vec<HashMap<String, Value>>>(connection).await;
        for consumer in consumers.unwrap_or_default() {
            let number = |name: &str| match consumer.get(name) {
                Some(Value::Int(number)) => u64::try_from(*number).ok(),
                _ => None,
            };
            let is_gone =
                number("pending") == Some(0) && number("idle") > Some(millis(self.time * GONE));
            if let (true, Some(Value::BulkString(name))) = (is_gone, consumer.get("name")) {
                let _ = self.delete_consumer(name).exec_async(connection).await;
            }
        }
    }

    /// From the first message on: there can be messages before there is a group.
    async fn create_group(&self, connection: &mut Connection) -> Result<(), Error> {
        let mut create = cmd("XGROUP");
        create.arg("CREATE").arg(&self.jobs).arg(GROUP).arg("0").arg("MKSTREAM");
        match create.exec_async(connection).await {
            Err(error) if error.code() == Some("BUSYGROUP") => Ok(()),
            result => result,
        }
    }

    fn delete_consumer(&self, name: &[u8]) -> Cmd {
        let mut delete = cmd("XGROUP");
        delete.arg("DELCONSUMER").arg(&self.jobs).arg(GROUP).arg(name);
        delete
    }

    /// Adds all messages, or none. The stream has no greatest length, so no message is removed for a new one.
    pub(super) async fn add(
        &self,
        mut connection: Connection,
        texts: &[String],
    ) -> Result<(), Error> {
        let mut all = pipe();
        all.atomic();
        for text in texts {
            all.cmd("XADD").arg(&self.jobs).arg("*").arg(FIELD).arg(text).ignore();
        }
        all.exec_async(&mut connection).await
    }

    /// A message that no consumer had.
    pub(super) async fn read(
        &self,
        connection: &mut Connection,
        wait: Duration,
    ) -> Result<Option<String>, Error> {
        let streams: Result<Streams, _> = self.reading(wait).query_async(connection).await;
        let streams = match streams {
            Err(error) if is_without_group(&error) => {
                self.create_group(connection).await?;
                self.reading(Duration::ZERO).query_async(connection).await?
            }
            result => result?,
        };
        for (id, fields) in streams.into_iter().flatten().flat_map(|(_, entries)| entries) {
            if let Some(id) = self.accept(connection, id, fields, 1).await? {
                return Ok(Some(id));
            }
        }
        Ok(None)
    }

    fn reading(&self, wait: Duration) -> Cmd {
        let mut read = cmd("XREADGROUP");
        read.arg("GROUP").arg(GROUP).arg(&self.consumer).arg("COUNT").arg(1);
        let wait = millis(wait);
        // Zero would be a wait without an end.
        if wait > 0 {
            read.arg("BLOCK").arg(wait);
        }
        read.arg("STREAMS").arg(&self.jobs).arg(">");
        read
    }

    /// A message that its consumer has abandoned.
    pub(super) async fn take_over(
        &self,
        connection: &mut Connection,
    ) -> Result<Option<String>, Error> {
        let time = millis(self.time);
        let mut list = cmd("XPENDING");
        list.arg(&self.jobs).arg(GROUP).arg("IDLE").arg(time).arg("-").arg("+").arg(LOOK);
        let abandoned: Vec<(String, Vec<u8>, u64, u64)> = match list.query_async(connection).await {
            Err(error) if is_without_group(&error) => Vec::new(),
            result => result?,
        };
        for (id, _, _, deliveries) in abandoned {
            // Only one consumer gets it, because then it is no longer idle.
            let mut claim = cmd("XCLAIM");
            claim.arg(&self.jobs).arg(GROUP).arg(&self.consumer).arg(time).arg(&id);
            let claimed: Vec<Option<Entry>> = claim.query_async(connection).await?;
            for entry in claimed {
                let (id, fields) = entry.unwrap_or_else(|| (id.clone(), None));
                if let Some(id) = self.accept(connection, id, fields, deliveries + 1).await? {
                    return Ok(Some(id));
                }
            }
        }
        Ok(None)
    }

    /// The message, or `None` if it is a dead letter or deleted.
    async fn accept(
        &self,
        connection: &mut Connection,
        id: String,
        fields: Fields,
        delivery: u64,
    ) -> Result<Option<String>, Error> {
        let Some(fields) = fields else {
            self.removal(&mut pipe(), &id).exec_async(connection).await?;
            return Ok(None);
        };
        let is_hint = text(&fields).is_some_and(|text| Hint::read(text).is_some());
        let reason = match (is_hint, delivery > DELIVERIES.into()) {
            (false, _) => "is no hint",
            (true, true) => "was delivered too often",
            (true, false) => return Ok(Some(id)),
        };
        tracing::error!(message = id, reason, "message is a dead letter");
        let mut bury = pipe();
        bury.atomic().cmd("XADD").arg(&self.dead).arg("MAXLEN").arg("~").arg(DEAD).arg("*");
        bury.arg(&fields).arg("reason").arg(reason).ignore();
        match self.removal(&mut bury, &id).exec_async(connection).await {
            // The server is full. The message becomes a dead letter later, and does not hold up the others.
            Err(error) if error.kind() == redis::ServerErrorKind::ExecAbort.into() => Ok(None),
            result => result.map(|()| None),
        }
    }

    /// Keeps messages from other consumers. Those that are removed stay removed.
    pub(super) async fn keep(&self, mut connection: Connection, ids: &[&str]) -> Result<(), Error> {
        let mut claim = cmd("XCLAIM");
        claim.arg(&self.jobs).arg(GROUP).arg(&self.consumer).arg(0).arg(ids).arg("JUSTID");
        match claim.exec_async(&mut connection).await {
            Err(error) if is_without_group(&error) => Ok(()),
            result => result,
        }
    }

    pub(super) async fn remove(&self, mut connection: Connection, id: &str) -> Result<(), Error> {
        self.removal(&mut pipe(), id).exec_async(&mut connection).await
    }

    /// No transaction, because a full server refuses one. An entry that is deleted and still has an owner is removed by the
    /// next look for abandoned messages.
    fn removal<'a>(&self, commands: &'a mut Pipeline, id: &str) -> &'a mut Pipeline {
        commands.cmd("XDEL").arg(&self.jobs).arg(id).ignore();
        commands.cmd("XACK").arg(&self.jobs).arg(GROUP).arg(id).ignore()
    }

    /// Makes the messages of this consumer abandoned at once, and removes the consumer if it has none.
    pub(super) async fn leave(&self, mut connection: Connection) -> Result<(), Error> {
        let mut list = cmd("XPENDING");
        list.arg(&self.jobs).arg(GROUP).arg("-").arg("+").arg(HELD).arg(&self.consumer);
        let held: Vec<(String, Vec<u8>, u64, u64)> = match list.query_async(&mut connection).await {
            Err(error) if is_without_group(&error) => return Ok(()),
            result => result?,
        };
        if held.is_empty() {
            return self
                .delete_consumer(self.consumer.as_bytes())
                .exec_async(&mut connection)
                .await;
        }
        let ids: Vec<_> = held.into_iter().map(|(id, ..)| id).collect();
        let mut claim = cmd("XCLAIM");
        claim.arg(&self.jobs).arg(GROUP).arg(&self.consumer).arg(0).arg(ids);
        let idle = millis(self.time);
        claim.arg("IDLE").arg(idle).arg("JUSTID").exec_async(&mut connection).await
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Somebody has removed the stream or the group, perhaps during a wait.
fn is_without_group(error: &Error) -> bool {
    matches!(error.code(), Some("NOGROUP" | "UNBLOCKED"))
}

/// The text of a hint.
fn text(fields: &[Vec<u8>]) -> Option<&str> {
    let pair = fields.chunks_exact(2).find(|pair| pair[0] == FIELD.as_bytes())?;
    str::from_utf8(&pair[1]).ok()
}
