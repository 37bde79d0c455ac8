//! Collects the output of a container, line by line.
//!
//! On Fargate, the awslogs driver sends these lines to a log group. Here they are kept in memory, from which the drills
//! compute metrics, and written to a file for people.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};

/// The log of one process; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Log {
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug, Default)]
struct Shared {
    lines: Vec<String>,
    file: Option<File>,
}

impl Log {
    /// A log that is copied to the file.
    pub fn to_file(path: &Path) -> std::io::Result<Self> {
        let file = File::options().create(true).append(true).open(path)?;
        Ok(Self { shared: Arc::new(Mutex::new(Shared { lines: Vec::new(), file: Some(file) })) })
    }

    /// Reads the stream to its end in the background.
    pub fn follow(&self, stream: impl AsyncRead + Unpin + Send + 'static) {
        let log = self.clone();
        tokio::spawn(async move {
            let mut lines = BufReader::new(stream).lines();
            while let Ok(Some(text)) = lines.next_line().await {
                log.push(text);
            }
        });
    }

    /// Adds a line.
    pub fn push(&self, text: String) {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = &mut shared.file {
            // A full disk must not end the rehearsal, because the line is in memory too.
            let _ = writeln!(file, "{text}");
        }
        shared.lines.push(text);
    }

    /// All lines from the given one on.
    #[must_use]
    pub fn from(&self, first: usize) -> Vec<String> {
        let shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        shared.lines.get(first..).unwrap_or_default().to_vec()
    }

    /// Number of lines so far.
    #[must_use]
    pub(crate) fn len(&self) -> usize {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner).lines.len()
    }

    /// The last lines, for an error message.
    #[must_use]
    pub fn tail(&self, count: usize) -> String {
        self.from(self.len().saturating_sub(count)).join("\n")
    }
}
