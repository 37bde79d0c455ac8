//! The drain over in-memory connections: which connections are served or closed, and when.

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

/// Answers after this delay.
pub(crate) struct Slow(pub(crate) Duration);

impl Handler for Slow {
    async fn handle(&self, _: Request<Incoming>, _: Seat) -> Answer {
        sleep(self.0).await;
        Response::new("done".into())
    }
}

#[tokio::test(start_paused = true)]
async fn stop_without_connections_ends_at_once() {
    let mut server = start(ready_app(), limits());
    let begun = Instant::now();
    server.stop();
    assert_eq!(server.server.await.unwrap(), Drained { cut: 0 });
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn queued_connection_is_served_after_stop() {
    let mut server = start(ready_app(), limits());
    server.stop();
    let mut client = server.connect();
    client.send(quote_request()).await;
    assert_eq!(client.response().await.0, 200);
    assert_eq!(server.server.await.unwrap(), Drained { cut: 0 });
}

#[tokio::test(start_paused = true)]
async fn no_request_is_lost_on_idle_connection_after_stop() {
    let mut server = start(ready_app(), limits());
    let mut idle = server.connect();
    idle.send(quote_request()).await;
    assert!(!idle.response().await.1.contains("connection: close"));
    server.stop();
    sleep(Duration::from_millis(1900)).await;
    // The peer has not seen the stop yet. A server without idle connections would lose this request.
    idle.send(quote_request()).await;
    let (status, head, _) = idle.response().await;
    assert_eq!(status, 200);
    assert!(head.contains("connection: close\r\n"), "{head}");
    assert_eq!(idle.rest().await, "");
    let begun = Instant::now();
    assert_eq!(server.server.await.unwrap(), Drained { cut: 0 });
    assert_eq!(begun.elapsed(), Duration::ZERO, "the drain must end when nothing is open");
}

#[tokio::test(start_paused = true)]
async fn grace_accepts_new_connections_then_closes_idle_ones() {
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
async fn drain_finishes_requests_in_flight() {
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
async fn drain_cuts_and_counts_slow_requests() {
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
async fn grace_ends_with_drain_timeout() {
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
