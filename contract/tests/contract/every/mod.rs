//! What holds for every operation of every service.
//!
//! The documents say which operations there are; the rows of `data/traps.json` and the modules here say what holds for
//! each of them. A row is run for each operation that it applies to. A service that cannot have a row (one without a
//! bearer operation, for example) does not run it, but each row must apply to some service.

mod deadlines;
mod drain;
mod forwarding;
mod limits;
mod log;
mod methods;
mod row;
mod run;
mod slow;
mod smuggling;
mod stream;
mod valid;

pub(crate) use log::field_faults;

use chassis::document::{Access, Method, Operation};
use contract::service::{self, Service};
use contract::stack::Stack;

/// Every service of the run with a stack of its own, limits out of the way.
fn stacks() -> Vec<Stack> {
    service::all().into_iter().map(|service| Stack::for_service(service).start()).collect()
}

/// All operations of a service.
fn operations(service: &'static Service) -> &'static [Operation] {
    &service.document.operations
}

/// The operations that take a body.
fn with_body(service: &'static Service) -> impl Iterator<Item = &'static Operation> {
    operations(service).iter().filter(|operation| operation.max_body.is_some())
}

/// Whether a method only reads.
fn reads(method: Method) -> bool {
    [Method::Get, Method::Head].contains(&method)
}

/// Whether no operation of the same path has stricter credentials.
fn guards(service: &Service, operation: &Operation) -> bool {
    let operations = service.document.operations.iter();
    let same = operations.filter(|other| other.path == operation.path);
    same.map(|other| other.access).max() == Some(operation.access)
}

/// The challenge of a refused request.
fn challenge(service: &Service, access: Access) -> Option<String> {
    let scheme = match access {
        Access::Open => return None,
        Access::ApiKey => "ApiKey",
        Access::Bearer => "Bearer",
    };
    Some(format!("{scheme} realm=\"{}\"", service.name()))
}

/// The same for what is checked for every operation: also a run that is restricted to one service makes `each` checks
/// or more for each operation of its document.
#[track_caller]
fn conclude_each(minimum: usize, each: usize, checks: usize, faults: &[String]) {
    let all: usize = service::all().into_iter().map(|service| operations(service).len()).sum();
    assert!(checks >= each * all, "{checks} checks, {each} for each of {all} operations are due");
    conclude(minimum, checks, faults);
}

/// Fails the test with all faults, after so many or more checks. A run that is restricted to one service makes fewer.
#[track_caller]
fn conclude(minimum: usize, checks: usize, faults: &[String]) {
    assert!(minimum > 0 && checks > 0, "nothing was checked");
    assert!(
        checks >= minimum || service::is_restricted(),
        "{checks} checks, at least {minimum} are known"
    );
    println!("{checks} checks");
    assert!(
        faults.is_empty(),
        "{} faults in {checks} checks:\n{}",
        faults.len(),
        faults.join("\n")
    );
}
