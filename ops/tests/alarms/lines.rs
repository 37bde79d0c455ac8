//! Collects every kind of log line from the two real containers. Alarms, queries and the dashboard can use only the
//! members and metrics of these lines.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;
use std::thread;

use contract::http::Request;
use contract::process::Process;
use contract::service;
use contract::stack::{Builder, KEY, Server, Stack as Service, client_key};
use contract::stub::{Behavior, Stub};
use contract::wait::{PATIENCE, poll};
use ops::alarms::emf::Record;
use ops::alarms::metric::MetricId;
use ops::call::Call;
use serde_json::Value;

use crate::stack::Stack;

/// The expected values in a request's line: status, outcome, `answered_by`, route.
pub(crate) type Expected = (u16, &'static str, &'static str, &'static str);

/// All collected lines, and the expected values of some lines.
pub(crate) struct Lines {
    pub(crate) sidecar: Vec<Value>,
    api: Vec<Value>,
    pub(crate) expected: Vec<(Expected, Value)>,
}

/// All lines. They are collected once, in about ten seconds.
pub(crate) fn lines(stack: &Stack) -> &'static Lines {
    static LINES: OnceLock<Lines> = OnceLock::new();
    LINES.get_or_init(|| collect(&stack.sidecar_environment()))
}

/// The metrics in the lines of the sidecar.
pub(crate) fn emitted(stack: &Stack) -> BTreeSet<MetricId> {
    let records = lines(stack).sidecar.iter().map(record);
    records.flat_map(|record| record.data.into_iter().map(|datum| datum.id)).collect()
}

/// The members of the lines of both containers.
pub(crate) fn members(stack: &Stack) -> BTreeSet<String> {
    let lines = lines(stack);
    let all = lines.sidecar.iter().chain(&lines.api);
    all.filter_map(Value::as_object).flat_map(|line| line.keys().cloned()).collect()
}

/// The lines of the API.
pub(crate) fn api(stack: &Stack) -> &'static [Value] {
    &lines(stack).api
}

/// The messages of the API's lines.
pub(crate) fn messages(stack: &Stack) -> BTreeSet<&'static str> {
    api(stack).iter().filter_map(|line| line["message"].as_str()).collect()
}

/// The line as a metric record.
pub(crate) fn record(line: &Value) -> Record {
    Record::read(&line.to_string())
        .unwrap_or_else(|error| panic!("{error:#}: {line}"))
        .unwrap_or_else(|| panic!("no metric record: {line}"))
}

/// The example call of the service.
fn example() -> &'static Call {
    static EXAMPLE: OnceLock<Call> = OnceLock::new();
    EXAMPLE.get_or_init(|| Call::from_document(&service().document).expect("a service with a key"))
}

/// The service of the plan, found by its sidecar's `SERVICE_NAME`.
static PLANNED: OnceLock<&service::Service> = OnceLock::new();

fn service() -> &'static service::Service {
    PLANNED.get().expect("the plan has been read")
}

fn path() -> &'static str {
    &example().path
}

/// The example call with another JSON body.
fn call(key: &str, body: impl AsRef<[u8]>) -> Request {
    Request::new(example().method, path())
        .header("X-Api-Key", key)
        .header("Content-Type", "application/json")
        .body(body)
}

/// Waits for the first line of the process for which `is` returns true.
fn line(process: &Process, what: &str, is: impl Fn(&Value) -> bool) -> Value {
    poll(PATIENCE, || process.log.events().into_iter().find(&is))
        .unwrap_or_else(|| panic!("no line of {what} in:\n{}", process.log.text()))
}

/// Sends a request with an id, and finds its line.
fn ask(server: &Server, name: &str, request: Request, expected: Expected) -> (Expected, Value) {
    let answer = server.ask(&request.header("X-Request-Id", name));
    assert_eq!(answer.status, expected.0, "{name}");
    (expected, line(&server.process, name, |line| line["request_id"] == name))
}

