//! Accepted and refused bodies of an operation, through the sidecar: `contract/OPERATION.json` of its service.
//!
//! The tests of the service can read the same file. The tests here check that the sidecar changes no byte of a body or
//! of a response.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use contract::call::Call;
use contract::connection::Connection;
use contract::service;
use contract::shape::faults;
use contract::target::Target;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    body: Option<String>,
    body_base64: Option<String>,
    status: u16,
    answer: Option<String>,
    problem: Option<String>,
    member: Option<String>,
}

impl Case {
    fn body(&self) -> Vec<u8> {
        match (&self.body, &self.body_base64) {
            (Some(text), None) => text.clone().into_bytes(),
            (None, Some(base64)) => BASE64_STANDARD.decode(base64).expect("base64"),
            _ => panic!("{}: set either body or body_base64", self.name),
        }
    }

    fn wrong(&self, connection: &mut Connection, call: &Call<'_>, name: &str) -> Option<String> {
        let answer = match connection.ask(&call.request().body(self.body())) {
            Ok(answer) => answer,
            Err(error) => return Some(format!("{}: {error}", self.name)),
        };
        let mut wrong = faults(&answer, false);
        if answer.status != self.status {
            wrong.push(format!("status {} instead of {}", answer.status, self.status));
        }
        if self.answer.as_ref().is_some_and(|expected| answer.body != expected.as_bytes()) {
            wrong.push("another answer".into());
        }
        if answer.status >= 400 {
            let problem = answer.json();
            let r#type = self.problem.as_deref();
            let r#type = r#type.map_or("about:blank".to_owned(), |it| full_type(it, name));
            if problem["type"] != r#type.as_str() {
                wrong.push(format!("the type is not {type}"));
            }
            let detail = problem["detail"].as_str().unwrap_or_default();
            if self.member.as_ref().is_some_and(|member| !detail.contains(member)) {
                wrong.push(format!("the detail does not contain {:?}", self.member));
            }
        }
        (!wrong.is_empty()).then(|| {
            format!("{}: {wrong:?}, answered {} {}", self.name, answer.status, answer.text())
        })
    }
}

/// The full problem type. A table contains only the last part of a type of its service.
fn full_type(problem: &str, name: &str) -> String {
    if problem.contains(':') { problem.to_owned() } else { format!("urn:{name}:problem:{problem}") }
}

#[test]
fn every_body_gets_the_answer_of_the_table() {
    let (mut count, mut wrong) = (0, Vec::new());
    for target in Target::all() {
        let service = target.service();
        for operation in &service.document.operations {
            let cases: Vec<Case> = service.table(&operation.id).unwrap_or_default();
            for case in cases {
                let call = target.call(operation);
                count += 1;
                let mut connection = target.connect().expect("it accepts");
                wrong.extend(case.wrong(&mut connection, &call, service.name()));
            }
        }
    }
    assert!(count >= 265 || service::is_restricted(), "{count} bodies, at least 265 are known");
    assert!(wrong.is_empty(), "{} of {count} fail:\n{}", wrong.len(), wrong.join("\n"));
}
