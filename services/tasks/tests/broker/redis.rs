//! Redis.

use super::suite::{Engine, run};
use async_trait::async_trait;
use chassis::databases::{Redis as Server, certificates, free_port};
use std::sync::Arc;
use std::time::Duration;
use tasks::broker::redis::Redis;
use tasks::broker::{Broker, BrokerError, DELIVERIES, Target};
use tasks::model::hint::Hint;
use tasks::model::task::TaskId;
use tasks::model::user::UserId;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

const JOBS: &str = "tasks:jobs";
const DEAD: &str = "tasks:dead";
/// Longer than the time of a message in these tests.
const PAUSE: Duration = Duration::from_millis(100);

#[async_trait]
impl Engine for Server {
    fn name(&self) -> &'static str {
        "Redis"
    }

    fn connect(&self) -> Arc<dyn Broker> {
        Arc::new(Redis::with_time(&Target::parse(&self.url()).unwrap(), self.time()))
    }

    fn time(&self) -> Duration {
        Duration::from_secs(2)
    }

    async fn lose(&self, consumer: Arc<dyn Broker>) {
        drop(consumer);
    }

    async fn stop(&mut self) {
        Server::stop(self);
    }

    async fn start_again(&mut self) {
        if self.is_started() {
            self.signal("-CONT");
        } else {
            Server::start_again(self);
        }
    }

    async fn pause(&mut self) {
        self.signal("-STOP");
    }

    async fn purge(&self) {
        assert_eq!(self.call(&["FLUSHALL"]), "OK");
    }

    async fn send(&self, text: &str) {
        let _ = self.call(&["XADD", JOBS, "*", "hint", text]);
    }

    async fn stored(&self) -> usize {
        self.call(&["XLEN", JOBS]).parse().unwrap()
    }

    async fn dead(&self) -> Vec<String> {
        let answer = self.call(&["XRANGE", DEAD, "-", "+"]);
        let lines: Vec<_> = answer.lines().collect();
        let hints = lines.windows(2).filter(|pair| pair[0] == "hint");
        hints.map(|pair| pair[1].to_owned()).collect()
    }

    async fn fill(&mut self) {
        assert_eq!(self.call(&["CONFIG", "SET", "maxmemory", "1"]), "OK");
    }

    async fn make_room(&mut self) {
        assert_eq!(self.call(&["CONFIG", "SET", "maxmemory", "0"]), "OK");
    }

    fn exception(&self, _: &str) -> Option<&'static str> {
        None
    }
}

#[tokio::test]
async fn cases_on_redis() {
    if Server::can_start("redis::cases_on_redis") {
        run(&mut Server::start(&[])).await;
    }
}

#[tokio::test]
async fn only_a_verified_server_is_used() {
    if !Server::can_start("redis::only_a_verified_server_is_used") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path());
    let file = |name| folder.path().join(name).display().to_string();
    let (certificate, key, authority) = (file("server.crt"), file("server.key"), file("ca.pem"));
    let port = free_port().to_string();
    let files = ["--tls-cert-file", &certificate, "--tls-key-file", &key];
    let mut settings = vec!["--tls-port", &port, "--tls-auth-clients", "no"];
    settings.extend(files);
    let server = Server::start(&settings);
    assert_eq!(
        server.call(&["ACL", "SETUSER", "tasks", "on", ">secret-word", "~*", "+@all"]),
        "OK"
    );
    let trusted = format!("sslrootcert={authority}");
    for (user, host, parameters, says) in [
        ("tasks:secret-word", "localhost", &*trusted, None),
        ("tasks:secret-word", "localhost", "prefix=blue", Some("certificate")),
        ("tasks:secret-word", "127.0.0.1", &trusted, Some("certificate")),
        ("tasks:secret-wrong", "localhost", &trusted, Some("authentication failed")),
    ] {
        let url = format!("rediss://{user}@{host}:{port}/?{parameters}");
        let broker = Redis::new(&Target::parse(&url).unwrap());
        let shown = format!("{broker:?}");
        assert!(!shown.contains("secret"), "{shown}");
        let (result, is_accepted) = (broker.receive(Duration::ZERO).await, says.is_none());
        assert_eq!(result.is_ok(), is_accepted, "{host} {parameters}: {result:?}");
        if let (Err(BrokerError(text)), Some(says)) = (result, says) {
            assert!(text.contains(says) && !text.contains("secret"), "{host} {parameters}: {text}");
        }
    }
}

#[tokio::test]
async fn prefixes_and_databases_separate_environments() {
    if !Server::can_start("redis::prefixes_and_databases_separate_environments") {
        return;
    }
    let server = Server::start(&[]);
    let parts = ["", "/1", "/?prefix=blue", "/1?prefix=blue"];
    let connect = |part| Redis::new(&Target::parse(&format!("{}{part}", server.url())).unwrap());
    let brokers = parts.map(connect);
    let hint = Hint { task: TaskId(Uuid::now_v7()), user: UserId(Uuid::now_v7()) };
    for (count, broker) in brokers.iter().enumerate() {
        broker.publish(&vec![hint; count]).await.unwrap();
    }
    for (count, broker) in brokers.iter().enumerate() {
        for _ in 0..count {
            let message = broker.receive(Duration::ZERO).await.unwrap().unwrap();
            broker.done(message).await.unwrap();
        }
        assert_eq!(broker.receive(Duration::ZERO).await.unwrap(), None, "{}", parts[count]);
    }
}

