//! Limits and timeouts of the server, byte for byte, over in-memory connections with a paused clock.

use crate::support::{KEY, ready_app};
use chassis::Answer;
use chassis::connections::{Handler, Limits, Seat};
use chassis::server::{self, Drained, Listener};
use hyper::Request;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use std::future::{Future, pending};
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

pub(crate) const fn limits() -> Limits {
    Limits {
        keep_alive_timeout: Duration::from_secs(75),
        max_connections: 1024,
        drain_grace: Duration::from_secs(2),
        drain_timeout: Duration::from_secs(20),
    }
}

/// A listener that gets its connections from a channel.
struct Connections(mpsc::UnboundedReceiver<DuplexStream>);

impl Listener for Connections {
    type Io = TokioIo<DuplexStream>;

    async fn accept(&mut self) -> io::Result<Self::Io> {
        match self.0.recv().await {
            Some(stream) => Ok(TokioIo::new(stream)),
            None => pending().await,
        }
    }
}

/// A server and its controls.
pub(crate) struct Running {
    connect: mpsc::UnboundedSender<DuplexStream>,
    stop: Option<oneshot::Sender<()>>,
    pub(crate) server: JoinHandle<Drained>,
}

pub(crate) fn start<H: Handler>(handler: Arc<H>, limits: Limits) -> Running {
    let (connect, connections) = mpsc::unbounded_channel();
    let (stop, stopped) = oneshot::channel();
    let stopped = async {
        let _ = stopped.await;
    };
    let server = tokio::spawn(server::run(Connections(connections), handler, limits, stopped));
    Running { connect, stop: Some(stop), server }
}

impl Running {
    pub(crate) fn connect(&self) -> Client {
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        self.connect.send(theirs).unwrap();
        Client(ours)
    }

    pub(crate) fn stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }
}

pub(crate) struct Client(pub(crate) DuplexStream);

impl Client {
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).await.unwrap();
    }

    /// One response with a `content-length`: its status, its head and its body.
    pub(crate) async fn response(&mut self) -> (u16, String, String) {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.0.read_u8().await.expect("a response"));
        }
        let head = String::from_utf8(head).unwrap();
        let length = head
            .split("content-length: ")
            .nth(1)
            .map_or(0, |rest| rest.split("\r\n").next().unwrap().parse().unwrap());
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).await.unwrap();
        (head[9..12].parse().unwrap(), head, String::from_utf8(body).unwrap())
    }

    /// All bytes until the server closes.
    pub(crate) async fn rest(&mut self) -> String {
        let mut rest = Vec::new();
        self.0.read_to_end(&mut rest).await.unwrap();
        String::from_utf8(rest).unwrap()
    }
}

fn quote_head(length: usize) -> String {
    format!(
        "POST /quote HTTP/1.1\r\nhost: x\r\nx-api-key: {KEY}\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n\r\n"
    )
}

pub(crate) fn quote_request() -> String {
    quote_head(13) + "{\"grams\":250}"
}

#[tokio::test(start_paused = true)]
async fn one_connection_serves_many_requests() {
    let server = start(ready_app(), limits());
    let mut client = server.connect();
    for _ in 0..3 {
        client.send(quote_request()).await;
        assert_eq!(client.response().await.2, "{\"cents\":495}");
    }
    // All at once, with a refusal in the middle. Its body must not be read as a request.
    client
        .send(quote_request() + &quote_request().replace(KEY, "wrong-key-1") + &quote_request())
        .await;
    let statuses =
        [client.response().await.0, client.response().await.0, client.response().await.0];
    assert_eq!(statuses, [200, 401, 200]);
}

