//! A request's body: bounded in size and in time, and never left lying half-read on a connection.
//!
//! In most requests the body is there before it is asked for, in one piece. Then reading it makes no timer and
//! copies nothing.

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Body;
use std::error::Error;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

/// Longest body, in bytes, that is read only to keep its connection.
const WORTH_READING: u64 = 4096;

/// Why a body could not be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyError {
    /// Longer than it may be.
    TooLarge,
    /// Not complete in time.
    TooSlow,
    /// Broke off, or its framing is broken.
    Broken,
}

/// A body that is read at most once.
pub struct RequestBody<'a, B> {
    body: Pin<&'a mut B>,
    /// Something of it may have been read.
    begun: bool,
    ended: bool,
}

impl<'a, B> RequestBody<'a, B>
where
    B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>>,
{
    /// Wraps a body of which nothing has been read.
    #[must_use]
    pub fn new(body: Pin<&'a mut B>) -> Self {
        let ended = body.is_end_stream();
        Self { body, begun: false, ended }
    }

    /// Reads to the end, at most `max` bytes and `within` so long. A length declared too large is refused before anything is read.
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
            // A frame that is no data is the trailers: they say nothing here.
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

    /// Whether the connection is clean for another request: takes what has arrived of the body, waits for
    /// nothing, and says whether that was all. Otherwise the answer must close the connection, or the rest
    /// of this body would be in the way of the next head.
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

/// `None` when `future` takes longer than `within`. The timer is made only when there is something to wait
/// for: in most requests the body is there before it is asked for, and a timer would be a tenth of the
/// handler's own work.
pub(crate) async fn deadline<F: Future>(within: Duration, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    match at_once(future.as_mut()).await {
        Some(output) => Some(output),
        None => tokio::time::timeout(within, future).await.ok(),
    }
}

/// Polls twice, no more. Twice, because hyper hands over one piece of a body at a time, and looks for the next
/// only when that was taken. The wake-up is what makes the second poll certain.
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
