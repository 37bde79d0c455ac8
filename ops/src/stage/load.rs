//! Callers that go on calling while something is being done to the service.
//!
//! Each has its key and one connection that it keeps, and calls below its rate limit. It sends
//! nothing twice: a request that is not answered rightly is a failed request. When the other side
//! said `Connection: close`, it opens a new connection before the next request, as every client does.

use std::net::SocketAddrV4;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::key::Key;
use crate::call::Call;

/// Longer than any timeout on the way.
const PATIENCE: Duration = Duration::from_secs(15);

/// Callers at work.
#[derive(Debug)]
pub struct Load {
    stop: Arc<AtomicBool>,
    callers: Vec<JoinHandle<Outcome>>,
}

/// What the callers saw.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Requests sent.
    pub sent: u64,
    /// What went wrong, one text a failed request.
    pub failures: Vec<String>,
    /// The slowest answer.
    pub slowest: Duration,
}

impl Load {
    /// Every caller sends the example at a pace below its limit.
    #[must_use]
    pub fn start(address: SocketAddrV4, keys: &[Key], example: &Call) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let callers = keys
            .iter()
            .map(|key| tokio::spawn(caller(address, key.clone(), example.clone(), stop.clone())))
            .collect();
        Self { stop, callers }
    }

    /// Lets every caller end its request, and adds up.
    pub async fn stop(self) -> Outcome {
        self.stop.store(true, Ordering::Relaxed);
        let mut sum = Outcome::default();
        for caller in self.callers {
            let outcome = caller.await.unwrap_or_else(|error| Outcome {
                failures: vec![format!("a caller was cut off: {error}")],
                ..Outcome::default()
            });
            if outcome.sent == 0 {
                sum.failures.push("a caller sent nothing".to_owned());
            }
            sum.sent += outcome.sent;
            sum.slowest = sum.slowest.max(outcome.slowest);
            sum.failures.extend(outcome.failures);
        }
        sum
    }
}

impl Outcome {
    /// For a report: the count, and the first failure.
    #[must_use]
    pub fn summary(&self) -> String {
        let first = self.failures.first().map_or_else(String::new, |f| format!(", the first: {f}"));
        format!(
            "{} requests, {} failed{first}, slowest {} ms",
            self.sent,
            self.failures.len(),
            self.slowest.as_millis()
        )
    }

    /// Whether requests were sent and none failed.
    #[must_use]
    pub fn clean(&self) -> bool {
        self.sent > 0 && self.failures.is_empty()
    }
}

async fn caller(address: SocketAddrV4, key: Key, example: Call, stop: Arc<AtomicBool>) -> Outcome {
    let mut outcome = Outcome::default();
    let mut connection = None;
    let mut clock = interval(example.pause());
    // After a slow answer go on at the same pace: catching up would break the rate limit.
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !stop.load(Ordering::Relaxed) {
        clock.tick().await;
        let begun = Instant::now();
        outcome.sent += 1;
        let answered = timeout(PATIENCE, call(address, &key, &example, &mut connection)).await;
        if let Err(error) = answered.context("no answer").flatten() {
            outcome.failures.push(format!("{error:#}"));
            connection = None;
        }
        outcome.slowest = outcome.slowest.max(begun.elapsed());
    }
    outcome
}

type Connection = SendRequest<Full<Bytes>>;

async fn call(
    address: SocketAddrV4,
    key: &Key,
    example: &Call,
    slot: &mut Option<Connection>,
) -> anyhow::Result<()> {
    let mut connection = match slot.take() {
        Some(connection) if !connection.is_closed() => connection,
        _ => connect(address).await?,
    };
    let request = example.request(&key.value)?;
    connection.ready().await.context("the connection was closed")?;
    let answer = connection.send_request(request).await.context("no answer")?;
    let status = answer.status();
    let closing = answer
        .headers()
        .get("connection")
        .is_some_and(|v| v.as_bytes().eq_ignore_ascii_case(b"close"));
    let body = answer.into_body().collect().await.context("half an answer")?.to_bytes();
    if !example.is_answered_by(status.as_u16(), &body) {
        bail!("{status}: {}", String::from_utf8_lossy(&body));
    }
    if !closing {
        *slot = Some(connection);
    }
    Ok(())
}

async fn connect(address: SocketAddrV4) -> anyhow::Result<Connection> {
    let stream = TcpStream::connect(address).await.context("cannot connect")?;
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}
