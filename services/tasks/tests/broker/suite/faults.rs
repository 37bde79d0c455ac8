//! The faults of an engine, and calls that are cut off.

use super::{BOUND, Engine, PATIENCE, SHORT, hints, next, none, until};
use std::sync::Arc;
use std::time::Duration;
use tasks::broker::{Broker, BrokerError, Message};
use tokio::time::{Instant, timeout};

/// Receives and ends this number of messages, and no more.
async fn drain(consumer: &Arc<dyn Broker>, count: usize, limit: Duration) {
    for _ in 0..count {
        let message = next(consumer, limit).await;
        consumer.done(message).await.unwrap();
    }
    none(consumer, SHORT).await;
}

/// A call must end in time, with or without an error.
async fn in_time<T>(
    call: &str,
    future: impl Future<Output = Result<T, BrokerError>>,
) -> Result<T, BrokerError> {
    let result = timeout(BOUND, future).await;
    result.unwrap_or_else(|_| panic!("{call} takes longer than {BOUND:?}"))
}

/// Each call on an engine that is away. They run at the same time, because each one can take some seconds.
async fn calls_end(consumer: &Arc<dyn Broker>, held: &Message) {
    let new = hints(3);
    let (published, received, extended, done) = tokio::join!(
        in_time("publish", consumer.publish(&new)),
        in_time("receive", consumer.receive(SHORT)),
        in_time("extend", consumer.extend(std::slice::from_ref(held))),
        in_time("done", consumer.done(held.clone())),
    );
    // An engine can know without its server that these two have nothing to do.
    drop((extended, done));
    received.unwrap_err();
    in_time("receive", consumer.receive(Duration::ZERO)).await.unwrap_err();
    let error = published.unwrap_err().to_string();
    assert!(error.starts_with("the broker is away: ") && error.len() < 300, "{error}");
}

/// Both directions work again, without a new consumer.
async fn works_again(consumer: &Arc<dyn Broker>) {
    until!("a message that is accepted", consumer.publish(&hints(1)).await.is_ok());
    let start = Instant::now();
    loop {
        if let Ok(Some(message)) = consumer.receive(SHORT).await {
            break consumer.done(message).await.unwrap();
        }
        assert!(start.elapsed() < PATIENCE, "no message");
    }
}

/// Ends all messages that remain, and counts them. After a failure, the engine can have some of those that were refused. A
/// first call on an old connection may fail.
async fn clean(engine: &dyn Engine, consumer: &Arc<dyn Broker>) -> usize {
    let mut ended = 0;
    until!("an empty queue", {
        if let Ok(Some(message)) = consumer.receive(SHORT).await {
            ended += usize::from(consumer.done(message).await.is_ok());
        }
        engine.stored().await == 0
    });
    ended
}

pub(super) async fn cancelled_receive_loses_nothing(engine: &mut dyn Engine) {
    let (consumer, publisher) = (engine.connect(), engine.connect());
    for _ in 0..3 {
        let wait = timeout(Duration::from_millis(50), consumer.receive(PATIENCE));
        assert!(wait.await.is_err(), "there is no message yet");
    }
    let (mut received, mut cancelled) = (0, 0);
    for _ in 0..40 {
        let message = hints(1);
        let mut publish = publisher.publish(&message);
        // The wait is cut off while its message arrives.
        tokio::select! {
            message = consumer.receive(PATIENCE) => {
                publish.await.unwrap();
                consumer.done(message.unwrap().unwrap()).await.unwrap();
                received += 1;
            }
            result = &mut publish => {
                result.unwrap();
                cancelled += 1;
            }
        }
    }
    assert!(cancelled > 0, "no call was cut off");
    while received < 40 {
        let message = next(&consumer, engine.time() + PATIENCE).await;
        consumer.done(message).await.unwrap();
        received += 1;
    }
    none(&consumer, engine.time() + SHORT).await;
    until!("the end of all messages", engine.stored().await == 0);
    assert!(engine.dead().await.is_empty());
    consumer.close().await;
    publisher.close().await;
}

pub(super) async fn purged_queue_loses_only_messages(engine: &mut dyn Engine) {
    let consumer = engine.connect();
    none(&consumer, Duration::ZERO).await;
    consumer.publish(&hints(10)).await.unwrap();
    until!("the messages", engine.stored().await == 10);
    engine.purge().await;
    none(&consumer, SHORT).await;
    consumer.publish(&hints(3)).await.unwrap();
    drain(&consumer, 3, PATIENCE).await;
    consumer.close().await;
}

pub(super) async fn full_engine_refuses(engine: &mut dyn Engine) {
    let consumer = engine.connect();
    none(&consumer, Duration::ZERO).await;
    consumer.publish(&hints(5)).await.unwrap();
    engine.fill().await;
    // A publisher goes on until it is refused.
    let mut confirmed = 5;
    let start = Instant::now();
    while in_time("publish", consumer.publish(&hints(1))).await.is_ok() {
        confirmed += 1;
        assert!(start.elapsed() < PATIENCE, "the engine is never full");
    }
    in_time("publish", consumer.publish(&hints(100))).await.unwrap_err();
    // Stored messages can still be received and removed.
    let message = next(&consumer, PATIENCE).await;
    consumer.extend(std::slice::from_ref(&message)).await.unwrap();
    consumer.done(message).await.unwrap();
    engine.make_room().await;
    until!("a message that is accepted", consumer.publish(&hints(1)).await.is_ok());
    for _ in 0..confirmed {
        let message = next(&consumer, PATIENCE).await;
        consumer.done(message).await.unwrap();
    }
    clean(engine, &consumer).await;
    consumer.close().await;
}

pub(super) async fn stopped_engine_is_an_error_until_it_is_back(engine: &mut dyn Engine) {
    let consumer = engine.connect();
    consumer.publish(&hints(1)).await.unwrap();
    let held = next(&consumer, PATIENCE).await;
    engine.stop().await;
    // A process can also start while the engine is away.
    let late = engine.connect();
    tokio::join!(calls_end(&consumer, &held), calls_end(&late, &held));
    engine.start_again().await;
    works_again(&consumer).await;
    // A consumer can hold messages before it is asked for them.
    consumer.close().await;
    works_again(&late).await;
    clean(engine, &late).await;
    late.close().await;
}

pub(super) async fn silent_engine_is_an_error_in_time(engine: &mut dyn Engine) {
    let consumer = engine.connect();
    consumer.publish(&hints(1)).await.unwrap();
    let held = next(&consumer, PATIENCE).await;
    engine.pause().await;
    let late = engine.connect();
    tokio::join!(calls_end(&consumer, &held), calls_end(&late, &held));
    assert!(timeout(BOUND, late.close()).await.is_ok(), "close takes longer than {BOUND:?}");
    engine.start_again().await;
    works_again(&consumer).await;
    clean(engine, &consumer).await;
    consumer.close().await;
}

pub(super) async fn messages_survive_a_restart(engine: &mut dyn Engine) {
    let consumer = engine.connect();
    consumer.publish(&hints(7)).await.unwrap();
    next(&consumer, PATIENCE).await;
    engine.stop().await;
    engine.start_again().await;
    let mut first;
    until!("an engine that answers", {
        first = consumer.receive(Duration::ZERO).await;
        first.is_ok()
    });
    assert_eq!(engine.stored().await, 7);
    let mut ended = 0;
    if let Some(message) = first.unwrap() {
        consumer.done(message).await.unwrap();
        ended += 1;
    }
    assert_eq!(ended + clean(engine, &consumer).await, 7);
    consumer.close().await;
}
