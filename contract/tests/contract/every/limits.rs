//! The limit of every operation: its numbers from the document, the burst and then 429, and the counted client or
//! address.

use super::{conclude, guards, operations};
use chassis::document::{Access, LimitBy, Limited, Operation, Probe};
use contract::call::{API_KEY, Call};
use contract::connection::Connection;
use contract::http::{Request, Response};
use contract::own_stack_only;
use contract::service::{self, Service};
use contract::shape::faults;
use contract::stack::{CLIENTS, Stack, client_key};
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

/// Limits for a slow machine: 1 request per second and a burst of 2. 3 requests pass at once.
const RATE: u32 = 1;
const BURST: u32 = 2;
const PASS: usize = 3;

/// A caller with its own key and address. No other attempt uses it.
struct Caller {
    key: String,
    address: Ipv4Addr,
}

impl Caller {
    fn new() -> Self {
        static COUNT: AtomicU8 = AtomicU8::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        Self { key: client_key(number % CLIENTS + 1), address: Ipv4Addr::new(127, 0, 4, number) }
    }

    fn ask(&self, stack: &Stack, request: &Request) -> Response {
        let connection = Connection::open_from(self.address.into(), stack.sidecar.address);
        connection.and_then(|mut connection| connection.ask(request)).expect("answered")
    }
}

/// Repeats until an attempt takes less than 0.9 s. In a longer attempt, the limit lets another request pass.
fn quick<T>(mut attempt: impl FnMut(&Caller) -> T) -> T {
    let measure = |_| {
        let caller = Caller::new();
        let begun = Instant::now();
        let result = attempt(&caller);
        (begun.elapsed() < Duration::from_millis(900)).then_some(result)
    };
    (1..=10).find_map(measure).expect("10 attempts were too slow to measure")
}

/// The limit that counts a request to an operation, with a key or without. A service that has no operation with a key
/// knows no key.
fn policy<'a>(service: &Service, operation: &'a Operation, has_key: bool) -> Option<&'a str> {
    let has_key = has_key && service.requires(Access::ApiKey);
    match &operation.limit {
        Limited::Never => None,
        Limited::ByCredentials => Some(if has_key { "client" } else { "address" }),
        Limited::By(name) if name == "client" && !has_key => Some("address"),
        Limited::By(name) => Some(name),
    }
}

/// The faults of a series of responses. The first `PASS` must pass, and this limit must refuse the others.
fn series_faults(stack: &Stack, answers: &[Response], policy: &str, is_head: bool) -> Vec<String> {
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    let mut wrong = Vec::new();
    let passed = statuses.iter().take_while(|status| **status != 429).count();
    if passed != PASS || statuses[PASS..].iter().any(|status| *status != 429) {
        wrong.push(format!("{statuses:?}"));
    }
    for (number, answer) in answers.iter().enumerate() {
        wrong.extend(faults(answer, is_head));
        let expected = format!("\"{policy}\";q={RATE};w=1");
        if answer.header("RateLimit-Policy") != Some(expected.as_str()) {
            wrong.push(format!("{number}: {:?}", answer.header("RateLimit-Policy")));
        }
    }
    let Some(refused) = answers.last().filter(|answer| answer.status == 429) else { return wrong };
    let left = format!("\"{policy}\";r=0;t=1");
    if refused.header("RateLimit") != Some(left.as_str())
        || refused.header("Retry-After") != Some("1")
    {
        wrong.push(format!("{:?}", refused.headers));
    }
    if !is_head && refused.json()["violated-policies"] != serde_json::json!([policy]) {
        wrong.push(refused.text());
    }
    let by = match stack.service.limit(policy).by {
        LimitBy::Client => "ClientThrottled",
        LimitBy::Address => "AddressThrottled",
    };
    let line = stack.sidecar.process.log.of_request(refused.request_id()).remove(0);
    if line[by] != 1 || line["answered_by"] != "sidecar" {
        wrong.push(format!("the log line is {line}"));
    }
    wrong
}

fn limited(service: &'static Service) -> Stack {
    Stack::for_service(service).limits(RATE, BURST).start()
}

/// Runs a series of requests to each operation for which `request` returns one. Each series has its own caller.
fn run(
    minimum: usize,
    request: impl Fn(&'static Service, &Call<'_>, &Caller) -> Option<(Request, String)>,
) {
    let (mut count, mut wrong) = (0, Vec::new());
    for service in service::all() {
        let stack = limited(service);
        for operation in operations(service) {
            let call = stack.call_of_new_caller(operation);
            let series = quick(|caller| {
                let (request, policy) = request(service, &call, caller)?;
                let answers = [(); PASS + 2].map(|()| caller.ask(&stack, &request));
                Some((answers, policy, request.is_head()))
            });
            let Some((answers, policy, is_head)) = series else { continue };
            count += 1;
            let found = series_faults(&stack, &answers, &policy, is_head);
            wrong.extend(
                found.iter().map(|it| format!("{} {}: {it}", service.name(), operation.id)),
            );
        }
    }
    conclude(minimum, count, &wrong);
}

