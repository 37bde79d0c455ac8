//! Bodies that are chunked, late, broken, too long or unexpected.

use crate::requests::check_headers;
use crate::support::{BODY_TIMEOUT, GOOD, call, quote_request, ready_app};
use bytes::Bytes;
use chassis::testing::ask_json;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::Request;
use hyper::body::{Body, Frame, SizeHint};
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// A body of unknown length, in pieces.
fn chunks(pieces: Vec<&'static [u8]>) -> impl Body<Data = Bytes, Error = Infallible> {
    let frames = pieces.into_iter().map(|piece| Ok(Frame::data(Bytes::from_static(piece))));
    StreamBody::new(futures_util::stream::iter(frames))
}

pub(crate) fn with_body<B>(body: B) -> Request<B> {
    quote_request("").map(|_| body)
}

#[tokio::test]
async fn chunked_body_is_joined_and_has_same_limit() {
    let app = ready_app();
    let reply = call(&app, with_body(chunks(vec![b"{\"gra", b"ms\":25", b"0}"]))).await;
    assert_eq!(reply.body, "{\"cents\":495}");
    assert_eq!(reply.header("connection"), None);

    let reply = call(&app, with_body(chunks(vec![&[b' '; 1024], b" "]))).await;
    assert_eq!(reply.status, 413);
    assert_eq!(reply.header("connection"), Some("close"), "the rest is still on its way");
}

#[tokio::test]
async fn invalid_body_gets_problem() {
    let app = ready_app();
    let long = format!("{{\"grams\":1,\"{}\":1}}", "x".repeat(900));
    for (body, status, beginning) in [
        ("{", 400, "The body is not JSON: EOF while parsing"),
        ("\"\u{e9}", 400, "The body is not JSON: EOF while parsing"),
        ("[1", 400, "The body is not JSON: EOF while parsing"),
        ("[1]", 422, "The body must be an object."),
        (" 1", 422, "The body must be an object."),
        ("", 400, "The body is not JSON: EOF while parsing"),
        ("{}", 422, "The body is not what this operation takes: missing field `grams`"),
        (&long, 422, "The body is not what this operation takes: unknown field `xxx"),
    ] {
        let reply = ask_json(&app, "POST /quote", body).await;
        assert_eq!(reply.status, status, "{body}: {}", reply.body);
        let problem = reply.json();
        let kind = if status == 422 { "urn:parcels:problem:invalid-body" } else { "about:blank" };
        assert_eq!(problem["type"], kind, "{body}");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.starts_with(beginning), "{detail}");
        assert!(detail.len() <= 210, "{detail}");
    }
}

/// A body with this declared length that never arrives.
pub(crate) struct Silent(pub(crate) u64);

impl Body for Silent {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Pending
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0)
    }
}

#[tokio::test(start_paused = true)]
async fn missing_body_gets_408_after_timeout() {
    let app = ready_app();
    let begun = tokio::time::Instant::now();
    let reply = call(&app, with_body(Silent(13))).await;
    assert_eq!(reply.status, 408);
    assert_eq!(reply.header("connection"), Some("close"));
    check_headers("408", &reply);
    let took = begun.elapsed();
    assert!(took >= BODY_TIMEOUT && took < BODY_TIMEOUT + Duration::from_millis(10), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn unneeded_body_is_not_awaited() {
    let app = ready_app();
    let begun = tokio::time::Instant::now();
    for (path, length, status) in
        [("/quote", 13, 401), ("/nothing", 13, 404), ("/quote", 1_000_000, 401)]
    {
        let request = Request::post(path).body(Silent(length)).unwrap();
        let reply = call(&app, request).await;
        assert_eq!(reply.status, status);
        assert_eq!(
            reply.header("connection"),
            Some("close"),
            "half a body is left on the connection"
        );
    }
    assert_eq!(
        call(&app, with_body(Silent(1025))).await.status,
        413,
        "refused by its declared length"
    );
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[tokio::test]
async fn refusal_keeps_connection_if_body_has_arrived() {
    let app = ready_app();
    let reply = call(&app, Request::post("/quote").body(Full::from(GOOD)).unwrap()).await;
    assert_eq!((reply.status.as_u16(), reply.header("connection")), (401, None));
}

#[tokio::test]
async fn refused_caller_gets_no_100_continue() {
    let app = ready_app();
    let polled = |_: &Bytes| panic!("the body was read");
    let body = Full::from(GOOD).map_frame(move |frame| {
        frame.data_ref().map(polled);
        frame
    });
    let request = Request::post("/quote").header("expect", "100-continue").body(body).unwrap();
    let reply = call(&app, request).await;
    assert_eq!((reply.status.as_u16(), reply.header("connection")), (401, Some("close")));
}

/// A body that breaks off.
struct Broken;

impl Body for Broken {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Poll::Ready(Some(Err(std::io::Error::other("reset"))))
    }
}

#[tokio::test]
async fn broken_body_gets_400() {
    let reply = call(&ready_app(), with_body(Broken)).await;
    assert_eq!(reply.status, 400);
    assert_eq!(reply.json()["type"], "about:blank");
    assert_eq!(reply.header("connection"), Some("close"));
}
