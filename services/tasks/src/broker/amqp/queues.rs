//! The queues. They are made if they are missing, so that an operator can make them with other limits.

use super::super::DELIVERIES;
use super::link::Failure;
use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions as Options};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, Connection, ErrorKind, ExchangeKind};

/// The queue of messages.
pub(super) const JOBS: &str = "tasks.jobs";
/// The queue of dead letters, and its exchange.
const DEAD: &str = "tasks.dead";
/// The messages that the queue accepts. More of them wait in the database.
const MESSAGES: i32 = 100_000;
/// The dead letters that are kept. The oldest ones are removed.
const DEAD_LETTERS: i32 = 10_000;
const NOT_FOUND: u16 = 404;

/// A channel for queues that exist.
pub(super) async fn prepare(connection: &Connection) -> Result<Channel, Failure> {
    let channel = connection.create_channel().await?;
    match check(&channel).await {
        Ok(()) => return Ok(channel),
        Err(error) if !is_missing(&error) => return Err(error.into()),
        // The answer has closed the channel.
        Err(_) => {}
    }
    let channel = connection.create_channel().await?;
    make(&channel).await?;
    Ok(channel)
}

/// An error if the queue of messages is missing.
pub(super) async fn check(channel: &Channel) -> lapin::Result<()> {
    let options = Options { passive: true, durable: true, ..Default::default() };
    channel.queue_declare(JOBS.into(), options, FieldTable::default()).await.map(drop)
}

async fn make(channel: &Channel) -> lapin::Result<()> {
    let durable = ExchangeDeclareOptions { durable: true, ..Default::default() };
    let none = FieldTable::default();
    channel.exchange_declare(DEAD.into(), ExchangeKind::Fanout, durable, none.clone()).await?;
    let limits = [("x-max-length", AMQPValue::LongInt(DEAD_LETTERS))];
    make_queue(channel, DEAD, limits).await?;
    let bind = QueueBindOptions::default();
    channel.queue_bind(DEAD.into(), DEAD.into(), "".into(), bind, none).await?;
    make_queue(
        channel,
        JOBS,
        [
            // The deliveries after the first one.
            ("x-delivery-limit", AMQPValue::LongLongInt(i64::from(DELIVERIES) - 1)),
            ("x-dead-letter-exchange", AMQPValue::LongString(DEAD.into())),
            ("x-max-length", AMQPValue::LongInt(MESSAGES)),
            ("x-overflow", AMQPValue::LongString("reject-publish".into())),
        ],
    )
    .await
}

/// A quorum queue counts deliveries, and is the queue that `RabbitMQ` copies to other nodes.
async fn make_queue<const COUNT: usize>(
    channel: &Channel,
    name: &str,
    arguments: [(&str, AMQPValue); COUNT],
) -> lapin::Result<()> {
    let mut table = FieldTable::default();
    table.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
    for (argument, value) in arguments {
        table.insert(argument.into(), value);
    }
    let durable = Options { durable: true, ..Default::default() };
    channel.queue_declare(name.into(), durable, table).await.map(drop)
}

fn is_missing(error: &lapin::Error) -> bool {
    matches!(error.kind(), ErrorKind::ProtocolError(error) if error.get_id() == NOT_FOUND)
}