/// Sends bytes, waits until the connection is closed, and finds the line by its status.
fn say(server: &Server, bytes: &str, expected: Expected) -> (Expected, Value) {
    let mut connection = server.connect();
    connection.send(bytes.as_bytes()).unwrap();
    let _ = connection.receive_rest();
    let found = line(&server.process, bytes, |line| line["status"] == expected.0);
    (expected, found)
}

fn fast_cases(service: &Service) -> Vec<(Expected, Value)> {
    let (sidecar, path) = (&service.sidecar, path());
    let key = |request: Request| request.header("X-Api-Key", KEY);
    let post = || Request::new("POST", path);
    let text = || key(post().header("Content-Type", "text/plain").body("{}"));
    let check = |path| Request::get(path).header("X-Forwarded-For", "192.0.2.1");
    let openapi = || Request::get("/openapi.json");
    let long = "x".repeat(4000);
    let uri = format!("GET /{long} HTTP/1.1\r\nHost: x\r\n\r\n");
    let field = format!("GET / HTTP/1.1\r\nHost: x\r\nX: {long}\r\n\r\n");
    let coding = format!("POST {path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n");
    let version = "GET / HTTP/3.0\r\nHost: x\r\n\r\n";
    vec![
        ask(sidecar, "served", call(KEY, &example().body), (200, "Served", "api", path)),
        ask(sidecar, "no-json", call(KEY, "{"), (400, "Refused", "api", path)),
        ask(sidecar, "no-key", post(), (401, "Unauthorized", "sidecar", path)),
        ask(sidecar, "nothing", Request::get("/nothing"), (404, "Refused", "sidecar", "other")),
        ask(sidecar, "method", key(Request::get(path)), (405, "Refused", "sidecar", path)),
        ask(sidecar, "large", call(KEY, " ".repeat(4097)), (413, "Refused", "sidecar", path)),
        ask(sidecar, "type", text(), (415, "Refused", "api", path)),
        ask(sidecar, "empty", call(KEY, "{}"), (422, "Refused", "api", path)),
        ask(sidecar, "openapi", openapi(), (200, "Served", "api", "/openapi.json")),
        ask(sidecar, "alive", check("/healthz"), (200, "Served", "api", "/healthz")),
        ask(sidecar, "ready", check("/readyz"), (200, "Served", "api", "/readyz")),
        say(sidecar, &uri, (414, "Refused", "sidecar", "other")),
        say(sidecar, &field, (431, "Refused", "sidecar", "other")),
        say(sidecar, &coding, (501, "SidecarErrors", "sidecar", path)),
        say(sidecar, version, (505, "SidecarErrors", "sidecar", "other")),
    ]
}

/// A sidecar in front of a stub API.
fn before_stub(builder: &Builder, behavior: Behavior) -> Server {
    builder.clone().start_sidecar(Stub::start(behavior).address)
}

fn failing_api(builder: &Builder) -> Vec<(Expected, Value)> {
    const FAILED: &str = "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n";
    const STARTING: &str = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";
    let cases = [
        ("failed", Behavior::Say(FAILED), (500, "ApiErrors", "api", path())),
        ("starting", Behavior::Say(STARTING), (503, "ApiErrors", "api", path())),
        ("gone", Behavior::Close, (502, "SidecarErrors", "sidecar", path())),
        ("silent", Behavior::Silence, (504, "SidecarErrors", "sidecar", path())),
    ];
    let started = cases.map(|(name, behavior, expected)| {
        let builder = builder.clone();
        thread::spawn(move || {
            let server = before_stub(&builder, behavior);
            ask(&server, name, call(KEY, "{}"), expected)
        })
    });
    started.into_iter().map(|case| case.join().expect("no panic")).collect()
}

