//! The drain over in-memory connections: who is served, who is closed, and when.

use crate::support::ready_app;
use crate::wire::{limits, quote_request, start};
use chassis::Answer;
use chassis::connections::{Handler, Limits, Seat};
use chassis::server::Drained;
use hyper::body::Incoming;
use hyper::{Request, Response};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Answers after a while.
pub(crate) struct Slow(pub(crate) Duration);

impl Handler for Slow {
    async fn handle(&self, _: Request<Incoming>, _: Seat) -> Answer {
        sleep(self.0).await;
        Response::new("done".into())
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_with_nothing_open_is_the_end() {
    let mut server = start(ready_app(), limits());
    let begun = Instant::now();
    server.stop();
    assert_eq!(server.server.await.unwrap(), Drained { cut: 0 });
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_waits_in_the_queue_at_the_stop_is_served() {
    let mut server = start(ready_app(), limits());
    server.stop();
    let mut client = server.connect();
    client.send(quote_request()).await;
    assert_eq!(client.response().await.0, 200);
    assert_eq!(server.server.await.unwrap(), Drained { cut: 0 });
}

#[tokio::test(start_paused = true)]
async fn no_request_is_lost_on_a_connection_that_idles_when_the_stop_comes() {
    let mut server = start(ready_app(), limits());
    let mut idle = server.connect();
    idle.send(quote_request()).await;
    assert!(!idle.response().await.1.contains("connection: close"));
    server.stop();
    sleep(Duration::from_millis(1900)).await;
    // The peer did not know yet; a server that had closed its idle connections would have lost this.
    idle.send(quote_request()).await;
    let (status, head, _) = idle.response().await;
    assert_eq!(status, 200);
    assert!(head.contains("connection: close\r\n"), "{head}");
    assert_eq!(idle.rest().await, "");
    let begun = Instant::now();
    assert_eq!(server.server.await.unwrap(), Drained { cut: 0 });
    assert_eq!(begun.elapsed(), Duration::ZERO, "nothing is open: no reason to wait");
}

#[tokio::test(start_paused = true)]
async fn new_connections_are_accepted_in_the_grace_and_idle_ones_closed_after_it() {
    let mut server = start(ready_app(), limits());
    let mut idle = server.connect();
    idle.send(quote_request()).await;
    idle.response().await;
    let begun = Instant::now();
    server.stop();
    sleep(Duration::from_secs(1)).await;
    let mut fresh = server.connect();
    fresh.send(quote_request()).await;
    assert!(fresh.response().await.1.contains("connection: close\r\n"));
    assert_eq!(idle.rest().await, "");
    assert_eq!(begun.elapsed().as_secs(), 2);
    assert_eq!(server.server.await.unwrap(), Drained { cut: 0 });
    assert_eq!(begun.elapsed().as_secs(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_is_in_flight_is_finished() {
    let mut server = start(Arc::new(Slow(Duration::from_secs(15))), limits());
    let mut client = server.connect();
    client.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    sleep(Duration::from_millis(1)).await;
    let begun = Instant::now();
    server.stop();
    let (status, head, body) = client.response().await;
    assert_eq!((status, body.as_str()), (200, "done"));
    assert!(head.contains("connection: close\r\n"), "{head}");
    assert_eq!(server.server.await.unwrap(), Drained { cut: 0 });
    assert!(begun.elapsed() < Duration::from_secs(16));
}

#[tokio::test(start_paused = true)]
async fn what_takes_too_long_is_cut_and_counted() {
    let mut server = start(Arc::new(Slow(Duration::from_mins(1))), limits());
    let mut clients = [server.connect(), server.connect()];
    for client in &mut clients {
        client.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    }
    sleep(Duration::from_millis(1)).await;
    let begun = Instant::now();
    server.stop();
    assert_eq!(server.server.await.unwrap(), Drained { cut: 2 });
    assert_eq!(begun.elapsed().as_secs(), 20);
    for client in &mut clients {
        assert_eq!(client.rest().await, "");
    }
}

#[tokio::test(start_paused = true)]
async fn a_grace_longer_than_the_drain_ends_with_it() {
    let limits = Limits {
        drain_grace: Duration::from_secs(9),
        drain_timeout: Duration::from_secs(3),
        ..limits()
    };
    let mut server = start(ready_app(), limits);
    let _idle = server.connect();
    sleep(Duration::from_millis(1)).await;
    let begun = Instant::now();
    server.stop();
    server.server.await.unwrap();
    assert_eq!(begun.elapsed().as_secs(), 3);
}
