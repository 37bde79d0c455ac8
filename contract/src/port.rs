//! Free ports.
//!
//! They lie below the range from which the kernel takes the local ports of outgoing connections, so that
//! the suite's own clients cannot take one between its choice and its use.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

static NEXT: AtomicU16 = AtomicU16::new(0);

/// A loopback address on which nothing listens. No two calls of one process give the same.
#[must_use]
pub fn free() -> SocketAddr {
    // Two test processes at once begin at different places.
    let start =
        u16::try_from(std::process::id().wrapping_mul(7919) % u32::from(COUNT)).unwrap_or(0);
    for _ in 0..COUNT {
        let offset = start.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % COUNT;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, FIRST + offset));
        if TcpListener::bind((Ipv4Addr::UNSPECIFIED, address.port())).is_ok() {
            return address;
        }
    }
    panic!("no port between {FIRST} and {} is free", FIRST + COUNT);
}
