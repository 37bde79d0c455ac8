//! A row of `data/traps.json`: the operations that it applies to, the request, and the expected result.

use super::{challenge, guards, reads};
use chassis::document::{Access, Operation, Segment};
use contract::call::{API_KEY, AUTHORIZATION, Call};
use contract::connection::Connection;
use contract::http::{Request, Response};
use contract::service::Service;
use contract::values::Values;
use serde::Deserialize;
use std::io;

/// The operations that a row applies to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Applies {
    /// The row runs once for each service.
    Service,
    /// All operations.
    Operation,
    /// All operations of a service that has an operation with a key.
    KeyedService,
    /// Operations with a path parameter.
    Parameter,
    /// Operations that require a key.
    Key,
    /// Operations that require a bearer token.
    Bearer,
    /// Operations that require a key or a token.
    Credentials,
    /// Operations without credentials.
    Open,
    /// Operations that take a body.
    Body,
    /// Operations that take a body and require credentials.
    GuardedBody,
    /// Operations that only read.
    Read,
    /// Operations that write and take no body.
    NoBody,
}

impl Applies {
    fn to(self, operation: &Operation) -> bool {
        let is = |access| operation.access == access;
        match self {
            Self::Service | Self::Operation | Self::KeyedService => true,
            Self::Parameter => !operation.path.is_static(),
            Self::Key => is(Access::ApiKey),
            Self::Bearer => is(Access::Bearer),
            Self::Credentials => !is(Access::Open),
            Self::Open => is(Access::Open),
            Self::Body => operation.max_body.is_some(),
            Self::GuardedBody => operation.max_body.is_some() && !is(Access::Open),
            Self::Read => reads(operation.method),
            Self::NoBody => !reads(operation.method) && operation.max_body.is_none(),
        }
    }
}

/// The expected result of a row.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub(super) enum Expect {
    /// This status.
    Status(u16),
    /// `valid`: the success of the operation. `served`: the service answers for the operation, also with an error about
    /// the values. `query`: like `valid`, but a service may reject a parameter that its document does not declare, with
    /// 422 `invalid-query`.
    Word(Word),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Word {
    Valid,
    Served,
    Query,
}

/// Whether the caller's request id is kept or replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Id {
    Kept,
    Fresh,
}

/// One row. `Values::fill` and [`Row::fill`] document the placeholders in braces.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Row {
    pub(super) name: String,
    #[serde(rename = "for")]
    pub(super) applies: Applies,
    method: Option<String>,
    target: Option<String>,
    /// Bytes to send instead of a request from the other members.
    pub(super) raw: Option<String>,
    /// Send no credentials.
    #[serde(default)]
    bare: bool,
    /// Headers that replace those with the same name.
    #[serde(default)]
    set: Vec<(String, String)>,
    /// Additional headers.
    #[serde(default)]
    add: Vec<(String, String)>,
    #[serde(default)]
    without: Vec<String>,
    body: Option<String>,
    /// Pads the body with spaces until it is this number of bytes longer than the maximum of the operation.
    beyond: Option<u64>,
    #[serde(default)]
    chunked: bool,
    pub(super) expect: Expect,
    /// A part of the problem's detail.
    detail: Option<String>,
    /// The process that answers: `sidecar` or `api`.
    by: Option<String>,
    pub(super) id: Option<Id>,
    /// The number of requests that the service receives.
    pub(super) api_sees: Option<u64>,
}

