//! Callers who do not wait for one another: the rate stays when answers are slow.

use std::collections::VecDeque;
use std::net::SocketAddrV4;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::call;
use crate::stage::key::Key;

/// Longer than any timeout on the way.
const PATIENCE: Duration = Duration::from_secs(15);

type Connection = SendRequest<Full<Bytes>>;
type Idle = Arc<Mutex<VecDeque<Connection>>>;
type Calls = Arc<Mutex<Vec<Call>>>;

/// One request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call {
    /// When it was sent.
    pub(super) sent: Instant,
    /// Its status; 0 when there was no answer.
    pub(super) status: u16,
}

/// Requests at a steady rate, until it is dropped.
#[derive(Debug)]
pub(super) struct Traffic {
    clock: JoinHandle<()>,
    calls: Calls,
}

impl Traffic {
    /// Each key is used so many times a second.
    pub(super) fn start(
        address: SocketAddrV4,
        keys: Vec<Key>,
        example: &call::Call,
        rate: u32,
    ) -> Self {
        let calls = Calls::default();
        let seen = calls.clone();
        let example = Arc::new(example.clone());
        let clock = tokio::spawn(async move {
            let keys: Arc<[Key]> = keys.into();
            let idle = Idle::default();
            let count = u32::try_from(keys.len()).unwrap_or(u32::MAX);
            let mut clock = interval(Duration::from_secs(1) / (rate * count).max(1));
            clock.set_missed_tick_behavior(MissedTickBehavior::Skip);
            for number in 0.. {
                clock.tick().await;
                let (keys, idle, seen, example) =
                    (keys.clone(), idle.clone(), seen.clone(), example.clone());
                tokio::spawn(async move {
                    let sent = Instant::now();
                    let key = &keys[number % keys.len()];
                    let status = timeout(PATIENCE, call(address, key, &example, &idle)).await;
                    let status = status.context("no answer").flatten().unwrap_or(0);
                    seen.lock().unwrap_or_else(PoisonError::into_inner).push(Call { sent, status });
                });
            }
        });
        Self { clock, calls }
    }

    /// The requests that were sent from then on and have ended.
    pub(super) fn since(&self, then: Instant) -> Vec<Call> {
        let calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.iter().filter(|c| c.sent >= then).copied().collect()
    }
}

impl Drop for Traffic {
    fn drop(&mut self) {
        self.clock.abort();
    }
}

async fn call(
    address: SocketAddrV4,
    key: &Key,
    example: &call::Call,
    idle: &Idle,
) -> anyhow::Result<u16> {
    let taken = {
        let mut idle = idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|c| !c.is_closed());
        idle.pop_front()
    };
    let mut connection = match taken {
        Some(connection) => connection,
        None => connect(address).await?,
    };
    let request = example.request(&key.value)?;
    connection.ready().await?;
    let answer = connection.send_request(request).await?;
    let status = answer.status().as_u16();
    answer.into_body().collect().await?;
    idle.lock().unwrap_or_else(PoisonError::into_inner).push_back(connection);
    Ok(status)
}

async fn connect(address: SocketAddrV4) -> anyhow::Result<Connection> {
    let stream = TcpStream::connect(address).await?;
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}
