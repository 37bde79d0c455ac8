//! `RabbitMQ`.

use super::suite::{Engine, hints, run};
use async_trait::async_trait;
use chassis::databases::{RabbitMq as Server, certificates, free_port};
use lapin::options::{BasicAckOptions, BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions};
use lapin::{BasicProperties, Connection, ConnectionProperties};
use std::fs;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tasks::broker::amqp::Amqp;
use tasks::broker::{Broker, Target};

const JOBS: &str = "tasks.jobs";
const DEAD: &str = "tasks.dead";
/// The messages that a consumer holds at once.
const SLOTS: u16 = 4;
/// Longer than a passing test waits.
const LONG: Duration = Duration::from_secs(30);

/// A server, and the dead letters that were read from it.
struct RabbitMq {
    server: Server,
    dead: Mutex<Vec<String>>,
    stops: u32,
}

impl RabbitMq {
    fn start() -> Self {
        Self { server: Server::start(&[], &[]), dead: Mutex::default(), stops: 0 }
    }

    /// Evaluates an expression with the queue `Q`. `None` if the queue is missing.
    fn with_queue(&self, queue: &str, expression: &str) -> Option<String> {
        let name = format!("rabbit_misc:r(<<\"tasks\">>, queue, <<\"{queue}\">>)");
        let call = format!(
            "case rabbit_amqqueue:lookup({name}) of {{ok, Q}} -> {expression}; _ -> missing end"
        );
        Some(self.server.call(&call)).filter(|answer| answer != "missing")
    }

    /// The number of messages in a queue, with those that consumers hold. After a restart, the log is read first.
    fn count(&self, queue: &str) -> usize {
        let query = "begin {ok, N, _} = ra:consistent_query(amqqueue:get_pid(Q), \
            fun rabbit_fifo:query_messages_total/1), N end";
        self.with_queue(queue, query).map_or(0, |count| count.parse().unwrap())
    }

    /// Limits the queue to a number of messages, on top of its own limit.
    fn limit(&self, count: usize) {
        let answer = self.server.call(&format!(
            "rabbit_policy:parse_set(<<\"tasks\">>, <<\"limit\">>, <<\"^tasks.jobs$\">>, \
            <<\"{{\\\"max-length\\\":{count}}}\">>, 0, <<\"queues\">>, <<\"test\">>)"
        ));
        assert_eq!(answer, "ok");
    }

    async fn channel(&self) -> (Connection, lapin::Channel) {
        let properties = ConnectionProperties::default();
        let connection = Connection::connect(&self.server.url(), properties).await.unwrap();
        let channel = connection.create_channel().await.unwrap();
        (connection, channel)
    }
}

#[async_trait]
impl Engine for RabbitMq {
    fn name(&self) -> &'static str {
        "RabbitMQ"
    }

    fn connect(&self) -> Arc<dyn Broker> {
        Arc::new(Amqp::new(&Target::parse(&self.server.url()).unwrap(), SLOTS))
    }

    fn time(&self) -> Duration {
        Duration::from_secs(2)
    }

    async fn lose(&self, consumer: Arc<dyn Broker>) {
        drop(consumer);
    }

    /// In order, and every second time at once.
    async fn stop(&mut self) {
        self.stops += 1;
        if self.stops % 2 == 1 { self.server.stop() } else { self.server.crash() }
    }

    async fn start_again(&mut self) {
        if self.server.is_started() {
            self.server.signal("-CONT");
        } else {
            self.server.start_again();
        }
    }

    async fn pause(&mut self) {
        self.server.signal("-STOP");
    }

    async fn purge(&self) {
        for queue in [JOBS, DEAD] {
            self.with_queue(queue, "rabbit_amqqueue:purge(Q)");
        }
        self.dead.lock().unwrap().clear();
    }

    async fn send(&self, text: &str) {
        let (connection, channel) = self.channel().await;
        channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
        let options = BasicPublishOptions { mandatory: true, ..Default::default() };
        let properties = BasicProperties::default();
        let confirm = channel
            .basic_publish("".into(), JOBS.into(), options, text.as_bytes(), properties)
            .await
            .unwrap();
        assert!(confirm.await.unwrap().is_ack());
        connection.close(200, "OK".into()).await.unwrap();
    }

    async fn stored(&self) -> usize {
        self.count(JOBS)
    }

    /// Reads those that are new, and removes them.
    async fn dead(&self) -> Vec<String> {
        if self.count(DEAD) > 0 {
            let (connection, channel) = self.channel().await;
            let options = BasicGetOptions::default();
            while let Some(message) = channel.basic_get(DEAD.into(), options).await.unwrap() {
                let text = String::from_utf8(message.delivery.data.clone()).unwrap();
                self.dead.lock().unwrap().push(text);
                message.delivery.ack(BasicAckOptions::default()).await.unwrap();
            }
            connection.close(200, "OK".into()).await.unwrap();
        }
        self.dead.lock().unwrap().clone()
    }

    async fn fill(&mut self) {
        self.limit(self.count(JOBS));
    }

    async fn make_room(&mut self) {
        self.limit(1_000_000);
    }

    fn exception(&self, case: &str) -> Option<&'static str> {
        match case {
            "message_that_is_not_extended_goes_to_another" => {
                Some("a message belongs to its connection")
            }
            "purged_queue_loses_only_messages" => {
                Some("a purge keeps the messages that consumers hold")
            }
            _ => None,
        }
    }
}

