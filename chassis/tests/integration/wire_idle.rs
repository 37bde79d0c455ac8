//! Idle in-memory connections: which are closed, and when.

use crate::support::ready_app;
use crate::wire::{limits, quote_request, start};
use crate::wire_drain::Slow;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep};

#[tokio::test(start_paused = true)]
async fn idle_connection_closes_exactly_at_timeout() {
    let server = start(ready_app(), limits());
    let mut client = server.connect();
    client.send(quote_request()).await;
    client.response().await;
    let begun = Instant::now();
    sleep(Duration::from_secs(74)).await;
    client.send(quote_request()).await;
    assert_eq!(client.response().await.0, 200, "after 74 s");
    assert_eq!(client.rest().await, "");
    assert_eq!(begun.elapsed().as_secs(), 74 + 75);
}

#[tokio::test(start_paused = true)]
async fn slow_head_is_cut() {
    let server = start(ready_app(), limits());
    let mut client = server.connect();
    let begun = Instant::now();
    let (mut reader, mut writer) = tokio::io::split(client.0);
    let trickle = tokio::spawn(async move {
        writer.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n").await.unwrap();
        while writer.write_all(b"a: b\r\n").await.is_ok() {
            sleep(Duration::from_secs(10)).await;
        }
    });
    let mut rest = Vec::new();
    reader.read_to_end(&mut rest).await.unwrap();
    assert_eq!(begun.elapsed().as_secs(), 75);
    trickle.await.unwrap();
    client = server.connect();
    client.send(quote_request()).await;
    assert_eq!(client.response().await.0, 200);
}

#[tokio::test(start_paused = true)]
async fn each_connection_has_its_own_timeout() {
    let server = start(ready_app(), limits());
    let mut silent = server.connect();
    let begun = Instant::now();
    sleep(Duration::from_secs(10)).await;
    let mut used = server.connect();
    used.send(quote_request()).await;
    assert_eq!(used.response().await.0, 200);
    assert_eq!(silent.rest().await, "");
    assert_eq!(begun.elapsed().as_secs(), 75);
    assert_eq!(used.rest().await, "");
    assert_eq!(begun.elapsed().as_secs(), 85);
}

#[tokio::test(start_paused = true)]
async fn busy_connection_is_not_idle() {
    let server = start(Arc::new(Slow(Duration::from_secs(200))), limits());
    let mut client = server.connect();
    client.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    let begun = Instant::now();
    assert_eq!(client.response().await.2, "done");
    assert_eq!(client.rest().await, "");
    assert_eq!(begun.elapsed().as_secs(), 200 + 75);
}
