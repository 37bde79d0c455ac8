//! Who receives a message, and how often.

use super::{Engine, PATIENCE, SHORT, hints, next, none, until};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use tasks::broker::DELIVERIES;
use tokio::time::{Instant, sleep};

pub(super) async fn messages_are_received_once_each(engine: &mut dyn Engine) {
    let consumer = engine.connect();
    consumer.publish(&[]).await.unwrap();
    consumer.publish(&hints(25)).await.unwrap();
    consumer.publish(&hints(1)).await.unwrap();
    let mut names = HashSet::new();
    for _ in 0..26 {
        let message = next(&consumer, PATIENCE).await;
        assert!(names.insert(message.0.clone()), "{message:?} came twice");
        consumer.done(message).await.unwrap();
    }
    none(&consumer, SHORT).await;
    until!("the end of all messages", engine.stored().await == 0);
    assert!(engine.dead().await.is_empty());
    consumer.close().await;
}

pub(super) async fn empty_queue_is_waited_for(engine: &mut dyn Engine) {
    let consumer = engine.connect();
    none(&consumer, Duration::ZERO).await;
    let start = Instant::now();
    none(&consumer, Duration::from_secs(2)).await;
    let waited = start.elapsed();
    assert!((Duration::from_secs(1)..Duration::from_secs(3)).contains(&waited), "{waited:?}");
    let start = Instant::now();
    none(&consumer, Duration::ZERO).await;
    assert!(start.elapsed() < SHORT, "{:?}", start.elapsed());
    consumer.close().await;
}

pub(super) async fn message_wakes_a_consumer_that_waits(engine: &mut dyn Engine) {
    let (waiting, publisher) = (engine.connect(), engine.connect());
    none(&waiting, Duration::ZERO).await;
    let receive = tokio::spawn({
        let waiting = Arc::clone(&waiting);
        async move { (next(&waiting, PATIENCE).await, Instant::now()) }
    });
    sleep(SHORT).await;
    publisher.publish(&hints(1)).await.unwrap();
    let sent = Instant::now();
    let (message, received) = receive.await.unwrap();
    let late = received.saturating_duration_since(sent);
    assert!(late < SHORT, "{late:?}");
    waiting.done(message).await.unwrap();
    waiting.close().await;
    publisher.close().await;
}

pub(super) async fn message_of_a_lost_consumer_goes_to_another(engine: &mut dyn Engine) {
    let (lost, other) = (engine.connect(), engine.connect());
    other.publish(&hints(1)).await.unwrap();
    next(&lost, PATIENCE).await;
    assert_eq!(engine.stored().await, 1);
    none(&other, Duration::ZERO).await;
    engine.lose(lost).await;
    let message = next(&other, engine.time() + PATIENCE).await;
    other.done(message).await.unwrap();
    none(&other, engine.time() + SHORT).await;
    until!("the end of the message", engine.stored().await == 0);
    other.close().await;
}

pub(super) async fn message_that_is_not_extended_goes_to_another(engine: &mut dyn Engine) {
    let (slow, other) = (engine.connect(), engine.connect());
    other.publish(&hints(1)).await.unwrap();
    let held = next(&slow, PATIENCE).await;
    let message = next(&other, engine.time() + PATIENCE).await;
    other.done(message).await.unwrap();
    // The first consumer ends its job later. That is no error.
    slow.done(held).await.unwrap();
    until!("the end of the message", engine.stored().await == 0);
    slow.close().await;
    other.close().await;
}

pub(super) async fn extended_message_stays(engine: &mut dyn Engine) {
    let (holder, other) = (engine.connect(), engine.connect());
    holder.publish(&hints(3)).await.unwrap();
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(next(&holder, PATIENCE).await);
    }
    let start = Instant::now();
    while start.elapsed() < engine.time() * 3 {
        holder.extend(&held).await.unwrap();
        none(&other, engine.time() / 4).await;
    }
    holder.extend(&[]).await.unwrap();
    for message in held.clone() {
        holder.done(message).await.unwrap();
    }
    // They are gone, which is no error.
    holder.extend(&held).await.unwrap();
    none(&other, engine.time() + SHORT).await;
    until!("the end of all messages", engine.stored().await == 0);
    assert!(engine.dead().await.is_empty());
    holder.close().await;
    other.close().await;
}

pub(super) async fn closed_consumer_gives_its_messages_back(engine: &mut dyn Engine) {
    let (closed, other) = (engine.connect(), engine.connect());
    other.publish(&hints(2)).await.unwrap();
    for _ in 0..2 {
        next(&closed, PATIENCE).await;
    }
    closed.close().await;
    for _ in 0..2 {
        let message = next(&other, engine.time() + PATIENCE).await;
        other.done(message).await.unwrap();
    }
    until!("the end of all messages", engine.stored().await == 0);
    other.close().await;
}

pub(super) async fn message_without_an_end_becomes_a_dead_letter(engine: &mut dyn Engine) {
    let publisher = engine.connect();
    let hint = hints(1);
    publisher.publish(&hint).await.unwrap();
    for _ in 0..DELIVERIES {
        assert!(engine.dead().await.is_empty());
        let consumer = engine.connect();
        next(&consumer, engine.time() + PATIENCE).await;
        engine.lose(consumer).await;
    }
    let start = Instant::now();
    while engine.dead().await.is_empty() {
        assert!(start.elapsed() < engine.time() + PATIENCE, "no dead letter");
        none(&publisher, SHORT).await;
    }
    assert_eq!(engine.dead().await, [hint[0].text()]);
    assert_eq!(engine.stored().await, 0);
    publisher.close().await;
}

pub(super) async fn foreign_text_becomes_a_dead_letter(engine: &mut dyn Engine) {
    let consumer = engine.connect();
    engine.send("not a hint").await;
    consumer.publish(&hints(1)).await.unwrap();
    let message = next(&consumer, PATIENCE).await;
    consumer.done(message).await.unwrap();
    let limit = engine.time() * DELIVERIES + PATIENCE;
    let start = Instant::now();
    while engine.dead().await.is_empty() {
        assert!(start.elapsed() < limit, "no dead letter");
        none(&consumer, SHORT).await;
    }
    assert_eq!(engine.dead().await, ["not a hint"]);
    until!("an empty queue", engine.stored().await == 0);
    consumer.close().await;
}

pub(super) async fn consumers_share_messages(engine: &mut dyn Engine) {
    let consumers = [engine.connect(), engine.connect()];
    // Both are known to the engine before there is a message.
    for consumer in &consumers {
        none(consumer, Duration::ZERO).await;
    }
    consumers[0].publish(&hints(41)).await.unwrap();
    let held = next(&consumers[0], PATIENCE).await;
    let mut received = [0; 2];
    while received.iter().sum::<usize>() < 40 {
        for (consumer, count) in consumers.iter().zip(&mut received) {
            if let Some(message) = consumer.receive(Duration::from_millis(100)).await.unwrap() {
                consumer.done(message).await.unwrap();
                *count += 1;
            }
        }
        consumers[0].extend(std::slice::from_ref(&held)).await.unwrap();
    }
    assert!(received[0] > 0 && received[1] > 0, "{received:?}");
    until!("the end of the others", engine.stored().await == 1);
    consumers[0].done(held).await.unwrap();
    until!("the end of all messages", engine.stored().await == 0);
    for consumer in &consumers {
        consumer.close().await;
    }
}
