//! The operation of [`service::keyed`], for tests that do not depend on the operation: keys, limits, log, and the end
//! of both processes.

use crate::call::{API_KEY, Call};
use crate::http::Request;
use crate::service::{self, Service};
use crate::stack::KEY;
use crate::values::Values;
use chassis::document::{Access, Operation};

/// The service of the operation.
#[must_use]
pub fn service() -> &'static Service {
    service::keyed().0
}

/// The valid case of the operation, with the key of every stack.
#[must_use]
pub fn call() -> Call<'static> {
    let (service, operation) = service::keyed();
    Call::new(service, operation, &Values::invented(KEY))
}

/// Calls with different answers, of an operation of the same service. Each example of the request has an example of the
/// response with the same name.
#[must_use]
pub fn calls() -> Vec<Call<'static>> {
    let (service, _) = service::keyed();
    let answered = |operation: &&Operation| {
        let (_, examples) = service.success(operation);
        let has = |name: &String| examples.iter().any(|(other, _)| other == name);
        operation.access == Access::ApiKey
            && operation.examples.len() > 1
            && operation.examples.iter().all(|example| has(&example.name))
    };
    let operation = service.document.operations.iter().find(answered);
    let operation = operation.expect("an operation with a key has two examples with answers");
    Call::all(service, operation, &Values::invented(KEY))
}

/// The path of the operation.
#[must_use]
pub fn path() -> String {
    call().path
}

/// A body that the operation accepts.
#[must_use]
pub fn body() -> String {
    call().body.expect("it has an example")
}

/// The valid request, with this key.
#[must_use]
pub fn request(key: &str) -> Request {
    call().bare().header(API_KEY, key)
}

/// The valid request with another body.
#[must_use]
pub fn with_body(key: &str, body: impl AsRef<[u8]>) -> Request {
    request(key).body(body)
}

/// The length of a body that is 1 byte too long.
#[must_use]
pub fn over_max_body() -> usize {
    let limit = call().operation.max_body.expect("it takes a body");
    usize::try_from(limit).expect("it fits into memory") + 1
}

/// The valid request with a body that is 1 byte too long.
#[must_use]
pub fn too_large(key: &str) -> Request {
    with_body(key, " ".repeat(over_max_body()))
}
