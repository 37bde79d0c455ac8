//! One started process of a stack, and the directory with the rendered configuration of a sidecar.

use crate::connection::Connection;
use crate::http::{Request, Response};
use crate::process::Process;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs};

/// One of the two processes.
#[derive(Debug)]
pub struct Server {
    /// The process.
    pub process: Process,
    /// The address on which it listens.
    pub address: SocketAddr,
    /// The private listener. Only the API has one.
    pub metrics: Option<SocketAddr>,
    /// The directory of the rendered configuration. Only the sidecar has one.
    pub runtime: Option<RuntimeDir>,
}

impl Server {
    /// A new connection.
    #[must_use]
    pub fn connect(&self) -> Connection {
        Connection::open(self.address).expect("it accepts connections")
    }

    /// One request on its own connection.
    #[must_use]
    pub fn ask(&self, request: &Request) -> Response {
        self.connect().ask(request).unwrap_or_else(|error| panic!("{request:?}: {error}"))
    }
}

/// A directory that is removed when this value is dropped.
#[derive(Debug)]
pub struct RuntimeDir(PathBuf);

impl RuntimeDir {
    /// A new directory. The workers of nginx, which can run as another user, can enter it.
    #[must_use]
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = env::temp_dir().join(format!("contract-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).expect("the temporary directory takes another");
        Self(path)
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Default for RuntimeDir {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for RuntimeDir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