#[test]
fn every_operation_is_counted_by_its_limit() {
    own_stack_only!("every_operation_is_counted_by_its_limit");
    run(16, |service, call, caller| {
        let policy =
            policy(service, call.operation, call.operation.access == Access::ApiKey)?.to_owned();
        Some((call.clone().keyed(&caller.key).request(), policy))
    });
}

#[test]
fn open_operation_with_a_key_counts_against_the_client() {
    own_stack_only!("open_operation_with_a_key_counts_against_the_client");
    run(5, |service, call, caller| {
        let open = call.operation.access == Access::Open;
        let policy = policy(service, call.operation, true).filter(|_| open)?.to_owned();
        Some((call.request().header(API_KEY, &caller.key), policy))
    });
}

#[test]
fn refused_credentials_count_against_the_address() {
    own_stack_only!("refused_credentials_count_against_the_address");
    run(11, |_, call, caller| match call.operation.access {
        Access::Open => None,
        Access::ApiKey => Some((call.bare(), "address".into())),
        // The key is valid, but the operation requires a token.
        Access::Bearer => Some((call.bare().header(API_KEY, &caller.key), "address".into())),
    });
}

#[test]
fn undeclared_method_counts_like_the_first_operation_of_its_path() {
    own_stack_only!("undeclared_method_counts_like_the_first_operation_of_its_path");
    run(10, |service, call, caller| {
        let same = operations(service).iter().find(|other| other.path == call.operation.path);
        let first = same.is_some_and(|first| first.id == call.operation.id);
        if !first || !guards(service, call.operation) {
            return None;
        }
        let key = call.operation.access == Access::ApiKey;
        let policy = policy(service, call.operation, key)?.to_owned();
        Some((call.clone().keyed(&caller.key).request().method("FROB"), policy))
    });
}

#[test]
fn unknown_path_counts_like_an_open_operation() {
    own_stack_only!("unknown_path_counts_like_an_open_operation");
    let unknown = |call: &Call<'_>| Request::get(&format!("{}/nothing/there", call.path));
    run(22, |_, call, _| Some((unknown(call), "address".into())));
    run(22, |service, call, caller| {
        let policy = if service.requires(Access::ApiKey) { "client" } else { "address" };
        Some((unknown(call).header(API_KEY, &caller.key), policy.into()))
    });
}

#[test]
fn probe_is_never_limited() {
    own_stack_only!("probe_is_never_limited");
    let (mut count, mut wrong) = (0, Vec::new());
    for service in service::all() {
        let stack = limited(service);
        for operation in operations(service).iter().filter(|one| one.probe.is_some()) {
            let call = stack.call(operation);
            let query = match &operation.probe {
                Some(Probe::Ready(Some(query))) => format!("?{query}"),
                _ => String::new(),
            };
            let request = call.request().target(&format!("{}{query}", call.path));
            let mut connection = stack.sidecar.connect();
            for _ in 0..50 {
                let answer = connection.ask(&request).expect("answered");
                count += 1;
                if answer.status != 200 || answer.header("RateLimit-Policy").is_some() {
                    wrong.push(format!("{}: {answer:?}", operation.id));
                }
            }
        }
    }
    conclude(300, count, &wrong);
}

#[test]
fn default_limits_come_from_the_document() {
    own_stack_only!("default_limits_come_from_the_document");
    let (mut count, mut wrong) = (0, Vec::new());
    for service in service::all() {
        let stack = Stack::for_service(service).limited().start();
        for operation in operations(service) {
            let caller = Caller::new();
            let key = operation.access == Access::ApiKey;
            let Some(policy) = policy(service, operation, key) else { continue };
            let limit = service.limit(policy);
            let call = stack.call(operation).keyed(&caller.key);
            let answer = caller.ask(&stack, &call.request());
            let expected = format!("\"{policy}\";q={};w=1", limit.rate);
            count += 1;
            if answer.header("RateLimit-Policy") != Some(expected.as_str()) {
                wrong.push(format!("{}: {:?}", operation.id, answer.header("RateLimit-Policy")));
            }
        }
    }
    conclude(16, count, &wrong);
}
