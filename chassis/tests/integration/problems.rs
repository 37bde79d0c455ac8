//! Each problem of the chassis, byte for byte as in docs/problems.md. Compares the document of the sample service with
//! its answers.

use crate::support::{GOOD, KEY, Reply, ask, ready_app, token};
use chassis::testing::{Answered, answers, check_document, compare};
use hyper::header::{HeaderName, HeaderValue};
use parcels::Parcels;
use std::panic::catch_unwind;

const JSON: (&str, &str) = ("content-type", "application/json");

#[tokio::test]
async fn problem_bodies_are_as_written_down() {
    let app = ready_app();
    let key = ("x-api-key", KEY);
    let large = " ".repeat(1025);
    for (head, headers, body, title, status, detail) in [
        (
            "POST /quote",
            vec![],
            "",
            "Unauthorized",
            401,
            "Exactly one valid key is needed in X-Api-Key.",
        ),
        (
            "GET /parcels",
            vec![],
            "",
            "Unauthorized",
            401,
            "Exactly one valid token is needed in Authorization: Bearer.",
        ),
        ("GET /nothing", vec![], "", "Not Found", 404, "There is no such route."),
        ("GET /quote", vec![], "", "Method Not Allowed", 405, "This route answers POST only."),
        (
            "POST /healthz",
            vec![],
            "",
            "Method Not Allowed",
            405,
            "This route answers GET, HEAD only.",
        ),
        (
            "POST /quote",
            vec![key, JSON],
            &large,
            "Content Too Large",
            413,
            "The body must be at most 1024 bytes.",
        ),
        (
            "POST /quote",
            vec![key],
            "",
            "Unsupported Media Type",
            415,
            "The body must be sent as application/json.",
        ),
    ] {
        let headers: Vec<_> = headers.into_iter().chain([("x-request-id", "id-1")]).collect();
        let expected = format!(
            r#"{{"type":"about:blank","title":"{title}","status":{status},"detail":"{detail}","request_id":"id-1"}}"#
        );
        assert_eq!(ask(&app, head, &headers, body).await.body, expected);
    }
}

/// The answers of parcels in addition to those of every service, in this order.
async fn own_answers() -> Vec<Answered> {
    let (app, token) = (ready_app(), token("u1"));
    let (bearer, key) = (("authorization", token.as_str()), ("x-api-key", KEY));
    let stale = ("if-match", "\"1\"");
    let mut answers = Vec::new();
    for (head, path, headers, body, status) in [
        ("GET /parcels/mine", "/parcels/mine", vec![bearer], "", 404),
        ("POST /parcels", "/parcels", vec![bearer, JSON], GOOD, 201),
        ("GET /parcels/mine", "/parcels/mine", vec![bearer], "", 200),
        ("GET /parcels/p1", "/parcels/{id}", vec![bearer], "", 200),
        ("GET /parcels/p1/events", "/parcels/{id}/events", vec![bearer], "", 200),
        ("DELETE /parcels/p1", "/parcels/{id}", vec![bearer, stale, stale], "", 400),
        ("DELETE /parcels/p1", "/parcels/{id}", vec![bearer, stale], "", 412),
        ("DELETE /parcels/p1", "/parcels/{id}", vec![bearer], "", 204),
        ("POST /parcels", "/parcels", vec![bearer, JSON], "{", 400),
        ("POST /parcels", "/parcels", vec![bearer, JSON], "{}", 422),
        ("POST /quote", "/quote", vec![key, JSON], "{", 400),
        ("POST /quote", "/quote", vec![key, JSON], "{}", 422),
        ("POST /tokens", "/tokens", vec![key, JSON], "{", 400),
        ("POST /tokens", "/tokens", vec![key, JSON], "{}", 422),
        ("POST /account", "/account", vec![JSON], "{", 400),
        ("POST /account", "/account", vec![JSON], "{}", 422),
        ("POST /account", "/account", vec![JSON], r#"{"owner":"u1"}"#, 201),
        ("POST /account", "/account", vec![JSON], r#"{"owner":"u1"}"#, 409),
        ("DELETE /account", "/account", vec![bearer], "", 204),
        ("DELETE /account", "/account", vec![bearer], "", 404),
        ("GET /help/pages/parcels.html", "/help/pages/{file}", vec![], "", 200),
        ("GET /help/pages/nothing", "/help/pages/{file}", vec![], "", 404),
    ] {
        let reply = ask(&app, head, &headers, body).await;
        assert_eq!(reply.status.as_u16(), status, "{head}: {}", reply.body);
        let method = head.split(' ').next().unwrap();
        answers.push(Answered::new(path, method, reply));
    }
    answers
}

#[tokio::test(start_paused = true)]
async fn answers_and_document_agree() {
    check_document::<Parcels>();
    let mut answers = answers(Parcels::new).await;
    answers.extend(own_answers().await);
    let described = compare::<Parcels>(&answers);
    assert!(described >= 140, "{described} responses are described");
}

/// Changes a reply so that it is wrong.
type Change = fn(&mut Reply);

/// The message of `compare` about answers that it refuses.
fn refusal(answers: &[Answered]) -> String {
    let refused = catch_unwind(|| compare::<Parcels>(answers)).unwrap_err();
    refused.downcast_ref::<String>().unwrap().clone()
}

#[tokio::test(start_paused = true)]
async fn wrong_document_is_refused() {
    let all = || async {
        let mut answers = answers(Parcels::new).await;
        answers.extend(own_answers().await);
        answers
    };
    let change = |answers: &mut Vec<Answered>, change: Change| {
        let created =
            |answered: &&mut Answered| answered.path == "/parcels" && answered.reply.status == 201;
        change(&mut answers.iter_mut().find(created).unwrap().reply);
    };
    let mut missing = all().await;
    missing.retain(|answered| answered.reply.status != 412);
    let said = refusal(&missing);
    assert!(said.contains("deleteParcel: 412 is described, but does not occur"), "{said}");
    let changes: [(Change, &str); 5] = [
        (|reply| reply.status = 202.try_into().unwrap(), "202 is not described"),
        (|reply| drop(reply.headers.remove("location")), "Location is described, but not sent"),
        (
            |reply| {
                let name = HeaderName::from_static("x-debug");
                reply.headers.insert(name, HeaderValue::from_static("1"));
            },
            "the header x-debug is not described",
        ),
        (
            |reply| {
                let name = hyper::header::CONTENT_TYPE;
                reply.headers.insert(name, HeaderValue::from_static("text/plain"));
            },
            "text/plain is not described",
        ),
        (|reply| reply.body = "{\"id\":\"p1\"}".into(), "\"grams\" is a required property"),
    ];
    for (wrong, expected) in changes {
        let mut answers = all().await;
        change(&mut answers, wrong);
        let said = refusal(&answers);
        assert!(said.contains(expected), "{said}");
    }
}
