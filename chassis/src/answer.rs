//! What a response is made of: a head, and a body that is there at once or comes as a stream.

use crate::stream::Streaming;
use bytes::Bytes;
use futures_util::Stream;
use http_body_util::Full;
use hyper::body::{Frame, SizeHint};
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::{Response, StatusCode};
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A response.
pub type Answer = Response<Body>;

/// The body of a response.
#[derive(Debug)]
pub enum Body {
    /// All of it is there.
    Full(Full<Bytes>),
    /// It comes piece by piece; nothing of it is kept.
    Stream(Box<Streaming>),
}

impl Body {
    /// A body that comes piece by piece. Its operation must have an `x-stream` in the document.
    pub fn stream(pieces: impl Stream<Item = Bytes> + Send + 'static) -> Self {
        Self::Stream(Box::new(Streaming::new(pieces)))
    }
}

impl<T: Into<Bytes>> From<T> for Body {
    fn from(whole: T) -> Self {
        Self::Full(Full::new(whole.into()))
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.get_mut() {
            Self::Full(whole) => Pin::new(whole).poll_frame(context),
            Self::Stream(stream) => {
                stream.poll_piece(context).map(|piece| piece.map(|piece| Ok(Frame::data(piece))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Full(whole) => whole.is_end_stream(),
            Self::Stream(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Full(whole) => whole.size_hint(),
            Self::Stream(_) => SizeHint::default(),
        }
    }
}

/// `Cache-Control: no-store`, for a response that belongs to one caller or one moment.
pub const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

const JSON: HeaderValue = HeaderValue::from_static("application/json");
pub(crate) const EVENT_STREAM: HeaderValue = HeaderValue::from_static("text/event-stream");

/// A JSON response with its `Cache-Control`.
#[must_use]
pub fn json(status: StatusCode, cache: HeaderValue, body: impl Into<Bytes>) -> Answer {
    answer(status, Some(JSON), cache, body.into().into())
}

/// 204, without a body.
#[must_use]
pub fn no_content() -> Answer {
    answer(StatusCode::NO_CONTENT, None, NO_STORE, Bytes::new().into())
}

/// Server-sent events. Each piece holds whole events: the chassis sends a comment between two pieces when the stream
/// is silent for long.
#[must_use]
pub fn events(pieces: impl Stream<Item = Bytes> + Send + 'static) -> Answer {
    answer(StatusCode::OK, Some(EVENT_STREAM), NO_STORE, Body::stream(pieces))
}

fn answer(status: StatusCode, kind: Option<HeaderValue>, cache: HeaderValue, body: Body) -> Answer {
    let mut headers = HeaderMap::with_capacity(4);
    if let Some(kind) = kind {
        headers.insert(CONTENT_TYPE, kind);
    }
    headers.insert(CACHE_CONTROL, cache);
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    *answer.headers_mut() = headers;
    answer
}
