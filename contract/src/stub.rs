//! An API that misbehaves, and counts the requests that reach it.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// The reaction to a request.
#[derive(Debug, Clone, Copy)]
pub enum Behavior {
    /// Closes the connection without a response.
    Close,
    /// Sends no response.
    Silence,
    /// Sends these bytes, and keeps the connection.
    Say(&'static str),
    /// Sends these bytes for the first request of a connection, and closes it after the second.
    SayOnce(&'static str),
}

/// The running stub. It runs until the test process ends.
#[derive(Debug, Clone)]
pub struct Stub {
    /// The address on which it listens.
    pub address: SocketAddr,
    requests: Arc<AtomicUsize>,
    latest: Arc<Mutex<String>>,
}

impl Stub {
    /// Starts a stub.
    #[must_use]
    pub fn start(behavior: Behavior) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let stub = Self { address, requests: Arc::default(), latest: Arc::default() };
        let shared = stub.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let stub = shared.clone();
                thread::spawn(move || stub.serve(stream, behavior));
            }
        });
        stub
    }

    /// The number of received requests.
    #[must_use]
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    /// The lines of the head of the latest request, without the empty line. Empty before the first request.
    #[must_use]
    pub fn latest_head(&self) -> Vec<String> {
        let latest = self.latest.lock().expect("nothing panics while it holds the lock");
        let head = latest.split("\r\n\r\n").next().unwrap_or_default();
        head.lines().map(str::to_owned).collect()
    }

    /// Reads requests one after another: nginx sends no second request before the response to the first.
    fn serve(&self, mut stream: TcpStream, behavior: Behavior) {
        let mut block = [0; 16 * 1024];
        let mut served = 0;
        let mut pending = Vec::new();
        while let Ok(length @ 1..) = stream.read(&mut block) {
            pending.extend_from_slice(&block[..length]);
            if !is_complete(&pending) {
                continue;
            }
            let text = String::from_utf8_lossy(&pending).into_owned();
            *self.latest.lock().expect("nothing panics while it holds the lock") = text;
            pending.clear();
            self.requests.fetch_add(1, Ordering::SeqCst);
            served += 1;
            let answered = match behavior {
                Behavior::Close => return,
                Behavior::SayOnce(_) if served > 1 => return,
                Behavior::Silence => Ok(()),
                Behavior::Say(answer) | Behavior::SayOnce(answer) => {
                    stream.write_all(answer.as_bytes())
                }
            };
            if answered.is_err() {
                return;
            }
        }
    }
}

/// Whether the bytes contain a head and its whole body.
fn is_complete(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes).to_ascii_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    if head.contains("transfer-encoding: chunked") {
        return body.ends_with("0\r\n\r\n");
    }
    let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
    length
        .is_none_or(|length| length.trim().parse().is_ok_and(|length: usize| body.len() >= length))
}
