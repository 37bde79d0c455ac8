//! The conformance table, `data/conformance.json`: one request a row, and all that its answer must be.
//!
//! A row that fails is reported by its name, with all others that fail.

use contract::connection::Connection;
use contract::http::{Request, Response};
use contract::list::at_least;
use contract::own_stack_only;
use contract::shape::faults;
use contract::stack::{KEY, Stack, client_key};
use contract::table;
use contract::target::Target;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::collections::HashSet;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Row {
    pub(crate) name: String,
    /// Bytes to send as they are, instead of a request put together from the other fields.
    pub(crate) raw: Option<String>,
    #[serde(default = "get")]
    method: String,
    #[serde(default)]
    path: String,
    /// Value of `X-Api-Key`.
    key: Option<String>,
    #[serde(default)]
    headers: Vec<(String, String)>,
    /// With `Content-Type: application/json`, unless `headers` has another.
    json: Option<String>,
    /// Spaces are added to the body until it is so long.
    pad: Option<usize>,
    #[serde(default)]
    chunked: bool,
    /// How often the request is sent, one after another; the last answer counts, the others are 200, 401 or 404.
    #[serde(default = "once")]
    times: usize,
    /// The address it comes from, so that rows without a key do not share a limit.
    from: Option<Ipv4Addr>,
    expect: Expect,
    /// How many requests the API may see of it.
    pub(crate) api_sees: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expect {
    /// `null`: closed without an answer.
    status: Option<u16>,
    r#type: Option<String>,
    /// A part of the problem's detail.
    detail: Option<String>,
    body: Option<String>,
    #[serde(default)]
    has: BTreeMap<String, String>,
    #[serde(default)]
    lacks: Vec<String>,
    /// Whether the server closes the connection afterwards.
    closes: Option<bool>,
    /// The request id is one of our own making.
    #[serde(default)]
    fresh_id: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    /// Any stack, running or our own.
    requests: Vec<Row>,
    /// What no client library would send: for the sidecar itself, not for a balancer before it.
    raw: Vec<Row>,
    /// Against the limits of the contract, each row as a client of its own.
    rates: Vec<Row>,
}

fn get() -> String {
    "GET".into()
}

fn once() -> usize {
    1
}

/// Fills in `{key}` and its variants.
pub(crate) fn fill(text: &str, key: &str) -> String {
    let mut text = text
        .replace("{key}", key)
        .replace("{key-lower}", &key.to_lowercase())
        .replace("{key-upper}", &key.to_uppercase())
        .replace("{key-swap}", &swap_case(key))
        .replace("{key-cut}", key.get(..key.len().saturating_sub(1)).unwrap_or_default())
        .replace("{3000}", &"x".repeat(3000))
        .replace("{128}", &"x".repeat(128));
    for number in 1..=contract::stack::CLIENTS {
        text = text.replace(&format!("{{key-{number}}}"), &client_key(number));
    }
    text
}

fn swap_case(key: &str) -> String {
    let swap = |letter: char| {
        if letter.is_lowercase() {
            letter.to_ascii_uppercase()
        } else {
            letter.to_ascii_lowercase()
        }
    };
    key.chars().map(swap).collect()
}

impl Row {
    fn request(&self, key: &str) -> Request {
        let mut request = Request::new(&self.method, &fill(&self.path, key));
        if let Some(value) = &self.key {
            request = request.header("X-Api-Key", &fill(value, key));
        }
        for (name, value) in &self.headers {
            request = request.header(name, &fill(value, key));
        }
        if let Some(json) = &self.json {
            if !self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
                request = request.header("Content-Type", "application/json");
            }
            let mut body = json.clone().into_bytes();
            body.resize(self.pad.unwrap_or(body.len()), b' ');
            request = request.body(body);
        }
        if self.chunked { request.chunked() } else { request }
    }

    /// Sends it and receives the answer; `None` when the connection is closed instead.
    pub(crate) fn send(
        &self,
        connection: &mut Connection,
        key: &str,
    ) -> io::Result<Option<Response>> {
        match &self.raw {
            Some(raw) => {
                let sent = connection.send(fill(raw, key).as_bytes());
                connection
                    .receive()
                    .or_else(|error| if sent.is_err() { Ok(None) } else { Err(error) })
            }
            None => connection.ask(&self.request(key)).map(Some),
        }
    }

    /// Everything that is wrong with the answer.
    pub(crate) fn judge(&self, answer: Option<&Response>) -> Vec<String> {
        let Some(answer) = answer else {
            return self
                .expect
                .status
                .map(|status| format!("closed instead of {status}"))
                .into_iter()
                .collect();
        };
        let mut wrong = faults(answer, self.method == "HEAD");
        let mut expect = |what: &str, found: Option<String>, wanted: Option<String>| {
            if found != wanted {
                wrong.push(format!("{what} is {found:?} and not {wanted:?}"));
            }
        };
        expect(
            "status",
            Some(answer.status.to_string()),
            self.expect.status.map(|status| status.to_string()),
        );
        for (name, value) in &self.expect.has {
            expect(name, answer.all(name).first().map(ToString::to_string), Some(fill(value, "")));
        }
        for name in &self.expect.lacks {
            expect(name, answer.all(name).first().map(ToString::to_string), None);
        }
        if let Some(body) = &self.expect.body {
            expect("body", Some(answer.text()), Some(body.clone()));
        }
        let problem: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        if let Some(r#type) = &self.expect.r#type {
            expect("type", problem["type"].as_str().map(str::to_owned), Some(r#type.clone()));
        }
        if let Some(detail) = &self.expect.detail
            && !problem["detail"].as_str().is_some_and(|text| text.contains(detail))
        {
            wrong.push(format!("detail is {} and does not contain {detail:?}", problem["detail"]));
        }
        let id = answer.request_id();
        if self.expect.fresh_id
            && !(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()))
        {
            wrong.push(format!("the id {id} is not fresh"));
        }
        if wrong.is_empty() { wrong } else { vec![format!("{wrong:?}, body {}", answer.text())] }
    }

    fn run(&self, connect: &dyn Fn() -> io::Result<Connection>, key: &str) -> Vec<String> {
        let attempt = || -> io::Result<Vec<String>> {
            let mut connection = connect()?;
            for _ in 1..self.times {
                let answer = self.send(&mut connection, key)?;
                if !answer
                    .as_ref()
                    .is_some_and(|answer| matches!(answer.status, 200 | 401 | 404 | 405))
                {
                    return Ok(vec![format!("before the last: {answer:?}")]);
                }
                if answer.is_some_and(|answer| answer.closes()) {
                    connection = connect()?;
                }
            }
            let answer = self.send(&mut connection, key)?;
            let mut wrong = self.judge(answer.as_ref());
            if let Some(closes) = self.expect.closes {
                let said = answer.as_ref().is_none_or(Response::closes);
                // What is kept is shown by not being closed; a moment is enough to see that it was.
                let closed = closes && connection.is_closed_within(Duration::from_secs(10));
                if said != closes || closed != closes {
                    wrong.push(format!(
                        "says that it closes: {said}, closed: {closed}, wanted: {closes}"
                    ));
                }
            }
            Ok(wrong)
        };
        attempt().unwrap_or_else(|error| vec![error.to_string()])
    }
}

/// Runs all rows, so many or more, and fails once, with all that went wrong.
fn run_all(minimum: usize, rows: &[Row], run: impl Fn(&Row) -> Vec<String>) {
    let failed: Vec<String> = at_least(minimum, rows)
        .into_iter()
        .map(|row| (row, run(row)))
        .filter(|(_, wrong)| !wrong.is_empty())
        .map(|(row, wrong)| format!("{}: {}", row.name, wrong.join("; ")))
        .collect();
    assert!(
        failed.is_empty(),
        "{} of {} rows fail:\n{}",
        failed.len(),
        rows.len(),
        failed.join("\n")
    );
}

#[test]
fn every_request_is_answered_as_the_table_says() {
    let target = Target::start();
    let table: Table = table::read("conformance");
    run_all(178, &table.requests, |row| row.run(&|| target.connect(), target.key()));
}

#[test]
fn every_raw_request_is_answered_as_the_table_says() {
    own_stack_only!("every_raw_request_is_answered_as_the_table_says");
    let stack = Stack::start();
    let table: Table = table::read("conformance");
    run_all(72, &table.raw, |row| row.run(&|| Connection::open(stack.sidecar.address), KEY));
}

#[test]
fn every_rate_is_limited_as_the_table_says() {
    own_stack_only!("every_rate_is_limited_as_the_table_says");
    let stack = Stack::builder().limited().start();
    let table: Table = table::read("conformance");
    run_all(35, &table.rates, |row| {
        let from: IpAddr = row.from.unwrap_or(Ipv4Addr::LOCALHOST).into();
        row.run(&|| Connection::open_from(from, stack.sidecar.address), KEY)
    });
}

#[test]
fn the_table_names_each_row_once() {
    let Table { requests, raw, rates } = table::read("conformance");
    let names: Vec<&String> =
        [&requests, &raw, &rates].into_iter().flatten().map(|row| &row.name).collect();
    let names = at_least(285, names);
    let distinct: HashSet<_> = names.iter().collect();
    assert_eq!(distinct.len(), names.len(), "two rows have one name");
}
