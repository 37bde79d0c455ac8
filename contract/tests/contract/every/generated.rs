//! Requests that Schemathesis generates from the document of each service, through the sidecar.
//!
//! `parcels` is left out: it exists for the other tests, and does not check what its document says about bodies.

use super::operations;
use contract::binary;
use contract::own_stack_only;
use contract::schemathesis::{self, Run};
use contract::service::{self, Service};
use contract::stack::Stack;
use std::collections::BTreeMap;

/// Another seed generates other requests.
const SEED: u32 = 20_271;
/// Generated requests of each operation and kind. Schemathesis derives others from each schema.
const EXAMPLES: u32 = 8;
/// Responses for each operation. With fewer, the tool did not run as it should.
const RESPONSES: usize = 10;

/// The faults of a run: failed checks, and signs that the run tested little.
fn faults(service: &'static Service, run: &Run) -> Vec<String> {
    let mut faults = Vec::new();
    if !run.passed {
        faults.push(run.output.clone());
    }
    let all: Vec<u64> = run.statuses.values().flatten().copied().collect();
    let mut counts = BTreeMap::new();
    for status in &all {
        *counts.entry(status).or_insert(0) += 1;
    }
    println!("{}: seed {SEED}, {} responses: {counts:?}", service.name(), all.len());
    if all.len() < RESPONSES * operations(service).len() {
        faults.push(format!("only {} responses", all.len()));
    }
    let limited = counts.get(&429).copied().unwrap_or(0);
    if limited * 20 > all.len() {
        faults.push(format!("{limited} of {} responses are 429", all.len()));
    }
    for operation in operations(service) {
        let name = (operation.method.as_str().to_owned(), operation.path.to_string());
        let statuses = run.statuses.get(&name).map_or(&[][..], |statuses| statuses);
        if !statuses.iter().any(|status| (200..300).contains(status)) {
            faults.push(format!("{} never succeeds: {statuses:?}", operation.id));
        }
    }
    faults
}

#[test]
fn generated_requests_get_documented_responses() {
    own_stack_only!("generated_requests_get_documented_responses");
    let test = "every::generated::generated_requests_get_documented_responses";
    let Some(program) = schemathesis::installed(test) else {
        return;
    };
    let services = binary::root().join("services");
    let (mut runs, mut faults_of_all) = (0, Vec::new());
    for service in service::all().into_iter().filter(|it| it.directory.starts_with(&services)) {
        let stack = Stack::for_service(service).start();
        let run = schemathesis::run(&program, &stack, SEED, EXAMPLES);
        let found = faults(service, &run);
        faults_of_all.extend(found.iter().map(|fault| format!("{}: {fault}", service.name())));
        runs += 1;
    }
    assert!(runs > 0 || service::is_restricted(), "no service was tested");
    assert!(faults_of_all.is_empty(), "{}", faults_of_all.join("\n"));
}
