//! Streamed responses over in-memory connections with a paused clock.

use crate::support::{BODY_TIMEOUT, GOOD, Reply, ask, document, ready_app, token};
use crate::wire::{Client, Running, limits, start};
use bytes::Bytes;
use chassis::answer::{Body, events};
use chassis::app::App;
use chassis::auth::{Credentials, Keys};
use chassis::document::Document;
use chassis::problem::Problem;
use chassis::server::Drained;
use chassis::{Answer, Build, Context, Request, Service};
use futures_util::{StreamExt, stream};
use hyper::Response;
use parcels::Parcels;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::time::{Instant, sleep, timeout};

/// A parcel and a client that follows it. The first event has been read.
async fn follow() -> (Arc<App<Parcels>>, Running, Client) {
    let app = ready_app();
    let headers = [("authorization", &*token("u1")), ("content-type", "application/json")];
    assert_eq!(ask(&app, "POST /parcels", &headers, GOOD).await.status, 201);
    let server = start(Arc::clone(&app), limits());
    let mut client = server.connect();
    client.send(request("/parcels/p1/events")).await;
    let head = client.until("\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    for header in ["text/event-stream", "no-store", "transfer-encoding: chunked"] {
        assert!(head.contains(header), "{head}");
    }
    assert_eq!(client.piece().await, "data: {\"id\":\"p1\",\"grams\":250}\n\n");
    (app, server, client)
}

fn request(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: x\r\nauthorization: {}\r\n\r\n", token("u1"))
}

impl Client {
    async fn until(&mut self, end: &str) -> String {
        let mut text = Vec::new();
        while !text.ends_with(end.as_bytes()) {
            text.push(self.0.read_u8().await.expect("more"));
        }
        String::from_utf8(text).unwrap()
    }

    /// One chunk (RFC 9112, section 7.1); empty at the end.
    async fn piece(&mut self) -> String {
        let length = self.until("\r\n").await;
        let length = usize::from_str_radix(length.trim_end(), 16).unwrap();
        let mut piece = vec![0; length + 2];
        self.0.read_exact(&mut piece).await.unwrap();
        String::from_utf8(piece[..length].to_vec()).unwrap()
    }
}

async fn take_back(app: &App<Parcels>) -> Reply {
    ask(app, "DELETE /parcels/p1", &[("authorization", &token("u1"))], "").await
}

#[tokio::test(start_paused = true)]
async fn pieces_are_sent_at_once_and_connection_stays_open() {
    let (app, _server, mut client) = follow().await;
    let begun = Instant::now();
    sleep(Duration::from_secs(1)).await;
    assert_eq!(take_back(&app).await.status, 204);
    assert_eq!(client.piece().await, "event: gone\ndata: p1\n\n");
    assert_eq!((client.piece().await.as_str(), begun.elapsed().as_secs()), ("", 1));
    client.send(request("/parcels")).await;
    assert_eq!(client.response().await.2, "[]");
    assert_eq!(client.rest().await, "");
    assert_eq!(begun.elapsed().as_secs(), 1 + 75, "it idles from the end of the stream");
}

#[tokio::test(start_paused = true)]
async fn silent_stream_has_heartbeat_and_outlives_every_timeout() {
    let (app, _server, mut client) = follow().await;
    let begun = Instant::now();
    // The document has `idle: 10s`. The deadline of other operations is 5 s. An idle connection has 75 s.
    for beat in 1..=60 {
        assert_eq!(client.piece().await, ":\n");
        assert_eq!(begun.elapsed().as_secs(), 5 * beat);
    }
    take_back(&app).await;
    assert_eq!(client.piece().await, "event: gone\ndata: p1\n\n");
}

fn open_streams(app: &App<Parcels>) -> String {
    let metrics = app.metrics().exposition().encode();
    let line = metrics.lines().find(|line| line.starts_with("http_server_open_streams "));
    line.unwrap().rsplit(' ').next().unwrap().to_owned()
}

#[tokio::test(start_paused = true)]
async fn disconnected_caller_ends_its_stream() {
    let (app, _server, client) = follow().await;
    assert_eq!(open_streams(&app), "1");
    drop(client);
    sleep(Duration::from_millis(1)).await;
    assert_eq!(open_streams(&app), "0");
    // HEAD gets the head of a stream, but no stream.
    let head = ask(&app, "HEAD /parcels/p1", &[("authorization", &token("u1"))], "").await;
    assert_eq!((head.status.as_u16(), open_streams(&app).as_str()), (200, "0"));
}

#[tokio::test(start_paused = true)]
async fn stream_counts_as_one_request_with_duration_of_head() {
    let (app, _server, mut client) = follow().await;
    for _ in 0..10 {
        client.piece().await;
    }
    take_back(&app).await;
    client.piece().await;
    assert_eq!(client.piece().await, "");
    let metrics = app.metrics().exposition().encode();
    let of = |name: &str| {
        let name = format!("http_server_request_duration_seconds_{name}");
        let line = metrics.lines().find(|line| {
            line.starts_with(&name) && line.contains("followParcel") && !line.contains("le=")
        });
        line.unwrap().rsplit(' ').next().unwrap().parse::<f64>().unwrap()
    };
    assert_eq!(of("count").to_bits(), 1.0_f64.to_bits());
    assert!(of("sum") < 1.0, "the latency must exclude the 50 s of the stream: {}", of("sum"));
}

