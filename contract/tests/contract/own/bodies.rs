//! Accepted and refused bodies of an operation, through the sidecar: `contract/OPERATION.json` of its service.
//!
//! The tests of the service can read the same file. The tests here check that the sidecar changes no byte of a body or
//! of a response.

use super::expect::{Members, Places};
use super::variants::{Outcome, run_on_each, shown};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use chassis::document::Operation;
use contract::call::Call;
use contract::http::Response;
use contract::service::Service;
use contract::shape::faults;
use contract::target::Target;
use contract::values::Values;
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
    errors: Option<Places>,
    #[serde(default)]
    members: Members,
}

impl Case {
    fn body(&self, values: &Values) -> Vec<u8> {
        match (&self.body, &self.body_base64) {
            (Some(text), None) => values.fill(text).into_bytes(),
            (None, Some(base64)) => BASE64_STANDARD.decode(base64).expect("base64"),
            _ => panic!("{}: set either body or body_base64", self.name),
        }
    }

    fn run(&self, target: &Target, operation: &'static Operation) -> Outcome {
        let values = target.values_for(operation);
        let call = Call::new(target.service(), operation, &values);
        let request = call.request().body(self.body(&values));
        let answer = target.connect().and_then(|mut connection| connection.ask(&request));
        let faults = match &answer {
            Ok(answer) => self.faults(answer, &values, target.service().name()),
            Err(error) => vec![error.to_string()],
        };
        let name = format!("{}: {}", operation.id, self.name);
        Outcome { name, faults, shown: shown(answer.ok().as_ref(), &values) }
    }

    fn faults(&self, answer: &Response, values: &Values, name: &str) -> Vec<String> {
        let mut wrong = faults(answer, false);
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
        wrong.extend(self.errors.as_ref().and_then(|errors| errors.differences(answer)));
        wrong.extend(self.members.differences(answer, values));
        if wrong.is_empty() {
            return wrong;
        }
        vec![format!("{wrong:?}, answered {} {}", answer.status, answer.text())]
    }
}

/// The full problem type. A table contains only the last part of a type of its service.
fn full_type(problem: &str, name: &str) -> String {
    if problem.contains(':') { problem.to_owned() } else { format!("urn:{name}:problem:{problem}") }
}

/// The tables of a service, with their operations.
fn tables(service: &'static Service) -> impl Iterator<Item = (&'static Operation, Vec<Case>)> {
    let operations = service.document.operations.iter();
    operations.filter_map(|operation| Some((operation, service.table(&operation.id)?)))
}

#[test]
fn every_body_gets_the_answer_of_the_table() {
    run_on_each(
        "own::bodies::every_body_gets_the_answer_of_the_table",
        647,
        |service| tables(service).map(|(_, cases)| cases.len()).sum(),
        |target| {
            let tables = tables(target.service());
            let run = |(operation, cases): (_, Vec<Case>)| {
                cases.into_iter().map(move |case| case.run(target, operation))
            };
            tables.flat_map(run).collect()
        },
    );
}
