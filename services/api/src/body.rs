//! A request's body: bounded in size and in time, and never left lying half-read on a connection.
//!
//! The limit and the collecting are `http-body-util`'s. What is ours is the deadline, which costs nothing
//! when the body is already there, and the rule for bodies that an answer comes too early for.

use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Body;
use std::error::Error;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

/// Longest body that is read, in bytes. The sidecar has the same limit.
pub const MAX_BODY: usize = 4096;

/// Why a body could not be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyError {
    /// Longer than [`MAX_BODY`].
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

    /// Reads to the end, `within` so long. A length declared too large is refused before anything is read.
    pub async fn read(&mut self, within: Duration) -> Result<Bytes, BodyError> {
        if self.body.size_hint().lower() > MAX_BODY as u64 {
            return Err(BodyError::TooLarge);
        }
        self.begun = true;
        let bytes = match deadline(within, Limited::new(self.body.as_mut(), MAX_BODY).collect())
            .await
        {
            None => return Err(BodyError::TooSlow),
            Some(Err(error)) if error.is::<LengthLimitError>() => return Err(BodyError::TooLarge),
            Some(Err(_)) => return Err(BodyError::Broken),
            Some(Ok(collected)) => collected.to_bytes(),
        };
        self.ended = true;
        Ok(bytes)
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
        if !self.begun && !self.ended && self.body.size_hint().lower() <= MAX_BODY as u64 {
            let rest = pin!(Limited::new(self.body.as_mut(), MAX_BODY).collect());
            self.ended = matches!(at_once(rest).await, Some(Ok(_)));
        }
        self.ended
    }
}

/// `None` when `future` takes longer than `within`. The timer is made only when there is something to wait
/// for: in most requests the body is there before it is asked for, and a timer would be a tenth of the
/// handler's own work.
async fn deadline<F: Future>(within: Duration, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    match at_once(future.as_mut()).await {
        Some(output) => Some(output),
        None => tokio::time::timeout(within, future).await.ok(),
    }
}

/// Polls twice, no more. Twice, because hyper fetches a body only once it was asked for: the first poll asks,
/// and the second finds what was in the buffer. The wake-up is what makes the second poll certain.
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
