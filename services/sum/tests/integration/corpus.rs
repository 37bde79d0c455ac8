//! Sends every body of `services/sum/contract/sum.json`, as bytes and as a request.

use crate::support::corpus;
use chassis::testing::{ask_json, ready};
use sum_api::Sum;
use sum_api::sum::{SumError, sum};

#[test]
fn case_names_are_unique() {
    let cases = corpus();
    let mut names: Vec<_> = cases.iter().map(|case| &case.name).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), cases.len());
}

#[test]
fn bytes_give_expected_sum_or_error() {
    for case in corpus().iter().filter(|case| case.status != 413) {
        let outcome = sum(&case.body).map(|sum| format!("{{\"sum\":{sum}}}"));
        let (slug, member) = match outcome {
            Ok(answer) => {
                assert_eq!(Some(&answer), case.answer.as_ref(), "{}", case.name);
                continue;
            }
            Err(SumError::Syntax(_)) => ("invalid-json", None),
            Err(SumError::NotAnObject) => ("not-an-object", None),
            Err(SumError::Missing(member)) => ("missing-member", Some(member.to_string())),
            Err(SumError::Unknown(name)) => ("unknown-member", Some(name)),
            Err(SumError::Duplicate(member)) => ("duplicate-member", Some(member.to_string())),
            Err(SumError::NotANumber(member)) => ("not-a-number", Some(member.to_string())),
            Err(SumError::OutOfRange(member, _)) => ("out-of-range", Some(member.to_string())),
        };
        assert_eq!(case.problem.as_deref(), Some(slug), "{}", case.name);
        assert_eq!(case.member, member, "{}", case.name);
    }
}

#[tokio::test]
async fn requests_get_expected_status_and_body() {
    let app = ready(|_| Sum);
    for case in corpus() {
        let reply = ask_json(&app, "POST /sum", &case.body).await;
        assert_eq!(reply.status.as_u16(), case.status, "{}: {}", case.name, reply.body);
        if let Some(answer) = case.answer {
            assert_eq!(reply.body, answer, "{}", case.name);
            continue;
        }
        let problem = reply.json();
        let expected = match case.problem.as_deref() {
            Some("about:blank") => "about:blank".to_owned(),
            slug => format!("urn:sum-api:problem:{}", slug.unwrap()),
        };
        assert_eq!(problem["type"], expected.as_str(), "{}", case.name);
        assert_eq!(problem["status"], case.status, "{}", case.name);
        if let Some(member) = case.member {
            let detail = problem["detail"].as_str().unwrap();
            assert!(detail.contains(&format!("`{member}`")), "{}: {detail}", case.name);
        }
    }
}

#[test]
fn syntax_error_contains_place() {
    for (body, place) in [
        (&b"{\"a\":2,\n\"b\":x}"[..], "line 2 column 5"),
        (b"{\"a\":2,\"b\":40}}", "line 1 column 15"),
        (b"", "line 1 column 0"),
        (b"{\"a\":\"\xff\"}", "byte 7"),
    ] {
        let detail = sum(body).unwrap_err().to_string();
        assert!(detail.contains(place), "{detail}");
    }
}
