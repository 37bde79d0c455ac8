//! Every method of every path: the declared ones, HEAD with GET, and 405 for all others, after the check of
//! credentials. A method override has no effect.

use super::{challenge, conclude_each, operations};
use chassis::document::{Access, Method, Operation, Template};
use contract::call::Call;
use contract::http::{Request, Response};
use contract::service::Service;
use contract::shape::faults;
use contract::target::Target;

const METHODS: [&str; 10] =
    ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "FROB"];

/// A path of a document and its operations.
struct Path {
    template: &'static Template,
    operations: Vec<&'static Operation>,
}

impl Path {
    fn all(service: &'static Service) -> Vec<Self> {
        let paths = service.document.paths().into_iter();
        paths.map(|(template, operations)| Self { template, operations }).collect()
    }

    /// The operation of a method.
    fn operation(&self, method: &str) -> Option<&'static Operation> {
        let find = |method: &str| self.operations.iter().find(|it| it.method.as_str() == method);
        find(method).or_else(|| if method == "HEAD" { find("GET") } else { None }).copied()
    }

    /// The methods, as `Allow` lists them.
    fn allow(&self) -> String {
        let methods = Method::ALL.map(Method::as_str);
        let allowed: Vec<&str> =
            methods.into_iter().filter(|method| self.operation(method).is_some()).collect();
        allowed.join(", ")
    }

    /// The operation with the strictest credentials. Undeclared methods require these credentials.
    fn strictest(&self) -> &'static Operation {
        let strictest = self.operations.iter().max_by_key(|operation| operation.access);
        strictest.expect("a path has an operation")
    }
}

fn overridden(request: Request) -> Request {
    let names = ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"];
    let request = request.header("X-Forwarded-For", "198.51.100.7");
    names.into_iter().fold(request, |request, name| request.header(name, "GET"))
}

/// The faults of the response to one method of one path, with or without credentials.
fn wrong(target: &Target, path: &Path, method: &str, with: bool) -> Vec<String> {
    let operation = path.operation(method);
    let called = operation.unwrap_or_else(|| path.strictest());
    let served = operation.is_some() && (with || called.access == Access::Open);
    let values = if served { target.values_for(called) } else { target.shared_values(called) };
    let call = Call::new(target.service(), called, &values);
    let request = if with { call.request() } else { call.bare() };
    let answer = target.ask(&overridden(request.method(method)));
    let mut found = faults(&answer, method == "HEAD");
    let status = match (with || call.operation.access == Access::Open, operation) {
        (false, _) => 401,
        (true, Some(_)) => call.status,
        (true, None) => 405,
    };
    if answer.status != status {
        found.push(format!("status {} instead of {status}", answer.status));
    }
    let allow = (status == 405).then(|| path.allow());
    if answer.header("Allow") != allow.as_deref() {
        found.push(format!("Allow is {:?}", answer.header("Allow")));
    }
    let asks =
        (status == 401).then(|| challenge(target.service(), call.operation.access)).flatten();
    if answer.header("WWW-Authenticate") != asks.as_deref() {
        found.push(format!("WWW-Authenticate is {:?}", answer.header("WWW-Authenticate")));
    }
    found.extend(line_faults(target, path, method, &answer));
    found
}

/// The fault of the access log line, in a stack that the test started.
fn line_faults(target: &Target, path: &Path, method: &str, answer: &Response) -> Option<String> {
    let Target::Own(stack) = target else { return None };
    let line = stack.sidecar.process.log.of_request(answer.request_id()).remove(0);
    let method = if method == "FROB" { "_OTHER" } else { method };
    let operation = path.operation(method).map_or("_other", |operation| &operation.id);
    let route = path.template.to_string();
    let expected = [("method", method), ("route", &route), ("operation", operation)];
    let wrong = expected.into_iter().find(|(name, value)| line[name] != *value);
    wrong.map(|(name, value)| format!("in the log, {name} is {} instead of {value}", line[name]))
}

#[test]
fn every_method_is_served_or_refused_as_documented() {
    let (mut count, mut all) = (0, Vec::new());
    for target in Target::all() {
        for path in Path::all(target.service()) {
            for method in METHODS {
                let guarded = path.strictest().access != Access::Open;
                for with in [true, false].into_iter().filter(|with| *with || guarded) {
                    count += 1;
                    let faults = wrong(&target, &path, method, with);
                    if !faults.is_empty() {
                        let (path, name) = (path.template, target.service().name());
                        all.push(format!("{name} {method} {path}, {with}: {}", faults.join("; ")));
                    }
                }
            }
        }
        assert!(!operations(target.service()).is_empty());
    }
    conclude_each(230, 1, count, &all);
}