impl Row {
    /// The operations of a service that the row runs for.
    pub(super) fn cases(&self, service: &'static Service) -> Vec<&'static Operation> {
        let operations = service.document.operations.iter().filter(|one| self.applies.to(one));
        // Undeclared methods of a path require the strictest credentials of the path.
        let mut cases: Vec<_> =
            operations.filter(|one| self.method.is_none() || guards(service, one)).collect();
        match self.applies {
            Applies::Service => cases.truncate(1),
            Applies::KeyedService if !service.requires(Access::ApiKey) => cases.clear(),
            _ => {}
        }
        cases
    }

    /// Fills in the values of the caller and of the operation:
    ///
    /// - `{method}`, `{lower-method}` and `{type}`, the media type of the body
    /// - `{path}`, `{upper-path}`, and `{encoded-path}` with an escaped first letter
    /// - `{before}` and `{after}`: the path before and after its last parameter
    /// - `{operation}`: the id, and `{unique-128}`, the id padded to 128 characters
    /// - `{credentials}`: the header line
    /// - `{body}`, `{length}` and `{hex-length}`
    pub(super) fn fill(text: &str, call: &Call<'_>, values: &Values) -> String {
        let body = call.body.as_deref().unwrap_or_default();
        let (before, after) = around_parameter(call);
        let mut letters = call.path.chars();
        letters.next();
        let encoded = letters.next().map_or_else(
            || "/%61".into(),
            |first| format!("/%{:02x}{}", u32::from(first), letters.as_str()),
        );
        let filled = text
            .replace("{unique-128}", &format!("{:A<128}", call.operation.id))
            .replace("{method}", call.operation.method.as_str())
            .replace("{lower-method}", &call.operation.method.as_str().to_lowercase())
            .replace("{path}", &call.path)
            .replace("{upper-path}", &call.path.to_uppercase())
            .replace("{encoded-path}", &encoded)
            .replace("{before}", &before)
            .replace("{after}", &after)
            .replace("{operation}", &call.operation.id)
            .replace("{credentials}", &call.credentials_line())
            .replace(
                "{type}",
                call.operation.media_types.first().map_or("text/plain", String::as_str),
            )
            .replace("{body}", body)
            .replace("{length}", &body.len().to_string())
            .replace("{hex-length}", &format!("{:x}", body.len()));
        values.fill(&filled)
    }

    /// Whether the row runs for each operation of each service.
    pub(super) fn is_for_every_operation(&self) -> bool {
        self.applies == Applies::Operation && self.method.is_none()
    }

    /// The target of the request. `None` if the row expects 404 but another path of the document matches the target.
    pub(super) fn target(
        &self,
        call: &Call<'_>,
        values: &Values,
        service: &Service,
    ) -> Option<String> {
        let target = self
            .target
            .as_ref()
            .map_or_else(|| call.path.clone(), |target| Self::fill(target, call, values));
        let path = target.split('?').next().unwrap_or_default();
        let declared = service.document.paths().iter().any(|(template, _)| template.matches(path));
        (self.raw.is_some() || !declared || self.expect != Expect::Status(404)).then_some(target)
    }

    /// The request, for a row without `raw`.
    pub(super) fn request(&self, call: &Call<'_>, values: &Values, target: &str) -> Request {
        // With this header, the log also has a line for a probe.
        let request = call.bare().header("X-Forwarded-For", "198.51.100.7").target(target);
        let request = if self.bare { request } else { call.authorized(request) };
        let mut request = match &self.method {
            Some(method) => request.method(&Self::fill(method, call, values)),
            None => request,
        };
        for name in &self.without {
            request = request.without(name);
        }
        for (name, value) in &self.set {
            request = request.without(name).header(name, &Self::fill(value, call, values));
        }
        for (name, value) in &self.add {
            request = request.header(name, &Self::fill(value, call, values));
        }
        if self.body.is_some() || self.beyond.is_some() {
            let mut body = self.body.as_ref().map_or_else(
                || call.body.clone().unwrap_or_default(),
                |body| Self::fill(body, call, values),
            );
            if let Some(beyond) = self.beyond {
                let length = call.operation.max_body.unwrap_or(0) + beyond;
                let length = usize::try_from(length).expect("it fits into memory");
                body.push_str(&" ".repeat(length - body.len()));
            }
            request = request.body(body);
        }
        if self.chunked { request.chunked() } else { request }
    }

    /// Sends the request and receives the response. `None` if the sidecar closes the connection.
    pub(super) fn send(
        &self,
        connection: &mut Connection,
        call: &Call<'_>,
        values: &Values,
        target: &str,
    ) -> io::Result<Option<Response>> {
        let Some(raw) = &self.raw else {
            return connection.ask(&self.request(call, values, target)).map(Some);
        };
        connection.send(Self::fill(raw, call, values).as_bytes())?;
        if self.is_head(call) { connection.receive_head() } else { connection.receive() }
    }

    /// The faults of the response. `run.rs` checks the line in the log.
    pub(super) fn judge(
        &self,
        call: &Call<'_>,
        service: &Service,
        answer: &Response,
    ) -> Vec<String> {
        let mut faults = contract::shape::faults(answer, self.is_head(call));
        match self.expect {
            Expect::Status(status) if answer.status != status => {
                faults.push(format!("{} instead of {status}: {}", answer.status, answer.text()));
            }
            Expect::Word(Word::Query) if rejects_query(answer) => {}
            Expect::Word(Word::Valid | Word::Query) if !self.is_head(call) => {
                faults.extend(call.faults(answer));
            }
            Expect::Word(_) if answer.status >= 500 => faults.push(format!("{}", answer.status)),
            _ => {}
        }
        let asked = answer.header("WWW-Authenticate").map(str::to_owned);
        if answer.status == 401 && asked != challenge(service, call.operation.access) {
            faults.push(format!("WWW-Authenticate is {asked:?}"));
        }
        if let Some(detail) = &self.detail
            && !answer.text().contains(detail.as_str())
        {
            faults.push(format!("{detail:?} is missing: {}", answer.text()));
        }
        faults
    }

    /// The process that must have answered.
    pub(super) fn answered_by(&self) -> Option<&str> {
        match self.expect {
            Expect::Word(_) => Some("api"),
            Expect::Status(400 | 404) => Some("sidecar"),
            Expect::Status(_) => self.by.as_deref(),
        }
    }

    fn is_head(&self, call: &Call<'_>) -> bool {
        let method = self.method.as_deref().unwrap_or(call.operation.method.as_str());
        method == "HEAD"
    }
}

/// Whether the service rejects a parameter that its document does not declare.
fn rejects_query(answer: &Response) -> bool {
    answer.status == 422 && answer.text().contains(":problem:invalid-query\"")
}

/// The path before and after its last parameter.
fn around_parameter(call: &Call<'_>) -> (String, String) {
    let segments = call.operation.path.segments();
    let last = segments.iter().rposition(|segment| matches!(segment, Segment::Parameter(_)));
    let Some(last) = last else { return Default::default() };
    let sent: Vec<&str> = call.path[1..].split('/').collect();
    let join = |segments: &[&str]| ["", &segments.join("/")].join("/");
    let (before, after) = (&sent[..last], &sent[last + 1..]);
    let after = if after.is_empty() { String::new() } else { join(after) };
    (join(before) + "/", after)
}

/// The names of the headers with credentials, whose values must not be in a log.
pub(super) const CREDENTIALS: [&str; 2] = [API_KEY, AUTHORIZATION];
