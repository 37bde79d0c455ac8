//! A port in front of a server that a test can close, so that clients do not reach a server that goes on.

use super::free_port;
use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

/// A port. Its connections go to a server, until it is closed.
#[derive(Debug)]
pub struct Gate {
    port: u16,
    server: u16,
    open: Option<Open>,
}

/// The connections of an open port.
#[derive(Debug)]
struct Open {
    flow: Arc<Flow>,
    accepts: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Flow {
    is_closed: AtomicBool,
    streams: Mutex<Vec<TcpStream>>,
}

impl Gate {
    /// A free port whose connections go to the port of a server.
    #[must_use]
    pub fn open(server: u16) -> Self {
        let mut gate = Self { port: free_port(), server, open: None };
        gate.open_again();
        gate
    }

    /// The port for clients.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Accepts connections again.
    pub fn open_again(&mut self) {
        self.accept(Some(self.server));
    }

    /// Accepts connections, but no server reads what they send.
    pub fn silence(&mut self) {
        self.close();
        self.accept(None);
    }

    /// Cuts all connections, and refuses new ones.
    pub fn close(&mut self) {
        let Some(Open { flow, accepts }) = self.open.take() else { return };
        flow.is_closed.store(true, Ordering::SeqCst);
        // It wakes the thread.
        drop(TcpStream::connect(("127.0.0.1", self.port)));
        accepts.join().unwrap();
        for stream in flow.streams.lock().unwrap().drain(..) {
            // The peer can be gone.
            drop(stream.shutdown(Shutdown::Both));
        }
    }

    fn accept(&mut self, server: Option<u16>) {
        assert!(self.open.is_none(), "the gate is open");
        let listener = TcpListener::bind(("127.0.0.1", self.port)).unwrap();
        let flow = Arc::new(Flow::default());
        let shared = Arc::clone(&flow);
        let accepts = thread::spawn(move || {
            for client in listener.incoming() {
                if shared.is_closed.load(Ordering::SeqCst) {
                    return;
                }
                // The client can be gone, or the server.
                drop(client.and_then(|client| shared.join(client, server)));
            }
        });
        self.open = Some(Open { flow, accepts });
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.close();
    }
}

impl Flow {
    /// Sends all bytes of both sides to the other one, until one of them ends.
    fn join(&self, client: TcpStream, server: Option<u16>) -> io::Result<()> {
        if let Some(port) = server {
            let server = TcpStream::connect(("127.0.0.1", port))?;
            pump(client.try_clone()?, server.try_clone()?);
            pump(server.try_clone()?, client.try_clone()?);
            self.streams.lock().unwrap().push(server);
        }
        self.streams.lock().unwrap().push(client);
        Ok(())
    }
}

fn pump(mut from: TcpStream, mut to: TcpStream) {
    thread::spawn(move || {
        drop(io::copy(&mut from, &mut to));
        for stream in [from, to] {
            drop(stream.shutdown(Shutdown::Both));
        }
    });
}
