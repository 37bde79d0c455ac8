//! A mail server: `aiosmtpd`, which `cargo xtask tools smtp` installs.

use chassis::databases::{Process, free_port};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// The TLS of a server, and the file with its key and its certificate.
#[derive(Clone, Copy)]
pub(crate) enum Tls<'a> {
    None,
    Wrapped(&'a Path),
    Upgraded(&'a Path),
}

fn folder_of_package() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn python() -> PathBuf {
    folder_of_package().join("../../.tools/smtp/bin/python")
}

/// Prints that a test is skipped, if the server is missing.
#[must_use]
pub(crate) fn can_receive(test: &str) -> bool {
    if !python().exists() {
        println!("SKIPPED: {test}: the mail server is not installed; run cargo xtask tools smtp");
        return false;
    }
    true
}

/// A mail as it was received, and as Python's package `email` reads it.
pub(crate) struct Received {
    pub(crate) bytes: Vec<u8>,
    pub(crate) read: Value,
}

impl Received {
    /// The values of all headers with this name, in lower case.
    pub(crate) fn headers(&self, name: &str) -> Vec<&str> {
        let headers = self.read["headers"].as_array().unwrap().iter();
        headers.filter(|pair| pair[0] == name).map(|pair| pair[1].as_str().unwrap()).collect()
    }
}

/// A mail server. Its user is `me`, with the password `correct: horse/battery`.
pub(crate) struct MailServer {
    _process: Process,
    pub(crate) port: u16,
    folder: TempDir,
}

impl MailServer {
    pub(crate) fn start(tls: Tls<'_>) -> Self {
        let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "INT", "--"]).arg(python());
        command.arg(folder_of_package().join("tests/store/smtp/smtp.py"));
        command.arg(folder.path()).arg(port.to_string());
        match tls {
            Tls::None => command.arg("none"),
            Tls::Wrapped(file) => command.arg("tls").arg(file),
            Tls::Upgraded(file) => command.arg("starttls").arg(file),
        };
        let log = folder.path().join("log");
        Self { _process: Process::start(&mut command, port, &log), port, folder }
    }

    /// The mails since the start.
    pub(crate) fn received(&self) -> Vec<Received> {
        let file = |number, end| self.folder.path().join(format!("{number}.{end}"));
        (0..)
            .map_while(|number| {
                let read = fs::read(file(number, "json")).ok()?;
                let bytes = fs::read(file(number, "eml")).unwrap();
                Some(Received { bytes, read: serde_json::from_slice(&read).unwrap() })
            })
            .collect()
    }
}
