//! Redis.

use super::suite::{Engine, run};
use async_trait::async_trait;
use chassis::databases::Redis as Server;
use std::sync::Arc;
use std::time::Duration;
use tasks::broker::redis::Redis;
use tasks::broker::{Broker, Target};

const JOBS: &str = "tasks:jobs";
const DEAD: &str = "tasks:dead";

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
