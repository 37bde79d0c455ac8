//! Amazon SQS, emulated by moto.

mod requests;

use super::suite::{self, Engine};
use async_trait::async_trait;
use chassis::databases::Sqs as Server;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tasks::broker::sqs::Sqs;
use tasks::broker::{Broker, DELIVERIES, Message, Target};
use tasks::model::hint::Hint;
use tasks::model::task::TaskId;
use tasks::model::user::UserId;
use uuid::Uuid;

const QUEUE: &str = "tasks";
const DEAD: &str = "tasks-dead";
/// The time that the consumers hold a message.
const HELD: Duration = Duration::from_secs(4);

struct Moto(Server);

impl Moto {
    fn start() -> Self {
        let server = Server::start();
        server.create(QUEUE, DELIVERIES);
        Self(server)
    }

    fn consumer(&self) -> Sqs {
        Sqs::holding(&Target::parse(&self.0.url(QUEUE)).unwrap(), HELD)
    }
}

#[async_trait]
impl Engine for Moto {
    fn name(&self) -> &'static str {
        "sqs"
    }

    fn connect(&self) -> Arc<dyn Broker> {
        Arc::new(self.consumer())
    }

    fn time(&self) -> Duration {
        HELD
    }

    async fn lose(&self, consumer: Arc<dyn Broker>) {
        drop(consumer);
    }

    async fn stop(&mut self) {
        self.0.gate.close();
    }

    async fn start_again(&mut self) {
        self.0.gate.close();
        self.0.gate.open_again();
    }

    async fn pause(&mut self) {
        self.0.gate.silence();
    }

    async fn purge(&self) {
        for queue in [QUEUE, DEAD] {
            self.0.tell("PurgeQueue", queue, json!({}));
        }
    }

    async fn send(&self, text: &str) {
        self.0.tell("SendMessage", QUEUE, json!({ "MessageBody": text }));
    }

    async fn stored(&self) -> usize {
        let names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"];
        let answer = self.0.ask("GetQueueAttributes", QUEUE, json!({ "AttributeNames": names }));
        let number = |name| answer["Attributes"][name].as_str().unwrap().parse::<usize>().unwrap();
        names.map(number).iter().sum()
    }

    async fn dead(&self) -> Vec<String> {
        let fields = json!({ "MaxNumberOfMessages": 10, "VisibilityTimeout": 0 });
        let answer = self.0.ask("ReceiveMessage", DEAD, fields);
        let messages = answer["Messages"].as_array().into_iter().flatten();
        messages.map(|message| message["Body"].as_str().unwrap().to_owned()).collect()
    }

    async fn fill(&mut self) {
        unreachable!("the case is an exception");
    }

    async fn make_room(&mut self) {
        unreachable!("the case is an exception");
    }

    fn exception(&self, case: &str) -> Option<&'static str> {
        (case == "full_engine_refuses").then_some("a queue of SQS has no limit of messages")
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqs_passes_the_cases() {
    if Server::can_start("sqs::sqs_passes_the_cases") {
        suite::run(&mut Moto::start()).await;
    }
}

fn hint() -> Hint {
    Hint { task: TaskId(Uuid::now_v7()), user: UserId(Uuid::now_v7()) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn group_of_a_message_is_its_user() {
    if !Server::can_start("sqs::group_of_a_message_is_its_user") {
        return;
    }
    let engine = Moto::start();
    let hint = hint();
    engine.consumer().publish(&[hint]).await.unwrap();
    let names = json!({ "MessageSystemAttributeNames": ["MessageGroupId"] });
    let answer = engine.0.ask("ReceiveMessage", QUEUE, names);
    let message = &answer["Messages"][0];
    assert_eq!(message["Attributes"]["MessageGroupId"], hint.user.0.to_string());
    assert_eq!(message["Body"], hint.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queue_without_redrive_policy_does_not_deliver_foreign_text_without_end() {
    if !Server::can_start(
        "sqs::queue_without_redrive_policy_does_not_deliver_foreign_text_without_end",
    ) {
        return;
    }
    let engine = Moto::start();
    engine.0.tell("SetQueueAttributes", QUEUE, json!({ "Attributes": { "RedrivePolicy": "" } }));
    engine.send("not a hint").await;
    let consumer = engine.consumer();
    // One receipt each, until the text stays hidden.
    let mut receipts = 0;
    loop {
        assert_eq!(consumer.receive(Duration::ZERO).await.unwrap(), None);
        let count = json!({ "AttributeNames": ["ApproximateNumberOfMessagesNotVisible"] });
        let answer = engine.0.ask("GetQueueAttributes", QUEUE, count);
        receipts += 1;
        if answer["Attributes"]["ApproximateNumberOfMessagesNotVisible"] == "1" {
            break;
        }
    }
    assert_eq!(receipts, DELIVERIES + 1);
    assert_eq!((engine.stored().await, engine.dead().await.len()), (1, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn absent_queue_is_an_error() {
    if !Server::can_start("sqs::absent_queue_is_an_error") {
        return;
    }
    let server = Server::start();
    let broker = Sqs::new(&Target::parse(&server.url("absent")).unwrap());
    for error in [
        broker.publish(&[hint()]).await.unwrap_err(),
        broker.receive(Duration::ZERO).await.unwrap_err(),
        broker.extend(&[Message("handle".into())]).await.unwrap_err(),
        broker.done(Message("handle".into())).await.unwrap_err(),
    ] {
        assert!(error.to_string().contains("NonExistentQueue"), "{error}");
    }
}
