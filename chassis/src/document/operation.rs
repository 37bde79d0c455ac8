//! Operations: their credentials, limits and time bounds.

use super::examples::Example;
use super::path::Template;
use super::service::Objectives;
use std::fmt;
use std::time::Duration;

const BODY_TIMEOUT: Duration = Duration::from_secs(5);
const BODY_BYTES_PER_SECOND: u64 = 64 * 1024;

/// A method that an operation may have. OPTIONS and TRACE are refused for every path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "they are the methods of RFC 9110 and RFC 5789")]
pub enum Method {
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
}

impl Method {
    /// All of them, in the order in which `Allow` lists them.
    pub const ALL: [Self; 6] =
        [Self::Get, Self::Head, Self::Post, Self::Put, Self::Patch, Self::Delete];

    /// The method of a member of a path item.
    pub(super) fn from_member(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.as_str().to_ascii_lowercase() == name)
    }

    /// The method as sent in a request.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The credentials that an operation requires, in ascending order of strictness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// None.
    Open,
    /// A bearer token, which the service checks.
    Bearer,
    /// A key in `X-Api-Key`, which the sidecar checks.
    ApiKey,
}

/// The limit that counts admitted requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Limited {
    /// `client` for a request with a valid key, otherwise `address`.
    ByCredentials,
    /// The limit of this name.
    By(String),
    /// None.
    Never,
}

/// The state that a probe reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Probe {
    /// The process is alive.
    Live,
    /// The process accepts requests. The load balancer adds the query, if there is one.
    Ready(Option<String>),
}

/// How long the response may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deadline {
    /// From the complete request body to the head of the response.
    Head(Duration),
    /// The response streams, and every pause is shorter than this.
    Idle(Duration),
}

/// One operation.
#[derive(Debug, Clone)]
pub struct Operation {
    /// `operationId`: the name of its location in nginx and of its metrics.
    pub id: String,
    /// Its path.
    pub path: Template,
    /// Its method.
    pub method: Method,
    /// The credentials that it requires.
    pub access: Access,
    /// The limit that counts its requests.
    pub limit: Limited,
    /// Longest body in bytes; `None` when the operation takes none.
    pub max_body: Option<u64>,
    /// The media types of its body; empty when it takes none.
    pub media_types: Vec<String>,
    /// How long the response may take.
    pub deadline: Deadline,
    /// The state that it reports, if it is a probe.
    pub probe: Option<Probe>,
    /// Its own objectives. `None` means those of the service.
    pub objectives: Option<Objectives>,
    /// Header parameters, in lower case. The sidecar forwards these in addition to its fixed list.
    pub headers: Vec<String>,
    /// Cookie parameters. The sidecar forwards no other cookie.
    pub cookies: Vec<String>,
    /// Examples of its request's JSON body. The smoke test sends the first one.
    pub examples: Vec<Example>,
}

impl Operation {
    /// The time limit for a complete request body: 5 s, and another second for each 64 KiB that the operation
    /// accepts. Then the service answers 408. The sidecar waits one second longer.
    #[must_use]
    pub fn body_timeout(&self) -> Duration {
        BODY_TIMEOUT + Duration::from_secs(self.max_body.unwrap_or(0) / BODY_BYTES_PER_SECOND)
    }
}
