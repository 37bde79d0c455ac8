//! The conformance table of a service, `contract/conformance.json`: one request per row, with the expected answer.
//!
//! The test reports all failed rows by name.

use contract::binary;
use contract::connection::Connection;
use contract::http::{Request, Response};
use contract::list::at_least;
use contract::own_stack_only;
use contract::service::{self, Service};
use contract::shape::faults;
use contract::stack::Stack;
use contract::target::Target;
use contract::values::Values;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::collections::HashSet;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    name: String,
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
    new_caller: bool,
    /// The source address, so that rows without a key do not share a limit.
    from: Option<Ipv4Addr>,
    expect: Expect,
    /// Replaces `expect` for an nginx that does not limit the number of headers. The service has its own limit, but few
    /// headers reach it.
    uncounted: Option<Expect>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expect {
    /// `null`: the connection is closed without an answer.
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
    /// Whether the sidecar generates the request id.
    #[serde(default)]
    fresh_id: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    /// For any stack.
    requests: Vec<Row>,
    /// Bytes that no client library sends. For a sidecar without a balancer.
    raw: Vec<Row>,
    /// For the limits of the document. Each row has its own client.
    rates: Vec<Row>,
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
        let mut expect = |what: &str, found: Option<String>, wanted: Option<String>| {
            if found != wanted {
                wrong.push(format!("{what} is {found:?} instead of {wanted:?}"));
            }
        };
        expect(
            "status",
            Some(answer.status.to_string()),
            self.expect.status.map(|status| status.to_string()),
        );
        for (name, value) in &self.expect.has {
            expect(
                name,
                answer.all(name).first().map(ToString::to_string),
                Some(values.fill(value)),
            );
        }
        for name in &self.expect.lacks {
            expect(name, answer.all(name).first().map(ToString::to_string), None);
        }
        if let Some(body) = &self.expect.body {
            expect("body", Some(answer.text()), Some(values.fill(body)));
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

    fn run(&self, connect: &dyn Fn() -> io::Result<Connection>, values: &Values) -> Vec<String> {
        let attempt = || -> io::Result<Vec<String>> {
            let mut connection = connect()?;
            for _ in 1..self.times {
                let answer = self.send(&mut connection, values)?;
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
            let answer = self.send(&mut connection, values)?;
            let mut wrong = self.judge(answer.as_ref(), values);
            if let Some(closes) = self.expect.closes {
                let said = answer.as_ref().is_none_or(Response::closes);
                let closed = closes && connection.is_closed_within(Duration::from_secs(10));
                if said != closes || closed != closes {
                    wrong.push(format!(
                        "Connection: close: {said}, closed: {closed}, expected: {closes}"
                    ));
                }
            }
            Ok(wrong)
        };
        attempt().unwrap_or_else(|error| vec![error.to_string()])
    }
}

/// The faults of all rows of a list.
fn run_all(
    service: &Service,
    rows: &[Row],
    mut run: impl FnMut(&Row) -> Vec<String>,
) -> Vec<String> {
    let failed = rows.iter().map(|row| (row, run(row))).filter(|(_, wrong)| !wrong.is_empty());
    failed
        .map(|(row, wrong)| format!("{} [{}]: {}", row.name, service.name(), wrong.join("; ")))
        .collect()
}

/// The tables of the services of this run. They must have at least `minimum` rows.
fn tables(of: impl Fn(&Table) -> usize, minimum: usize) -> Vec<(&'static Service, Table)> {
    let uncounted = binary::nginx_version() >= (1, 23, 0) && !binary::nginx_counts_headers();
    let read = |service: &'static Service| {
        let mut table = service.table::<Table>("conformance")?;
        for row in table.requests.iter_mut().filter(|_| uncounted) {
            row.expect = row.uncounted.take().unwrap_or_else(|| std::mem::take(&mut row.expect));
        }
        Some((service, table))
    };
    let tables: Vec<_> = service::all().into_iter().filter_map(read).collect();
    let rows: usize = tables.iter().map(|(_, table)| of(table)).sum();
    assert!(rows >= minimum || service::is_restricted(), "{rows} rows, {minimum} are known");
    tables
}

#[track_caller]
fn assert_none(failed: &[String]) {
    assert!(failed.is_empty(), "{} rows fail:\n{}", failed.len(), failed.join("\n"));
}

#[test]
fn every_request_gets_the_answer_of_the_table() {
    let tables = tables(|table| table.requests.len(), 183);
    for target in Target::all() {
        for (service, table) in &tables {
            if service.folder() == target.service().folder() {
                let mut values = target.values();
                let run = |row: &Row| {
                    if row.new_caller {
                        values = target.values();
                    }
                    row.run(&|| target.connect(), &values)
                };
                assert_none(&run_all(service, &table.requests, run));
            }
        }
    }
}

#[test]
fn every_raw_request_gets_the_answer_of_the_table() {
    own_stack_only!("every_raw_request_gets_the_answer_of_the_table");
    for (service, table) in tables(|table| table.raw.len(), 72) {
        let stack = Stack::for_service(service).start();
        let values = stack.values();
        let connect = || Connection::open(stack.sidecar.address);
        assert_none(&run_all(service, &table.raw, |row| row.run(&connect, &values)));
    }
}

#[test]
fn every_rate_has_the_limit_of_the_table() {
    own_stack_only!("every_rate_has_the_limit_of_the_table");
    for (service, table) in tables(|table| table.rates.len(), 35) {
        let stack = Stack::for_service(service).limited().start();
        let values = stack.values();
        let run = |row: &Row| {
            let from: IpAddr = row.from.unwrap_or(Ipv4Addr::LOCALHOST).into();
            row.run(&|| Connection::open_from(from, stack.sidecar.address), &values)
        };
        assert_none(&run_all(service, &table.rates, run));
    }
}

#[test]
fn row_names_of_a_table_are_unique() {
    for (_, Table { requests, raw, rates }) in tables(|table| table.requests.len(), 183) {
        let names: Vec<&String> =
            [&requests, &raw, &rates].into_iter().flatten().map(|row| &row.name).collect();
        let names = at_least(1, names);
        let distinct: HashSet<_> = names.iter().collect();
        assert_eq!(distinct.len(), names.len(), "two rows have one name");
    }
}
