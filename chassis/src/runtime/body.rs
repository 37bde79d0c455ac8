//! Reads a request's body within limits of size and time, and never leaves half of it unread on a kept connection.
//!
//! In most requests the body has already arrived in one piece. Then reading it needs no timer and no copy.

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Body;
use std::error::Error;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

/// Longest unused body, in bytes, that is read to keep the connection.
const WORTH_READING: u64 = 4096;

/// Why reading a body failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyError {
    /// Longer than the limit.
    TooLarge,
    /// Not complete in time.
    TooSlow,
    /// Broke off, or its framing is broken.
    Broken,
}

/// A body that is read at most once.
pub struct RequestBody<'a, B> {
    body: Pin<&'a mut B>,
    /// Reading has begun.
    begun: bool,
    ended: bool,
}

impl<'a, B> RequestBody<'a, B>
where
    B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>>,
{
    /// Wraps an unread body.
    #[must_use]
    pub fn new(body: Pin<&'a mut B>) -> Self {
        let ended = body.is_end_stream();
        Self { body, begun: false, ended }
    }

    /// Reads the whole body, at most `max` bytes within the time `within`. Refuses a declared length above `max`
    /// before it reads.
    pub async fn read(&mut self, max: u64, within: Duration) -> Result<Bytes, BodyError> {
        if self.body.size_hint().lower() > max {
            return Err(BodyError::TooLarge);
        }
        self.begun = true;
        deadline(within, self.collect(max)).await.unwrap_or(Err(BodyError::TooSlow))
    }

    async fn collect(&mut self, max: u64) -> Result<Bytes, BodyError> {
        let mut whole = Bytes::new();
        while !self.body.is_end_stream()
            && let Some(frame) = self.body.frame().await
        {
            // A frame without data is the trailers. They are ignored.
            let Ok(piece) = frame.map_err(|_| BodyError::Broken)?.into_data() else { continue };
            if (whole.len() + piece.len()) as u64 > max {
                return Err(BodyError::TooLarge);
            }
            whole = if whole.is_empty() { piece } else { joined(whole, &piece) };
        }
        self.ended = true;
        Ok(whole)
    }

    /// Whether the body was read to its end, or there is none.
    #[must_use]
    pub fn was_read(&self) -> bool {
        self.ended
    }

    /// Whether the connection can serve another request. Reads the arrived part of the body without waiting, and
    /// returns whether that is the whole body. If not, the answer must close the connection: hyper would read
    /// the rest of this body as the next head.
    pub async fn is_over(&mut self) -> bool {
        if !self.begun && !self.ended && self.body.size_hint().lower() <= WORTH_READING {
            let _ = at_once(pin!(self.collect(WORTH_READING))).await;
        }
        self.ended
    }
}

fn joined(whole: Bytes, piece: &[u8]) -> Bytes {
    let mut whole = BytesMut::from(whole);
    whole.extend_from_slice(piece);
    whole.freeze()
}

/// `None` if `future` takes longer than `within`. It makes a timer only if `future` is not ready at once. A timer
/// costs a tenth of the handler's own work, and in most requests the body has already arrived.
pub(crate) async fn deadline<F: Future>(within: Duration, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    match at_once(future.as_mut()).await {
        Some(output) => Some(output),
        None => tokio::time::timeout(within, future).await.ok(),
    }
}

/// Polls at most twice, because hyper passes on one piece of a body at a time and reads the next piece only
/// after that. The wake-up guarantees the second poll.
async fn at_once<F: Future>(mut future: Pin<&mut F>) -> Option<F::Output> {
    let mut asked = false;
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending if asked => Poll::Ready(None),
        Poll::Pending => {
            asked = true;
            context.waker().wake_by_ref();
            Poll::Pending
        }
    })
    .await
}
