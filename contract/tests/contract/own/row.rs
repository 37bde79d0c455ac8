//! A row of a conformance table: one request and its expected response.

use super::expect::Expect;
use super::variants::{Outcome, shown};
use contract::connection::Connection;
use contract::http::{Request, Response};
use contract::shape::faults;
use contract::values::Values;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Row {
    pub(super) name: String,
    /// Bytes to send instead of a request from the other fields.
    raw: Option<String>,
    #[serde(default = "get")]
    method: String,
    #[serde(default)]
    path: String,
    /// The value of `X-Api-Key`.
    key: Option<String>,
    #[serde(default)]
    headers: Vec<(String, String)>,
    /// The body. `Content-Type` is `application/json`, unless `headers` sets another.
    json: Option<String>,
    /// Pads the body with spaces to this length.
    pad: Option<usize>,
    #[serde(default)]
    chunked: bool,
    /// How often the request is sent. The last answer is checked. The others must be 200, 401, 404 or 405.
    #[serde(default = "once")]
    times: usize,
    /// Runs the setup again before the row. Later rows keep the new values.
    #[serde(default)]
    pub(super) new_caller: bool,
    /// Values of the response for later rows, by JSON pointers. They stay after `new_caller`, unless the setup has a
    /// value of the same name.
    #[serde(default)]
    pub(super) fills: BTreeMap<String, String>,
    /// The source address, so that rows without a key do not share a limit.
    pub(super) from: Option<Ipv4Addr>,
    pub(super) expect: Expect,
    /// Replaces `expect` for an nginx that does not limit the number of headers. The service has its own limit, but few
    /// headers reach it.
    pub(super) uncounted: Option<Expect>,
}

fn get() -> String {
    "GET".into()
}

fn once() -> usize {
    1
}

impl Row {
    fn request(&self, values: &Values) -> Request {
        let mut request = Request::new(&self.method, &values.fill(&self.path));
        if let Some(value) = &self.key {
            request = request.header("X-Api-Key", &values.fill(value));
        }
        for (name, value) in &self.headers {
            request = request.header(name, &values.fill(value));
        }
        if let Some(json) = &self.json {
            if !self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
                request = request.header("Content-Type", "application/json");
            }
            let mut body = values.fill(json).into_bytes();
            body.resize(self.pad.unwrap_or(body.len()), b' ');
            request = request.body(body);
        }
        if self.chunked { request.chunked() } else { request }
    }

    /// Sends the request and receives the answer. `None` if the connection is closed.
    fn send(&self, connection: &mut Connection, values: &Values) -> io::Result<Option<Response>> {
        match &self.raw {
            Some(raw) => {
                let sent = connection.send(values.fill(raw).as_bytes());
                connection
                    .receive()
                    .or_else(|error| if sent.is_err() { Ok(None) } else { Err(error) })
            }
            None => connection.ask(&self.request(values)).map(Some),
        }
    }

    /// The faults of the answer.
    fn judge(&self, answer: Option<&Response>, values: &Values) -> Vec<String> {
        let Some(answer) = answer else {
            return self
                .expect
                .status
                .map(|status| format!("closed instead of {status}"))
                .into_iter()
                .collect();
        };
        let mut wrong = faults(answer, self.method == "HEAD");
        wrong.extend(self.expect.differences(answer, values));
        if wrong.is_empty() { wrong } else { vec![format!("{wrong:?}, body {}", answer.text())] }
    }

    /// Sends the request on a new connection and checks the answer. Takes over the values that the row fills.
    pub(super) fn run(
        &self,
        connect: &dyn Fn() -> io::Result<Connection>,
        values: &mut Values,
    ) -> Outcome {
        let mut answer = None;
        let faults = match self.attempt(connect, values, &mut answer) {
            Ok(faults) => faults,
            Err(error) => vec![error.to_string()],
        };
        if let Some(answer) =
            answer.as_ref().filter(|_| faults.is_empty() && !self.fills.is_empty())
        {
            values.add(&self.name, &self.fills, &answer.json());
        }
        Outcome { name: self.name.clone(), faults, shown: shown(answer.as_ref(), values) }
    }

    fn attempt(
        &self,
        connect: &dyn Fn() -> io::Result<Connection>,
        values: &Values,
        last: &mut Option<Response>,
    ) -> io::Result<Vec<String>> {
        let mut connection = connect()?;
        for _ in 1..self.times {
            let answer = self.send(&mut connection, values)?;
            if !answer.as_ref().is_some_and(|answer| matches!(answer.status, 200 | 401 | 404 | 405))
            {
                return Ok(vec![format!("before the last: {answer:?}")]);
            }
            if answer.is_some_and(|answer| answer.closes()) {
                connection = connect()?;
            }
        }
        *last = self.send(&mut connection, values)?;
        let mut wrong = self.judge(last.as_ref(), values);
        if let Some(closes) = self.expect.closes {
            let said = last.as_ref().is_none_or(Response::closes);
            let closed = closes && connection.is_closed_within(Duration::from_secs(10));
            if said != closes || closed != closes {
                wrong.push(format!(
                    "Connection: close: {said}, closed: {closed}, expected: {closes}"
                ));
            }
        }
        Ok(wrong)
    }
}
