//! An API that misbehaves, and counts what reaches it.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// What it does once it has read a request.
#[derive(Debug, Clone, Copy)]
pub enum Manner {
    /// Closes the connection without a word.
    Close,
    /// Says nothing.
    Silence,
    /// Sends these bytes, and keeps the connection.
    Say(&'static str),
    /// Sends these bytes to the first request of a connection, and closes it at the second.
    SayOnce(&'static str),
}

/// The running stub. It lives until the test process ends.
#[derive(Debug)]
pub struct Stub {
    /// Where it listens.
    pub address: SocketAddr,
    requests: Arc<AtomicUsize>,
    received: Arc<Mutex<Vec<u8>>>,
}

impl Stub {
    /// Starts one.
    #[must_use]
    pub fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let stub = Self { address, requests: Arc::default(), received: Arc::default() };
        let (requests, received) = (Arc::clone(&stub.requests), Arc::clone(&stub.received));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (requests, received) = (Arc::clone(&requests), Arc::clone(&received));
                thread::spawn(move || serve(stream, manner, &requests, &received));
            }
        });
        stub
    }

    /// How many request heads have arrived.
    #[must_use]
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    /// All bytes that have arrived, as text.
    #[must_use]
    pub fn received(&self) -> String {
        let received = self.received.lock().expect("nothing panics while it holds the lock");
        String::from_utf8_lossy(&received).into_owned()
    }
}

/// Takes whatever arrives in one go for one request: that is how nginx sends small ones.
fn serve(mut stream: TcpStream, manner: Manner, requests: &AtomicUsize, received: &Mutex<Vec<u8>>) {
    let mut block = [0; 16 * 1024];
    let mut served = 0;
    let mut pending = Vec::new();
    while let Ok(length @ 1..) = stream.read(&mut block) {
        received
            .lock()
            .expect("nothing panics while it holds the lock")
            .extend_from_slice(&block[..length]);
        pending.extend_from_slice(&block[..length]);
        if !is_complete(&pending) {
            continue;
        }
        pending.clear();
        requests.fetch_add(1, Ordering::SeqCst);
        served += 1;
        let answered = match manner {
            Manner::Close => return,
            Manner::SayOnce(_) if served > 1 => return,
            Manner::Silence => Ok(()),
            Manner::Say(answer) | Manner::SayOnce(answer) => stream.write_all(answer.as_bytes()),
        };
        if answered.is_err() {
            return;
        }
    }
}

/// Whether a head and the body that it announces are there.
fn is_complete(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes).to_ascii_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
    length
        .is_none_or(|length| length.trim().parse().is_ok_and(|length: usize| body.len() >= length))
}