/// A case blocks its thread while it starts or stops the server. Connections notice it in the other thread.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn cases_on_rabbitmq() {
    if Server::can_start("amqp::cases_on_rabbitmq") {
        run(&mut RabbitMq::start()).await;
    }
}

/// A purge keeps the messages that consumers hold, so there is no consumer here.
#[tokio::test]
async fn purged_queue_loses_only_messages() {
    if !Server::can_start("amqp::purged_queue_loses_only_messages") {
        return;
    }
    let engine = RabbitMq::start();
    let broker = engine.connect();
    broker.publish(&hints(10)).await.unwrap();
    assert_eq!(engine.stored().await, 10);
    engine.purge().await;
    assert_eq!(engine.stored().await, 0);
    broker.publish(&hints(3)).await.unwrap();
    for _ in 0..3 {
        let message = broker.receive(LONG).await.unwrap().expect("a message comes in time");
        broker.done(message).await.unwrap();
    }
    assert_eq!(broker.receive(Duration::ZERO).await.unwrap(), None);
    // A queue that an operator removes is made again.
    engine.with_queue(JOBS, "rabbit_amqqueue:delete(Q, false, false, <<\"test\">>)").unwrap();
    let error = broker.publish(&hints(1)).await.unwrap_err().to_string();
    assert_eq!(error, "the broker is away: the queue is missing");
    broker.publish(&hints(1)).await.unwrap();
    assert_eq!(engine.stored().await, 1);
    let start = Instant::now();
    while broker.receive(Duration::ZERO).await.ok().flatten().is_none() {
        assert!(start.elapsed() < LONG, "no message");
    }
    broker.close().await;
    let error = broker.publish(&hints(1)).await.unwrap_err().to_string();
    assert_eq!(error, "the broker is away: the connection is closed");
}

/// The log of the server has the same for a wrong password, so the text may have it too.
#[tokio::test]
async fn wrong_password_and_virtual_host_are_errors_without_a_secret() {
    if !Server::can_start("amqp::wrong_password_and_virtual_host_are_errors_without_a_secret") {
        return;
    }
    let engine = RabbitMq::start();
    let url = engine.server.url();
    for (url, says) in [
        (url.replace("secret-word", "secret-wrong"), "ACCESS_REFUSED"),
        (format!("{url}-other"), "NOT_ALLOWED"),
    ] {
        let broker = Amqp::new(&Target::parse(&url).unwrap(), SLOTS);
        let error = broker.publish(&hints(1)).await.unwrap_err().to_string();
        assert!(error.contains(says) && !error.contains("secret-w"), "{error}");
        let shown = format!("{broker:?}");
        assert!(!shown.contains("secret"), "{shown}");
    }
}

#[tokio::test]
async fn only_a_verified_server_is_used() {
    if !Server::can_start("amqp::only_a_verified_server_is_used") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path());
    let text = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    let (certificate, key) = (text("server.crt"), text("server.key"));
    let port = free_port();
    let listener = format!("listeners.ssl.1 = 127.0.0.1:{port}");
    let settings = [
        &*listener,
        "ssl_options.certfile = FOLDER/server.crt",
        "ssl_options.keyfile = FOLDER/server.key",
    ];
    let files = [("server.crt", &*certificate), ("server.key", &*key)];
    let _server = Server::start(&settings, &files);
    let trusted = format!("?sslrootcert={}/ca.pem", folder.path().display());
    for (host, parameters, says) in [
        ("localhost", &*trusted, None),
        ("localhost", "", Some("certificate")),
        ("127.0.0.1", &trusted, Some("certificate")),
        ("localhost", "?sslrootcert=/missing.pem", Some("/missing.pem")),
    ] {
        let url = format!("amqps://tasks:secret-word@{host}:{port}/tasks{parameters}");
        let broker = Amqp::new(&Target::parse(&url).unwrap(), SLOTS);
        let result = broker.publish(&hints(1)).await.map_err(|error| error.to_string());
        match says {
            None => assert_eq!(result, Ok(())),
            Some(says) => assert!(result.as_ref().unwrap_err().contains(says), "{result:?}"),
        }
    }
}
