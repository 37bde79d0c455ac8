//! The valid case of every operation: the response matches the document. Also runs against a running stack.

use super::{conclude, conclude_each, operations};
use chassis::document::{Limited, Method};
use contract::call::Call;
use contract::shape::faults;
use contract::target::Target;
use std::collections::BTreeSet;

#[test]
fn every_example_gets_its_documented_response() {
    let (mut count, mut wrong) = (0, Vec::new());
    for target in Target::all() {
        let service = target.service();
        for operation in operations(service) {
            for number in 0..operation.examples.len().max(1) {
                let call =
                    Call::all(service, operation, &target.values_for(operation)).remove(number);
                let answer = target.ask(&call.request());
                let mut found = call.faults(&answer);
                found.extend(faults(&answer, operation.method == Method::Head));
                let policy = answer.header("RateLimit-Policy").is_some();
                if policy != (operation.limit != Limited::Never) {
                    found.push(format!("RateLimit-Policy is present: {policy}"));
                }
                if answer.header("Cache-Control").is_none() && call.example.is_some() {
                    found.push("no Cache-Control".into());
                }
                count += 1;
                wrong.extend(found.iter().map(|it| format!("{} {number}: {it}", operation.id)));
            }
        }
    }
    conclude_each(25, 1, count, &wrong);
}

#[test]
fn head_is_answered_like_get_without_a_body() {
    let (mut count, mut wrong) = (0, Vec::new());
    for target in Target::all() {
        for operation in operations(target.service()) {
            if operation.method != Method::Get {
                continue;
            }
            let call = target.call(operation);
            let request = call.request();
            let (get, head) = (target.ask(&request), target.ask(&request.clone().method("HEAD")));
            let of = |name: &str| (get.header(name) == head.header(name)).then_some(());
            let same = ["Content-Type", "Content-Length", "Cache-Control", "RateLimit-Policy"];
            let all = same.into_iter().all(|name| of(name).is_some());
            count += 1;
            if head.status != get.status || !head.body.is_empty() || !all {
                wrong.push(format!("{}: {head:?} differs from {get:?}", operation.id));
            }
        }
    }
    conclude(12, count, &wrong);
}

#[test]
fn served_document_omits_the_members_of_the_platform() {
    let (mut count, mut wrong) = (0, Vec::new());
    for target in Target::all() {
        let service = target.service();
        let path = "/openapi.json";
        let serves = |one: &&chassis::document::Operation| {
            one.path.to_string() == path && one.method == Method::Get
        };
        let operation = operations(service).iter().find(serves).expect("it serves its document");
        let answer = target.ask(&target.call(operation).request()).expect_status(200);
        count += 1;
        if answer.text() != service.document.public {
            wrong.push(format!("{}: another document", service.name()));
        }
        let members = |value: &serde_json::Value| -> BTreeSet<String> {
            value.as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect()
        };
        let (found, written) = (members(&answer.json()["paths"]), members(&service.text["paths"]));
        if found != written || found.is_empty() {
            wrong.push(format!("{}: {found:?} instead of {written:?}", service.name()));
        }
    }
    conclude(2, count, &wrong);
}
