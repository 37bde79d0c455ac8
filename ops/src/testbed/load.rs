//! Callers that send requests while a step changes the service.
//!
//! Each has its key and stays below its rate limit, even when responses are slow. There are no retries: a request
//! without the response of the document has failed.

use std::net::SocketAddrV4;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use loadgen::{Answer, Caller, Client, Pace};
use tokio::time::sleep;

use super::key::Key;
use crate::call::Call;

/// Longer than any timeout between caller and service.
const PATIENCE: Duration = Duration::from_secs(15);

/// Longer than any rehearsal or drill.
const ENDLESS: Duration = Duration::from_hours(24);

/// One request that has ended.
#[derive(Debug, Clone)]
pub struct Request {
    /// The number of the caller.
    pub caller: usize,
    /// When it was due.
    pub due: Instant,
    /// Time from `due` to the end of the response.
    pub took: Duration,
    /// The wrong response; `None` when it was right.
    pub failure: Option<String>,
}

/// Running callers. Dropping this stops them.
#[derive(Debug)]
pub struct Load {
    callers: usize,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Load {
    /// Starts to send the example with each key, `rate` times a second.
    pub fn start(
        address: SocketAddrV4,
        keys: &[Key],
        example: &Call,
        rate: f64,
    ) -> anyhow::Result<Self> {
        let caller = |key: &Key| Caller {
            address: address.into(),
            requests: vec![example.bytes(&key.value)],
        };
        let callers = keys.len();
        let mut client = Client::in_turn(keys.iter().map(caller).collect(), PATIENCE)?;
        let (stop, requests) = (client.stop.clone(), Arc::<Mutex<Vec<Request>>>::default());
        let (seen, example) = (requests.clone(), example.clone());
        let rate = rate * f64::from(u32::try_from(callers)?);
        let thread = std::thread::spawn(move || {
            let push = |request| seen.lock().unwrap_or_else(PoisonError::into_inner).push(request);
            let pace = Pace::Steady { rate, duration: ENDLESS };
            if let Err(error) = client.run(pace, |answer| push(request(answer, &example))) {
                let failure = Some(format!("the load has ended: {error}"));
                push(Request { caller: 0, due: Instant::now(), took: Duration::ZERO, failure });
            }
        });
        Ok(Self { callers, stop, thread, requests })
    }

    /// The requests that have ended and were due at `then` or later.
    #[must_use]
    pub fn since(&self, then: Instant) -> Vec<Request> {
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        requests.iter().filter(|request| request.due >= then).cloned().collect()
    }

    /// Stops after the current requests. Returns the number of requests and the slowest one, or an error when one
    /// failed.
    pub async fn stop(self) -> anyhow::Result<String> {
        self.stop.store(true, Ordering::Relaxed);
        while !self.thread.is_finished() {
            sleep(Duration::from_millis(10)).await;
        }
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        for caller in 0..self.callers {
            let sent = requests.iter().any(|request| request.caller == caller);
            ensure!(sent, "caller {caller} sent nothing");
        }
        let slowest = requests.iter().map(|request| request.took).max().context("no request")?;
        let mut failures = requests.iter().filter_map(|request| request.failure.as_deref());
        let (first, failed) = (failures.next(), failures.count());
        let all = format!("{} requests, slowest {} ms", requests.len(), slowest.as_millis());
        first.map_or(Ok(all.clone()), |first| {
            Err(anyhow::anyhow!("{all}, {} failed, the first: {first}", failed + 1))
        })
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn request(answer: &Answer<'_>, example: &Call) -> Request {
    let good = example.is_answered_by(answer.status, answer.body);
    let body = || String::from_utf8_lossy(answer.body);
    Request {
        caller: answer.caller,
        due: answer.due,
        took: answer.latency,
        failure: (!good).then(|| format!("{}: {}", answer.status, body())),
    }
}

#[cfg(test)]
mod tests {
    use chassis::document::Document;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    /// The result of two callers after half a second, when every response has this status.
    async fn outcome(status: u16) -> anyhow::Result<String> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let std::net::SocketAddr::V4(address) = listener.local_addr()? else { unreachable!() };
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (body, mut request) = (r#"{"cents":495}"#, [0; 1024]);
                    let head = format!("HTTP/1.1 {status} X\r\nContent-Length: {}", body.len());
                    while stream.read(&mut request).await.is_ok_and(|length| length > 0) {
                        let _ = stream.write_all(format!("{head}\r\n\r\n{body}").as_bytes()).await;
                    }
                });
            }
        });
        let document = Document::parse(include_str!("../../../contract/parcels/openapi.json"))?;
        let keys = [Key::random("a")?, Key::random("b")?];
        let load = Load::start(address, &keys, &Call::from_document(&document)?, 20.0)?;
        sleep(Duration::from_millis(500)).await;
        load.stop().await
    }

    #[tokio::test]
    async fn failed_request_is_reported_with_its_reason() {
        let clean = outcome(200).await.unwrap();
        assert!(clean.contains(" requests, slowest "), "{clean}");
        let failed = outcome(503).await.unwrap_err().to_string();
        assert!(failed.contains(r#" failed, the first: 503: {"cents":495}"#), "{failed}");
    }
}
