//! A response: a head, and a body that is complete or a stream.

use crate::problem::Problem;
use crate::stream::Streaming;
use bytes::Bytes;
use futures_util::Stream;
use hyper::body::{Frame, SizeHint};
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::{Response, StatusCode};
use serde::Serialize;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// A response.
pub type Answer = Response<Body>;

/// The body of a response.
#[derive(Debug)]
pub enum Body {
    /// A complete body. `None` after hyper has taken it.
    Whole(Option<Bytes>),
    /// A stream of pieces. None of them is stored.
    Stream(Box<Streaming>),
}

impl Body {
    /// A streamed body. Its operation must have `x-stream` in the document.
    pub fn stream(pieces: impl Stream<Item = Bytes> + Send + 'static) -> Self {
        Self::Stream(Box::new(Streaming::new(pieces)))
    }

    /// A streamed body with a known length. If its pieces have less, the connection breaks, so that no caller takes a part
    /// for the whole.
    pub fn sized_stream(length: u64, pieces: impl Stream<Item = Bytes> + Send + 'static) -> Self {
        Self::Stream(Box::new(Streaming::new(pieces).with_length(length)))
    }
}

impl<T: Into<Bytes>> From<T> for Body {
    fn from(whole: T) -> Self {
        let whole = whole.into();
        Self::Whole((!whole.is_empty()).then_some(whole))
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    #[inline]
    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let piece = match self.get_mut() {
            Self::Whole(whole) => whole.take(),
            Self::Stream(stream) => ready!(stream.poll_piece(context)),
        };
        Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))))
    }

    #[inline]
    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(whole) => whole.is_none(),
            Self::Stream(_) => false,
        }
    }

    #[inline]
    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(whole) => SizeHint::with_exact(whole.as_ref().map_or(0, Bytes::len) as u64),
            Self::Stream(stream) => {
                stream.length().map_or_else(SizeHint::default, SizeHint::with_exact)
            }
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
    let mut headers = HeaderMap::with_capacity(4);
    headers.insert(CONTENT_TYPE, JSON);
    headers.insert(CACHE_CONTROL, cache);
    let mut answer = Response::new(Body::from(body));
    *answer.status_mut() = status;
    *answer.headers_mut() = headers;
    answer
}

/// A value as JSON with `Cache-Control: no-store`. Returns a 500 if JSON cannot express the value, such as a map with
/// keys that are not strings.
pub fn serialized(status: StatusCode, value: &impl Serialize) -> Result<Answer, Problem> {
    let body = serde_json::to_vec(value).map_err(|error| Problem::internal(error.to_string()))?;
    Ok(json(status, NO_STORE, body))
}

/// 204, without a body.
#[must_use]
pub fn no_content() -> Answer {
    let mut answer = Response::new(Bytes::new().into());
    *answer.status_mut() = StatusCode::NO_CONTENT;
    answer.headers_mut().insert(CACHE_CONTROL, NO_STORE);
    answer
}

/// Server-sent events. Each piece must contain complete events, because the chassis can send a comment between two
/// pieces.
#[must_use]
pub fn events(pieces: impl Stream<Item = Bytes> + Send + 'static) -> Answer {
    let mut answer = Response::new(Body::stream(pieces));
    answer.headers_mut().insert(CONTENT_TYPE, EVENT_STREAM);
    answer.headers_mut().insert(CACHE_CONTROL, NO_STORE);
    answer
}