/// Three callers: one closes its connection, one never sends its body, and one never ends its header. The sidecar
/// treats the closed connection as a half-closed one, so it completes that request.
fn bad_callers(builder: &Builder, service: &Service) -> Vec<(Expected, Value)> {
    let silent = before_stub(builder, Behavior::Silence);
    let mut connection = service.sidecar.connect();
    let hung_up = call(KEY, "{}").header("X-Request-Id", "hung-up");
    connection.send(&hung_up.bytes("x")).unwrap();
    drop(connection);
    let hung_up = line(&service.sidecar.process, "the caller that hangs up", |line| {
        line["request_id"] == "hung-up"
    });

    let slow = "X-Request-Id: slow\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{";
    let slow = format!("POST {} HTTP/1.1\r\nHost: x\r\nX-Api-Key: {KEY}\r\n{slow}", path());
    let mut body = service.sidecar.connect();
    body.send(slow.as_bytes()).unwrap();
    let mut head = silent.connect();
    head.send(format!("GET {} HTTP/1.1\r\nHost:", path()).as_bytes()).unwrap();
    let _ = (body.receive_rest(), head.receive_rest());
    let body = line(&service.sidecar.process, "a slow body", |line| line["status"] == 408);
    let head = line(&silent.process, "a slow head", |line| line["status"] == 0);
    vec![
        ((422, "Refused", "api", path()), hung_up),
        ((408, "Refused", "api", path()), body),
        ((0, "Refused", "sidecar", path()), head),
    ]
}

fn throttled(builder: &Builder) -> Vec<(Expected, Value)> {
    let limited = builder.clone().limited().start();
    let id = |n: u8| format!("throttled-{n}");
    let until_429 = |request: &dyn Fn() -> Request, n| {
        for _ in 0..30 {
            let request = request().header("X-Request-Id", &id(n));
            if limited.sidecar.ask(&request).status == 429 {
                return line(&limited.sidecar.process, "429", |line| {
                    line["status"] == 429 && line["request_id"] == id(n).as_str()
                });
            }
        }
        panic!("no request got 429");
    };
    let client = until_429(&|| call(&client_key(1), "{}"), 1);
    let address = until_429(&|| Request::new("POST", path()), 2);
    vec![
        ((429, "ClientThrottled", "sidecar", path()), client),
        ((429, "AddressThrottled", "sidecar", path()), address),
    ]
}

/// The lines of an API that cannot reach SSM, gets a request and is stopped.
fn api_without_ssm() -> Vec<Value> {
    let api = Service::for_service(service())
        .never_ready()
        .api_without("API_KEY")
        .api("API_KEY_PARAMETER", "/nowhere")
        .api("AWS_REGION", "us-east-1")
        .api("AWS_ACCESS_KEY_ID", "none")
        .api("AWS_SECRET_ACCESS_KEY", "none")
        .api("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
        .start_api();
    let _ = line(&api.process, "SSM", |line| line["message"] == "SSM is away");
    let request =
        call(KEY, "{}").header("X-Amzn-Trace-Id", "Root=1-67891233-abcdef012345678912345678");
    assert_eq!(api.ask(&request).status, 503);
    api.process.signal(contract::process::Signal::TERM);
    let _ = line(&api.process, "the end", |line| line["message"] == "drain ends");
    api.process.log.events()
}

fn collect(environment: &BTreeMap<String, String>) -> Lines {
    let named = |service: &&service::Service| {
        environment["SERVICE_NAME"].starts_with(&format!("{}-", service.name()))
    };
    let planned = service::found().iter().find(named).expect("a service of the plan");
    let _ = PLANNED.set(planned);
    let builder = Service::for_service(planned)
        .sidecar("METRICS_NAMESPACE", &environment["METRICS_NAMESPACE"])
        .sidecar("SERVICE_NAME", &environment["SERVICE_NAME"]);
    let service = builder.clone().start();
    let slow = {
        let builder = builder.clone();
        thread::spawn(move || failing_api(&builder))
    };
    let mut expected = fast_cases(&service);
    expected.extend(bad_callers(&builder, &service));
    expected.extend(throttled(&builder));
    expected.extend(slow.join().expect("no panic"));
    let mut sidecar: Vec<Value> = expected.iter().map(|(_, line)| line.clone()).collect();
    sidecar.extend(service.sidecar.process.log.events());
    let mut api = service.api.process.log.events();
    api.extend(api_without_ssm());
    Lines { sidecar, api, expected }
}
