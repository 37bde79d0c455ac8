//! The cases that each broker must pass.

mod delivery;
mod faults;

use async_trait::async_trait;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tasks::broker::{Broker, Message};
use tasks::model::hint::Hint;
use tasks::model::task::TaskId;
use tasks::model::user::UserId;
use tokio::time::Instant;
use uuid::Uuid;

/// Long enough for a busy machine. A passing case never waits this long.
const PATIENCE: Duration = Duration::from_secs(30);
/// The longest time of an operation.
const BOUND: Duration = Duration::from_secs(6);
/// A wait for a message that must not come.
const SHORT: Duration = Duration::from_secs(1);

/// A running engine, and what a case does to it without the broker under test.
#[async_trait]
pub(crate) trait Engine: Send {
    /// Its name, for messages.
    fn name(&self) -> &'static str;
    /// A new consumer with connections of its own, as another process has.
    fn connect(&self) -> Arc<dyn Broker>;
    /// The time after which a message that is not done goes to another consumer, if its consumer is lost. Some seconds.
    fn time(&self) -> Duration;
    /// Ends a consumer as `SIGKILL` does: nothing is given back.
    async fn lose(&self, consumer: Arc<dyn Broker>);
    /// Stops the engine. Its ports refuse connections.
    async fn stop(&mut self);
    /// Starts the engine again, with its data and on the same ports. Also after [`Engine::pause`].
    async fn start_again(&mut self);
    /// Makes the engine accept connections without any answer.
    async fn pause(&mut self);
    /// Removes all messages and all dead letters. Consumers stay.
    async fn purge(&self);
    /// Stores a message with any text.
    async fn send(&self, text: &str);
    /// The number of messages, with those that consumers hold and without dead letters.
    async fn stored(&self) -> usize;
    /// The texts of the dead letters.
    async fn dead(&self) -> Vec<String>;
    /// Makes the engine so full that it refuses a message.
    async fn fill(&mut self);
    /// Makes room again. No message of a consumer is removed.
    async fn make_room(&mut self);
    /// Why a case cannot hold on this engine.
    fn exception(&self, case: &str) -> Option<&'static str>;
}

type Case = for<'a> fn(&'a mut dyn Engine) -> Pin<Box<dyn Future<Output = ()> + 'a>>;

/// Lists cases with their names.
macro_rules! cases {
    ($($group:ident::$name:ident,)+) => {
        &[$((stringify!($name), |engine| Box::pin($group::$name(engine)))),+]
    };
}

const CASES: &[(&str, Case)] = cases![
    delivery::messages_are_received_once_each,
    delivery::empty_queue_is_waited_for,
    delivery::message_wakes_a_consumer_that_waits,
    delivery::message_of_a_lost_consumer_goes_to_another,
    delivery::message_that_is_not_extended_goes_to_another,
    delivery::extended_message_stays,
    delivery::closed_consumer_gives_its_messages_back,
    delivery::message_without_an_end_becomes_a_dead_letter,
    delivery::foreign_text_becomes_a_dead_letter,
    delivery::consumers_share_messages,
    faults::cancelled_receive_loses_nothing,
    faults::purged_queue_loses_only_messages,
    faults::full_engine_refuses,
    faults::stopped_engine_is_an_error_until_it_is_back,
    faults::silent_engine_is_an_error_in_time,
    faults::messages_survive_a_restart,
];

/// Runs all cases on one engine and prints their number.
pub(crate) async fn run(engine: &mut dyn Engine) {
    let mut passed = 0;
    for (name, case) in CASES {
        if let Some(reason) = engine.exception(name) {
            println!("{}: {name} cannot hold: {reason}", engine.name());
            continue;
        }
        // Names the case that fails.
        println!("{}: {name}", engine.name());
        let start = Instant::now();
        engine.purge().await;
        case(engine).await;
        println!("{}: {name} passed in {:?}", engine.name(), start.elapsed());
        passed += 1;
    }
    assert!(passed >= 10, "too many exceptions: {passed} cases passed");
    println!("{}: {passed} cases passed", engine.name());
}

pub(crate) fn hints(count: usize) -> Vec<Hint> {
    let hint = |_| Hint { task: TaskId(Uuid::now_v7()), user: UserId(Uuid::now_v7()) };
    (0..count).map(hint).collect()
}

/// Waits until a condition holds.
macro_rules! until {
    ($what:expr, $condition:expr) => {
        let start = tokio::time::Instant::now();
        while !$condition {
            assert!(start.elapsed() < PATIENCE, "waited {PATIENCE:?} for {}", $what);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
}
use until;

/// The next message, which must come.
async fn next(consumer: &Arc<dyn Broker>, limit: Duration) -> Message {
    consumer.receive(limit).await.unwrap().expect("a message comes in time")
}

async fn none(consumer: &Arc<dyn Broker>, wait: Duration) {
    assert_eq!(consumer.receive(wait).await.unwrap(), None);
}
