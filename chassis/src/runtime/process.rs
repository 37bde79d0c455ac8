//! The means of every process that runs until a stop signal: listeners and signals.

use crate::failure::Failure;
use std::net::SocketAddr;
use tokio::net::{TcpListener, TcpSocket};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::field::DisplayValue;

/// Connections that wait in the kernel's queue while the process is busy or full.
const BACKLOG: u32 = 1024;

/// Listens on the address in a setting.
pub(crate) fn bind(setting: &'static str, address: SocketAddr) -> Result<TcpListener, Failure> {
    listen(address).map_err(|error| Failure::CannotListen { setting, address, error })
}

fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A new process can bind the port while old connections of the last one are still closing.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// The address for the log. With port 0 in a setting, the system chooses the port.
pub(crate) fn address(listener: &TcpListener) -> Option<DisplayValue<SocketAddr>> {
    listener.local_addr().ok().map(tracing::field::display)
}

/// The two stop signals: SIGTERM from the container engine, SIGINT from a person.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    pub(crate) fn catch() -> Result<Self, Failure> {
        let catch = |kind| signal(kind).map_err(Failure::Signals);
        Ok(Self {
            terminate: catch(SignalKind::terminate())?,
            interrupt: catch(SignalKind::interrupt())?,
        })
    }

    /// The name of the next one.
    pub(crate) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