#[tokio::test]
async fn entries_of_others_do_not_hold_up_the_queue() {
    if !Server::can_start("redis::entries_of_others_do_not_hold_up_the_queue") {
        return;
    }
    let server = Server::start(&[]);
    let broker = Redis::new(&Target::parse(&server.url()).unwrap());
    // Lua writes a byte as its number.
    for fields in [r"'\255', '\254'", "'hint', ''", r"'hint', '\255'", "'a', 'b', 'c', 'd'"] {
        let script = format!("return redis.call('XADD', '{JOBS}', '*', {fields})");
        let _ = server.call(&["EVAL", &script, "0"]);
    }
    let hint = Hint { task: TaskId(Uuid::now_v7()), user: UserId(Uuid::now_v7()) };
    broker.publish(&[hint]).await.unwrap();
    // Each call looks at one entry, and at no more entries than there are.
    let mut received = None;
    for _ in 0..5 {
        received = broker.receive(Duration::ZERO).await.unwrap();
    }
    broker.done(received.unwrap()).await.unwrap();
    assert_eq!(server.call(&["XLEN", JOBS]), "0");
    assert_eq!(server.call(&["XLEN", DEAD]), "4");
    // Those that are gone have no owner.
    let pending = server.call(&["XPENDING", JOBS, "workers"]);
    assert_eq!(pending.lines().next(), Some("0"), "{pending}");
}

#[tokio::test]
async fn consumer_that_is_gone_is_removed_unless_it_has_messages() {
    if !Server::can_start("redis::consumer_that_is_gone_is_removed_unless_it_has_messages") {
        return;
    }
    let server = Server::start(&[]);
    let connect = || {
        let target = Target::parse(&server.url()).unwrap();
        Redis::with_time(&target, Duration::from_millis(10))
    };
    let hint = Hint { task: TaskId(Uuid::now_v7()), user: UserId(Uuid::now_v7()) };
    let (holder, idle) = (connect(), connect());
    idle.publish(&[hint]).await.unwrap();
    let message = idle.receive(Duration::ZERO).await.unwrap().unwrap();
    idle.done(message).await.unwrap();
    holder.publish(&[hint]).await.unwrap();
    let held = holder.receive(Duration::ZERO).await.unwrap();
    assert!(held.is_some());
    drop((holder, idle));
    // The values follow their names.
    let values = |name: &str| {
        let answer = server.call(&["XINFO", "CONSUMERS", JOBS, "workers"]);
        let lines: Vec<_> = answer.lines().map(str::to_owned).collect();
        let pairs = lines.windows(2).filter(|pair| pair[0] == name);
        pairs.map(|pair| pair[1].parse().unwrap()).collect::<Vec<u64>>()
    };
    assert_eq!(values("pending").len(), 2);
    let start = Instant::now();
    while values("idle").iter().any(|idle| *idle <= 1000) {
        assert!(start.elapsed() < Duration::from_secs(30), "{:?}", values("idle"));
        sleep(Duration::from_millis(50)).await;
    }
    let other = connect();
    assert_eq!(other.receive(Duration::ZERO).await.unwrap(), held);
    let mut pending = values("pending");
    pending.sort_unstable();
    assert_eq!(pending, [0, 1], "the holder, whose message has gone, and the new consumer");
}

/// The list of docs/tasks.md.
#[tokio::test]
async fn user_needs_only_the_documented_commands() {
    if !Server::can_start("redis::user_needs_only_the_documented_commands") {
        return;
    }
    let server = Server::start(&[]);
    let mut user = vec!["ACL", "SETUSER", "tasks", "on", ">secret-word", "~blue:tasks:*", "-@all"];
    user.extend(["+xadd", "+xreadgroup", "+xack", "+xdel", "+xclaim", "+xpending", "+xgroup"]);
    user.extend(["+xinfo", "+multi", "+exec", "+select", "+client"]);
    assert_eq!(server.call(&user), "OK");
    let url = server.url().replace("//", "//tasks:secret-word@") + "/1?prefix=blue";
    let broker = Redis::with_time(&Target::parse(&url).unwrap(), Duration::from_millis(10));
    let hint = Hint { task: TaskId(Uuid::now_v7()), user: UserId(Uuid::now_v7()) };
    broker.publish(&[hint; 2]).await.unwrap();
    let message = broker.receive(Duration::ZERO).await.unwrap().unwrap();
    broker.extend(std::slice::from_ref(&message)).await.unwrap();
    broker.done(message).await.unwrap();
    // The other one becomes a dead letter.
    let mut deliveries = 0;
    while server.call(&["-n", "1", "XLEN", "blue:tasks:dead"]) == "0" {
        deliveries += u32::from(broker.receive(PAUSE).await.unwrap().is_some());
        assert!(deliveries <= DELIVERIES);
    }
    assert_eq!(deliveries, DELIVERIES);
    broker.publish(&[hint]).await.unwrap();
    assert!(broker.receive(PAUSE).await.unwrap().is_some());
    broker.close().await;
    let pending = server.call(&["-n", "1", "XPENDING", "blue:tasks:jobs", "workers"]);
    assert_eq!(pending.lines().next(), Some("1"), "{pending}");
}
