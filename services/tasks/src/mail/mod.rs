//! Mails: built, and sent by SMTP or written as files.

mod server;
mod session;

pub use self::server::{InvalidServer, Server};

use crate::model::mail::{Address, Attempt, DailyLimit, Recipients};
use crate::model::task::TaskId;
use crate::model::timestamp::Timestamp;
use crate::results::files::private_folder;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use lettre::address::Envelope;
use lettre::message::Mailbox;
use lettre::message::header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue};
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};
use thiserror::Error;
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

/// The time that a server has for the whole mail. A job that sends a mail has more.
const TIMEOUT: Duration = Duration::from_secs(40);

/// The bytes of an encoded word of the subject. Its line has at most 78 characters (RFC 5322).
const LONGEST_WORD: usize = 36;

/// How the process sends mails.
#[derive(Debug)]
pub struct Mail {
    /// The sender of all mails.
    pub from: Address,
    /// The addresses that may receive one.
    pub recipients: Recipients,
    /// The most attempts in a day.
    pub limit: DailyLimit,
    /// The way that they take.
    pub way: Way,
}

/// The way of a mail.
pub enum Way {
    /// To a mail server.
    Server(Box<Server>),
    /// Into a file of this folder.
    Folder(PathBuf),
}

/// Without the password of the server.
impl fmt::Debug for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server(server) => server.fmt(f),
            Self::Folder(folder) => write!(f, "files in {}", folder.display()),
        }
    }
}

impl Way {
    /// Files in a folder of their owner, which is created.
    pub fn into_folder(folder: &Path) -> io::Result<Self> {
        private_folder(folder)?;
        Ok(Self::Folder(folder.into()))
    }
}

/// A mail as it is sent.
#[derive(Debug)]
pub struct Message {
    /// The task that it belongs to.
    task: TaskId,
    envelope: Envelope,
    bytes: Vec<u8>,
}

/// The content of a mail.
#[derive(Debug, Clone, Copy)]
pub struct Content<'a> {
    /// The subject.
    pub subject: &'a str,
    /// The text.
    pub body: &'a str,
}

/// Why a mail was not sent. The owner of the task reads the text.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NotSent {
    /// The daily limit is reached.
    #[error("the daily limit of mails {} is reached; it ends at 00:00 UTC", match .0 {
        Attempt::AllLimit => "of all users",
        _ => "of a user",
    })]
    Limit(Attempt),
    /// The content cannot be a mail.
    #[error("the mail cannot be built")]
    Invalid,
    /// There is no connection, or it is not secure.
    #[error("the mail server cannot be reached")]
    Unreachable,
    /// It accepted nothing and refused nothing.
    #[error("the mail server did not answer in time")]
    TimedOut,
    /// It ended the connection, or does not speak SMTP.
    #[error("the mail server broke off")]
    BrokenOff,
    /// It refused a step, with this first digit of its status.
    #[error("the mail server refused {step} (status {class}xx)")]
    Refused {
        /// The step.
        step: &'static str,
        /// 4 or 5.
        class: u8,
    },
    /// The file cannot be written.
    #[error("the file of the mail cannot be written")]
    File,
}

impl Mail {
    /// Builds a mail. All mails of a task have the same `Message-ID`, so that a receiver recognizes a repeated one.
    pub fn message(
        &self,
        task: TaskId,
        to: &Address,
        content: Content<'_>,
        now: Timestamp,
    ) -> Result<Message, NotSent> {
        let Content { subject, body } = content;
        // Only a body has lines.
        if subject.contains(char::is_control) {
            return Err(NotSent::Invalid);
        }
        let (from, to) = (address(&self.from)?, address(to)?);
        let date = UNIX_EPOCH + Duration::from_secs(now.as_secs());
        // A single CR could end a line for one server and not for the next one.
        let body = body.replace("\r\n", "\n").replace('\r', "\n");
        let message = lettre::Message::builder()
            .message_id(Some(format!("<{task}@{}>", self.from.domain().as_str())))
            .date(date)
            .from(Mailbox::new(None, from))
            .to(Mailbox::new(None, to))
            .raw_header(header(subject))
            .header(ContentType::TEXT_PLAIN)
            // It keeps every line short, and encodes what is no printable ASCII.
            .header(ContentTransferEncoding::QuotedPrintable)
            .body(body)
            .map_err(|_| NotSent::Invalid)?;
        Ok(Message { task, envelope: message.envelope().clone(), bytes: message.formatted() })
    }

    /// Sends a mail, or ends with an error at the deadline. A server can have accepted a mail although this function
    /// returns an error, because its answer was lost.
    pub async fn send(&self, message: Message, deadline: Instant) -> Result<(), NotSent> {
        match &self.way {
            Way::Server(server) => {
                let deadline = deadline.min(Instant::now() + TIMEOUT);
                let sent = session::send(server, self.from.domain(), &message);
                timeout_at(deadline, sent).await.unwrap_or(Err(NotSent::TimedOut))
            }
            Way::Folder(folder) => {
                let (folder, task) = (folder.clone(), message.task);
                let written = tokio::task::spawn_blocking(move || message.write(&folder));
                let written = written.await.map_err(io::Error::other).flatten();
                written.map_err(|error| {
                    tracing::warn!(
                        task_id = %task,
                        error = &error as &dyn std::error::Error,
                        "a mail was not written"
                    );
                    NotSent::File
                })
            }
        }
    }
}

/// The subject. `lettre` sends ASCII as it is, also a text that a reader would decode (RFC 2047).
fn header(subject: &str) -> HeaderValue {
    let name = HeaderName::new_from_ascii_str("Subject");
    if !subject.contains("=?") {
        return HeaderValue::new(name, subject.to_owned());
    }
    let mut words = vec![String::new()];
    for character in subject.chars() {
        match words.last_mut() {
            Some(word) if word.len() + character.len_utf8() <= LONGEST_WORD => word.push(character),
            _ => words.push(character.into()),
        }
    }
    let words = words.iter().map(|word| format!("=?utf-8?b?{}?=", BASE64_STANDARD.encode(word)));
    let encoded = words.collect::<Vec<_>>().join("\r\n ");
    HeaderValue::dangerous_new_pre_encoded(name, subject.to_owned(), encoded)
}

/// An address that was checked with stricter rules.
fn address(address: &Address) -> Result<lettre::Address, NotSent> {
    lettre::Address::new(address.name(), address.domain().as_str()).map_err(|_| NotSent::Invalid)
}

impl Message {
    /// The bytes of the mail.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Writes a file for its owner only. A repeated attempt replaces it.
    fn write(&self, folder: &Path) -> io::Result<()> {
        let path = folder.join(format!("{}.eml", self.task));
        // A run that lost its lease can still write.
        let unfinished = folder.join(format!("{}.{}", self.task, Uuid::now_v7()));
        let mut file =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
        file.write_all(&self.bytes)?;
        file.sync_all()?;
        fs::rename(&unfinished, &path)?;
        File::open(folder)?.sync_all()
    }
}
