//! The sidecar of a service that is not ours: `parcels` has a templated path, bearer operations, a stream, named limits
//! and several methods on one path. Its document runs in the real nginx, before a stub that records what it gets.

mod credentials;
mod limits;
mod routes;
mod upstream;

use contract::binary;
use contract::connection::Connection;
use contract::http::{Request, Response};
use contract::shape::check;
use contract::stack::{KEY, Server, Stack};
use contract::stub::{Manner, Stub};
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
const TOKEN: &str = "Bearer abc.DEF-123_~+/==";

/// The sidecar of `parcels` and the stub behind it.
struct Parcels {
    stub: Stub,
    sidecar: Server,
}

impl Parcels {
    /// Its limits are out of the way, and the stub answers everything with 200.
    fn start() -> Self {
        Self::with(Manner::Say(OK), &[("RATE_LIMITS", "quote=10000:10000,parcels=10000:10000")])
    }

    fn with(manner: Manner, settings: &[(&str, &str)]) -> Self {
        let stub = Stub::start(manner);
        let document = binary::root().join("contract/parcels/openapi.json");
        let document = document.to_str().expect("the repository's path is text");
        let builder = settings
            .iter()
            .fold(Stack::builder(), |builder, (name, value)| builder.sidecar(name, value));
        let sidecar = builder.sidecar("OPENAPI_DOCUMENT", document).start_sidecar(stub.address);
        Self { stub, sidecar }
    }

    /// One request. A response that is not the stub's has the shape of every problem.
    fn ask(&self, request: &Request) -> Response {
        let response = self.sidecar.ask(request);
        if response.status != 200 && !request.is_head() {
            check(&response);
        }
        response
    }

    /// The same from 127.0.4.`last`, an address that no other test uses.
    fn ask_from(&self, last: u8, request: &Request) -> Response {
        let source = Ipv4Addr::new(127, 0, 4, last).into();
        let connection = Connection::open_from(source, self.sidecar.address);
        connection.and_then(|mut connection| connection.ask(request)).expect("answered")
    }

    /// Whether the stub got another request while `ask` ran.
    fn forwards(&self, ask: impl FnOnce() -> Response) -> (Response, bool) {
        let before = self.stub.requests();
        let response = ask();
        (response, self.stub.requests() > before)
    }
}

/// Tries until an attempt took less than a second: in a longer one, a limit of one request a second lets another one
/// pass. Each attempt has a number, and takes a client or an address of that number.
fn quick<T>(mut attempt: impl FnMut(u8) -> T) -> T {
    let measure = |number| {
        let begun = Instant::now();
        let result = attempt(number);
        (begun.elapsed() < Duration::from_millis(900)).then_some(result)
    };
    (1..=10).find_map(measure).expect("ten times too slow to measure")
}

fn with_token(method: &str, path: &str) -> Request {
    Request::new(method, path).header("Authorization", TOKEN)
}

fn quote(body: &str) -> Request {
    quote_of(KEY, body)
}

fn quote_of(key: &str, body: &str) -> Request {
    Request::new("POST", "/quote")
        .header("X-Api-Key", key)
        .header("Content-Type", "application/json")
        .body(body)
}
