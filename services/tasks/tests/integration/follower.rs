//! A client that follows the events of a user, without a socket.

use crate::support::Testbed;
use chassis::answer::Body;
use chassis::connections::Seat;
use hyper::Request;
use hyper::body::Body as _;
use serde_json::Value;
use std::future::poll_fn;
use std::pin::Pin;
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// Longer than everything that a test waits for.
const PATIENCE: Duration = Duration::from_secs(20);

/// An open stream.
pub(crate) struct Stream(Body);

impl Stream {
    /// Opens a stream that continues after an event, and reads its first piece.
    pub(crate) async fn open(bed: &Testbed, token: &str, last: Option<&str>) -> (Self, String) {
        let mut request = Request::get("/api/v1/events");
        request = request.header("authorization", format!("Bearer {token}"));
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let request = request.body(Body::from("")).unwrap();
        let (head, body) = bed.app.handle(request, Seat::Regular).await.into_parts();
        assert_eq!(head.status, 200);
        assert_eq!(head.headers["content-type"], "text/event-stream");
        assert_eq!(head.headers["cache-control"], "private, no-cache");
        let mut stream = Self(body);
        let first = stream.next().await.unwrap();
        (stream, first)
    }

    /// A stream from now on.
    pub(crate) async fn from_now(bed: &Testbed, token: &str) -> Self {
        let (stream, first) = Self::open(bed, token, None).await;
        assert!(first.starts_with("id: ") && first.ends_with("\n\n"), "{first:?}");
        stream
    }

    /// The next piece. `None` at the end.
    pub(crate) async fn next(&mut self) -> Option<String> {
        let piece = poll_fn(|context| Pin::new(&mut self.0).poll_frame(context));
        let frame = timeout(PATIENCE, piece).await.expect("a piece, or the end");
        let bytes = frame?.unwrap().into_data().unwrap();
        Some(String::from_utf8(bytes.to_vec()).unwrap())
    }

    /// `id`, `event`, the version and the status of the next events.
    pub(crate) async fn events(&mut self) -> Vec<(u64, String, u64, String)> {
        let piece = self.next().await.expect("not the end");
        let event = |block: &str| {
            let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name));
            let data: Value = serde_json::from_str(field("data: ")?).unwrap();
            Some((
                field("id: ")?.parse().unwrap(),
                field("event: ")?.to_owned(),
                data["version"].as_u64()?,
                data["status"].as_str()?.to_owned(),
            ))
        };
        piece.split("\n\n").filter_map(event).collect()
    }

    pub(crate) async fn event(&mut self) -> (u64, String, u64, String) {
        let events = self.events().await;
        let [event] = &events[..] else { panic!("one event: {events:?}") };
        event.clone()
    }

    pub(crate) async fn ends(&mut self, why: &str) -> Duration {
        let start = Instant::now();
        assert_eq!(self.next().await, None, "{why}");
        start.elapsed()
    }
}

/// An event as the client reads it.
pub(crate) fn event(id: u64, kind: &str, version: u64, status: &str) -> (u64, String, u64, String) {
    (id, kind.into(), version, status.into())
}
