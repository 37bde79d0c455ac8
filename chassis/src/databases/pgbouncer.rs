//! `PgBouncer` in transaction mode.

use super::{Postgres, Process, command, find, folder, free_port, give};
use std::fs;
use tempfile::TempDir;

/// A `PgBouncer` in transaction mode.
#[derive(Debug)]
pub struct PgBouncer {
    _process: Process,
    port: u16,
    _folder: TempDir,
}

impl PgBouncer {
    /// Two connections to the server, so that clients share them.
    #[must_use]
    pub fn start(server: &Postgres) -> Self {
        let (folder, port) = (folder(), free_port());
        let users = folder.path().join("users");
        fs::write(&users, "\"postgres\" \"\"\n").unwrap();
        let settings = folder.path().join("pgbouncer.ini");
        let text = format!(
            "[databases]\n* = host=127.0.0.1 port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
            listen_port = {port}\nunix_socket_dir =\nauth_type = trust\nauth_file = {}\n\
            pool_mode = transaction\ndefault_pool_size = 2\nserver_login_retry = 1\n",
            server.port,
            users.display()
        );
        fs::write(&settings, text).unwrap();
        give(folder.path());
        let mut command = command(find("pgbouncer").unwrap());
        let log = folder.path().join("log");
        let process = Process::start(command.arg(&settings), port, &log);
        Self { _process: process, port, _folder: folder }
    }

    /// The URL of a database.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }
}
