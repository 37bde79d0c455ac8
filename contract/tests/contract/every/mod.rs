//! Requirements for every operation of every service.
//!
//! The documents declare the operations. The rows of `data/traps.json` and the modules here state the requirements. A
//! row runs for each operation that it applies to. A row can apply to no operation of a service (for example, without
//! a bearer operation), but it must apply to an operation of another service.

mod deadlines;
mod drain;
mod environment;
mod forwarding;
mod generated;
mod limits;
mod log;
mod methods;
mod page;
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
use contract::values::Values;
use row::{Expect, Row};

/// A stack for every service of the run, with limits that no test reaches.
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

/// The values for the request of a row. A request that is refused spends nothing.
fn values(stack: &Stack, row: &Row, operation: &Operation) -> Values {
    match row.expect {
        Expect::Word(_) => stack.values_for(operation),
        Expect::Status(_) => stack.shared_values(operation),
    }
}

/// Whether a method only reads.
fn reads(method: Method) -> bool {
    [Method::Get, Method::Head].contains(&method)
}

/// Whether the operation has the strictest credentials of its path.
fn guards(service: &Service, operation: &Operation) -> bool {
    let operations = service.document.operations.iter();
    let same = operations.filter(|other| other.path == operation.path);
    same.map(|other| other.access).max() == Some(operation.access)
}

/// The `WWW-Authenticate` challenge of a refused request.
fn challenge(service: &Service, access: Access) -> Option<String> {
    let scheme = match access {
        Access::Open => return None,
        Access::ApiKey => "ApiKey",
        Access::Bearer => "Bearer",
    };
    Some(format!("{scheme} realm=\"{}\"", service.name()))
}

/// Like [`conclude`], for checks of every operation. Also requires at least `each` checks for each operation of the
/// run.
#[track_caller]
fn conclude_each(minimum: usize, each: usize, checks: usize, faults: &[String]) {
    let all: usize = service::all().into_iter().map(|service| operations(service).len()).sum();
    assert!(checks >= each * all, "{checks} checks, but {all} operations need {each} each");
    conclude(minimum, checks, faults);
}

/// Fails the test with all faults, or if there were fewer than `minimum` checks. A run that is restricted to one
/// service can have fewer.
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