#[tokio::test(start_paused = true)]
async fn head_request_gets_no_body() {
    let server = start(ready_app(), limits());
    let mut client = server.connect();
    client.send("HEAD /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    let answer = client.rest().await;
    assert!(
        answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains("content-length: 15"),
        "{answer}"
    );
    assert!(answer.ends_with("\r\n\r\n"), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn slow_body_gets_408_and_connection_closes() {
    let server = start(ready_app(), limits());
    let mut client = server.connect();
    let begun = Instant::now();
    client.send(quote_head(13)).await;
    client.send("{").await;
    sleep(Duration::from_secs(3)).await;
    client.send("\"a\"").await;
    let answer = client.rest().await;
    assert_eq!(begun.elapsed().as_secs(), 5);
    assert!(answer.starts_with("HTTP/1.1 408 Request Timeout\r\n"), "{answer}");
    assert!(answer.contains("connection: close\r\ntransfer-encoding: chunked\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n0\r\n\r\n"), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn late_body_within_timeout_is_served() {
    let server = start(ready_app(), limits());
    let mut client = server.connect();
    client.send(quote_head(13)).await;
    sleep(Duration::from_secs(4)).await;
    client.send("{\"grams\":250}").await;
    assert_eq!(client.response().await.2, "{\"cents\":495}");
}

#[tokio::test(start_paused = true)]
async fn caller_can_wait_for_100_continue() {
    let server = start(ready_app(), limits());
    let mut client = server.connect();
    client.send(quote_head(13).replace("host: x", "host: x\r\nexpect: 100-continue")).await;
    let mut interim = [0; 25];
    client.0.read_exact(&mut interim).await.unwrap();
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    client.send("{\"grams\":250}").await;
    assert_eq!(client.response().await.2, "{\"cents\":495}");
}

#[tokio::test(start_paused = true)]
async fn head_above_8_kib_gets_431() {
    let server = start(ready_app(), limits());
    for (length, status) in [(7 * 1024, 200), (9 * 1024, 431), (100 * 1024, 431)] {
        let mut client = server.connect();
        let head = format!("GET /healthz HTTP/1.1\r\nhost: x\r\na: {}\r\n\r\n", "b".repeat(length));
        // The server can close before it has read everything.
        let _ = timeout(Duration::from_secs(1), client.0.write_all(head.as_bytes())).await;
        assert_eq!(client.response().await.0, status, "{length}");
    }
}

#[tokio::test(start_paused = true)]
async fn connections_above_limit_are_for_probes() {
    let server = start(ready_app(), Limits { max_connections: 2, ..limits() });
    let (one, mut two) = (server.connect(), server.connect());
    for (request, status) in [
        ("GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n".to_owned(), 200),
        ("GET /readyz?shallow=1 HTTP/1.1\r\nhost: x\r\n\r\n".to_owned(), 200),
        ("GET /nothing HTTP/1.1\r\nhost: x\r\n\r\n".to_owned(), 503),
        (quote_request(), 503),
    ] {
        let mut three = server.connect();
        three.send(&request).await;
        let (answered, head, _) = three.response().await;
        assert_eq!(answered, status, "{request}");
        assert!(head.contains("connection: close\r\n"), "{head}");
        assert_eq!(head.contains("retry-after: 1\r\n"), status == 503, "{head}");
        assert_eq!(three.rest().await, "", "a reserved connection is free at once");
    }
    two.send(quote_request()).await;
    assert_eq!(two.response().await.0, 200);
    drop(one);
    sleep(Duration::from_millis(1)).await;
    let mut four = server.connect();
    for _ in 0..2 {
        four.send(quote_request()).await;
        assert_eq!(four.response().await.0, 200, "there is room again");
    }
}

#[tokio::test(start_paused = true)]
async fn silent_reserved_connection_is_closed_for_probe() {
    let server = start(ready_app(), Limits { max_connections: 1, ..limits() });
    let _regular = server.connect();
    let silent: Vec<_> = (0..20).map(|_| server.connect()).collect();
    let begun = Instant::now();
    let mut probe = server.connect();
    probe.send("GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert_eq!(probe.response().await.0, 200);
    // Eight connections at a time, each for two seconds.
    assert_eq!((silent.len(), begun.elapsed().as_secs()), (20, 4));
}

/// A listener that fails 50 times at once, then once per second.
struct Failing(Arc<AtomicUsize>, ErrorKind);

impl Listener for Failing {
    type Io = TokioIo<DuplexStream>;

    async fn accept(&mut self) -> io::Result<Self::Io> {
        if self.0.fetch_add(1, Ordering::Relaxed) >= 50 {
            sleep(Duration::from_secs(1)).await;
        }
        Err(self.1.into())
    }
}

#[tokio::test(start_paused = true)]
async fn server_pauses_after_accept_error() {
    for (kind, at_least, at_most) in
        [(ErrorKind::Other, 9, 13), (ErrorKind::ConnectionAborted, 50, 54)]
    {
        let calls = Arc::new(AtomicUsize::new(0));
        let stop = sleep(Duration::from_secs(1));
        let listener = Failing(Arc::clone(&calls), kind);
        server::run(listener, ready_app(), limits(), stop).await;
        let calls = calls.load(Ordering::Relaxed);
        assert!((at_least..=at_most).contains(&calls), "{kind:?}: {calls} calls in a second");
    }
}

struct Panics;

impl Handler for Panics {
    #[expect(clippy::manual_async_fn, reason = "an async fn of type `!` does not coerce")]
    fn handle(&self, _: Request<Incoming>, _: Seat) -> impl Future<Output = Answer> + Send {
        async { panic!("seeded by a test") }
    }
}

#[tokio::test(start_paused = true)]
async fn panic_in_handler_ends_one_connection() {
    let server = start(Arc::new(Panics), limits());
    for _ in 0..3 {
        let mut client = server.connect();
        client.send(quote_request()).await;
        assert_eq!(client.rest().await, "");
    }
    assert!(!server.server.is_finished());
}
