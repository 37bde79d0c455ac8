//! The corpus of accepted and refused bodies, `data/sum.json`, over the wire.
//!
//! The API's own tests read the same file. Here it shows that nothing between the caller and the API changes
//! a byte of body or answer.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use contract::connection::Connection;
use contract::http::Request;
use contract::list::at_least;
use contract::shape::faults;
use contract::table;
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
            _ => panic!("{}: body or body_base64", self.name),
        }
    }

    fn wrong(&self, connection: &mut Connection, key: &str) -> Option<String> {
        let answer = match connection.ask(&Request::sum(key, self.body())) {
            Ok(answer) => answer,
            Err(error) => return Some(format!("{}: {error}", self.name)),
        };
        let mut wrong = faults(&answer, false);
        if answer.status != self.status {
            wrong.push(format!("{} and not {}", answer.status, self.status));
        }
        if self.answer.as_ref().is_some_and(|expected| answer.body != expected.as_bytes()) {
            wrong.push("another answer".into());
        }
        if answer.status >= 400 {
            let problem = answer.json();
            let r#type = self.problem.as_deref().map_or("about:blank".to_owned(), full_type);
            if problem["type"] != r#type.as_str() {
                wrong.push(format!("the type is not {type}"));
            }
            let detail = problem["detail"].as_str().unwrap_or_default();
            if self.member.as_ref().is_some_and(|member| !detail.contains(member)) {
                wrong.push(format!("{:?} is not named", self.member));
            }
        }
        (!wrong.is_empty()).then(|| {
            format!("{}: {wrong:?}, answered {} {}", self.name, answer.status, answer.text())
        })
    }
}

/// The table names a problem of `/sum` by the last part of its type.
fn full_type(problem: &str) -> String {
    if problem.contains(':') {
        problem.to_owned()
    } else {
        format!("urn:sum-api:problem:{problem}")
    }
}

#[test]
fn every_body_is_answered_through_the_sidecar_as_the_corpus_says() {
    let target = Target::start();
    let cases: Vec<Case> = table::read("sum");
    let wrong: Vec<String> = at_least(265, &cases)
        .into_iter()
        .filter_map(|case| case.wrong(&mut target.connect().expect("it accepts"), target.key()))
        .collect();
    assert!(wrong.is_empty(), "{} of {} fail:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}