#[tokio::test(start_paused = true)]
async fn drain_ends_streams_normally_after_grace() {
    let (app, mut server, mut client) = follow().await;
    let begun = Instant::now();
    server.stop();
    sleep(Duration::from_secs(1)).await;
    // The head of a stream in the grace announces that its connection closes.
    let mut late = server.connect();
    late.send(request("/parcels/p1/events")).await;
    assert!(late.until("\r\n\r\n").await.contains("connection: close\r\n"));
    late.piece().await;
    for client in [&mut client, &mut late] {
        assert_eq!(client.piece().await, "", "complete");
        assert_eq!(begun.elapsed().as_secs(), 2);
    }
    assert_eq!(late.rest().await, "");
    assert_eq!(client.rest().await, "");
    assert_eq!(server.server.await.unwrap(), Drained { cut: 0 });
    assert!(begun.elapsed() < Duration::from_secs(3));
    assert_eq!(open_streams(&app), "0");
}

/// A service with the same code for all operations.
#[derive(Debug)]
struct Odd(fn() -> Answer);

impl Service for Odd {
    type Operation = ();

    const DOCUMENT: &'static str = crate::support::PARCELS;
    const BUILD: Build = Build { version: "1.2.3", revision: None, log_target: "odd" };

    fn operation(_: &str) -> Option<()> {
        Some(())
    }

    async fn call(&self, (): (), _: Request<'_>) -> Result<Answer, Problem> {
        Ok((self.0)())
    }
}

fn odd(answer: fn() -> Answer, document: &Document) -> Running {
    let context = Context::with_clock(chassis::testing::clock());
    let app = App::with_context(Odd(answer), document, BODY_TIMEOUT, &context).unwrap();
    app.start(Credentials { keys: Keys::Sidecar, issuer: Some(crate::support::issuer()) });
    start(Arc::new(app), limits())
}

#[tokio::test(start_paused = true)]
async fn undeclared_stream_gets_500() {
    let server = odd(|| events(stream::pending()), &document());
    let mut client = server.connect();
    client.send(request("/parcels")).await;
    assert!(client.until("\r\n").await.contains(" 500 "));
    // If the document declares a stream, a complete response is valid too.
    let server = odd(|| Response::new(Body::from("whole")), &document());
    let mut client = server.connect();
    client.send(request("/parcels/p1/events")).await;
    assert_eq!(client.response().await.2, "whole");
}

#[tokio::test(start_paused = true)]
async fn other_stream_than_events_gets_no_comment() {
    let pieces = || {
        let late = stream::once(async {
            sleep(Duration::from_secs(200)).await;
            Bytes::from_static(b"late")
        });
        Response::new(Body::stream(late))
    };
    let server = odd(pieces, &document());
    let mut client = server.connect();
    client.send(request("/parcels/p1/events")).await;
    client.until("\r\n\r\n").await;
    assert_eq!([client.piece().await, client.piece().await], ["late", ""]);
}

#[tokio::test(start_paused = true)]
async fn stream_without_pauses_is_not_buffered_and_ends_in_drain() {
    let endless = || events(stream::repeat(Bytes::from_static(&[b'x'; 1024])).boxed());
    let mut server = odd(endless, &document());
    let mut client = server.connect();
    client.send(request("/parcels/p1/events")).await;
    client.until("\r\n\r\n").await;
    // The client does not read. The socket and the buffer are full, and the server waits.
    sleep(Duration::from_secs(20)).await;
    server.stop();
    // The paused clock does not advance while a test reads an endless stream.
    sleep(Duration::from_secs(3)).await;
    let rest = timeout(Duration::from_secs(30), client.rest()).await.unwrap();
    assert!(rest.ends_with("\r\n0\r\n\r\n"), "{} bytes", rest.len());
    assert_eq!(server.server.await.unwrap(), Drained { cut: 0 });
}

/// A piece is only made when there is room for it, so a stream takes no memory for a caller that does not read.
#[tokio::test(start_paused = true)]
async fn caller_that_takes_nothing_is_cut() {
    static MADE: AtomicUsize = AtomicUsize::new(0);
    let endless = || {
        let piece = || {
            MADE.fetch_add(1, Ordering::Relaxed);
            Bytes::from_static(&[b'x'; 1024])
        };
        events(stream::repeat_with(piece).boxed())
    };
    let server = odd(endless, &document());
    let (mut client, mut other) = (server.connect(), server.connect());
    client.send(request("/parcels/p1/events")).await;
    client.until("\r\n\r\n").await;
    sleep(Duration::from_secs(1)).await;
    let made = MADE.load(Ordering::Relaxed);
    assert!(made < 200, "{made} KiB are waiting");
    other.send(request("/healthz")).await;
    assert_eq!(other.response().await.0, 200);
    sleep(Duration::from_secs(25)).await;
    assert_eq!(MADE.load(Ordering::Relaxed), made);
    // A caller that takes something in time is not cut.
    for _ in 0..10 {
        sleep(Duration::from_secs(20)).await;
        for _ in 0..100 {
            assert_eq!(client.piece().await.len(), 1024);
        }
    }
    let begun = Instant::now();
    sleep(Duration::from_secs(61)).await;
    let rest = client.rest().await;
    assert_eq!(begun.elapsed().as_secs(), 61, "it was cut before");
    assert!(!rest.ends_with("0\r\n\r\n"), "it is not complete");
}
