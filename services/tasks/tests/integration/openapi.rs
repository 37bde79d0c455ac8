//! Compares the document with the responses in both directions: every response is described, and every described
//! response occurs.

use crate::support::{OTHER_PASSWORD, PASSWORD, Setup, Testbed, credentials};
use crate::task_answers;
use chassis::testing::{Answered, answers_as, ask, call, check_document, compare};
use hyper::Request;
use hyper::body::{Body, Bytes, Frame};
use serde_json::{Value, json};
use std::cell::Cell;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use tasks::access::Registration;
use tasks::api::Tasks;
use tasks::model::bucket::Preset;

const ME: &str = "/api/v1/users/me";
const CHANGE: &str = "/api/v1/users/me/password";

/// A body that never ends.
struct Endless;

impl Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Pending
    }
}

/// The responses to one request for each operation with a body that it accepts, except for `users/me`.
async fn valid(bed: &Testbed, refresh: &str) -> Vec<Answered> {
    let mut found = Vec::new();
    for (path, body) in [
        ("/auth/register", credentials("new-name", PASSWORD)),
        ("/auth/login", credentials("ada", PASSWORD)),
        ("/auth/refresh", json!({ "refresh_token": refresh })),
        ("/auth/logout", json!({ "refresh_token": refresh })),
    ] {
        found.push(Answered::new(path, "POST", bed.post(path, &body).await));
    }
    found
}

/// The responses of `users/me` to a signed-in user. The last one deletes the user.
async fn signed_in(bed: &Testbed, token: &str) -> Vec<Answered> {
    let mut found = Vec::new();
    for (method, path, body) in [
        ("GET", ME, Value::Null),
        ("HEAD", ME, Value::Null),
        ("GET", "/api/v1/users/me?x=1", Value::Null),
        ("DELETE", "/api/v1/users/me?x=1", Value::Null),
        ("DELETE", ME, json!({})),
        ("POST", CHANGE, json!({ "old": OTHER_PASSWORD, "new": "another good one" })),
        ("POST", CHANGE, json!({ "old": PASSWORD, "new": "short" })),
        ("POST", CHANGE, json!({ "old": "x".repeat(5000) })),
        ("POST", CHANGE, Value::Null),
        ("POST", CHANGE, json!({ "old": PASSWORD, "new": OTHER_PASSWORD })),
        ("DELETE", ME, Value::Null),
    ] {
        let reply = bed.bearer(token, &format!("{method} {path}"), &body).await;
        let path = path.split('?').next().unwrap();
        found.push(Answered::new(path, method, reply));
    }
    found
}

/// The responses of `users/me/password` to bodies that are not JSON, and that do not arrive.
async fn broken_bodies(bed: &Testbed, token: &str) -> Vec<Answered> {
    let authorization = format!("Bearer {token}");
    let headers = [("authorization", &*authorization), ("content-type", "application/json")];
    let mut found = vec![ask(&bed.app, &format!("POST {CHANGE}"), &headers, "{").await];
    let mut request = Request::post(CHANGE);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    found.push(call(&bed.app, request.body(Endless).unwrap()).await);
    found.into_iter().map(|reply| Answered::new(CHANGE, "POST", reply)).collect()
}

/// Every response that needs more than the chassis.
async fn own() -> Vec<Answered> {
    let bed = Testbed::new().await;
    let user = bed.user("ada").await;
    let mut found = valid(&bed, &bed.session("ada").await.refresh).await;
    found.extend(broken_bodies(&bed, &user.access).await);
    for (path, body) in [
        ("/auth/register", credentials("ada", PASSWORD)),
        ("/auth/login", credentials("ada", OTHER_PASSWORD)),
    ] {
        found.push(Answered::new(path, "POST", bed.post(path, &body).await));
    }
    for path in ["/auth/register", "/auth/login", "/auth/refresh", "/auth/logout"] {
        found.push(Answered::new(path, "POST", bed.post(path, &json!({})).await));
        let headers = [("content-type", "application/json")];
        let reply = ask(&bed.app, &format!("POST {path}"), &headers, "{").await;
        found.push(Answered::new(path, "POST", reply));
    }
    for _ in 0..6 {
        let reply = bed.login("no-such-name", PASSWORD).await;
        found.push(Answered::new("/auth/login", "POST", reply));
    }
    bed.store.set_away(true);
    found.extend(valid(&bed, &user.refresh).await);
    found.extend(signed_in(&bed, &user.access).await);
    bed.store.damage();
    found.extend(valid(&bed, &user.refresh).await);
    found.extend(signed_in(&bed, &user.access).await);
    bed.store.set_away(false);
    found.extend(signed_in(&bed, &user.access).await);

    let setup = Setup { bucket: Preset::Strict, ..Setup::default() };
    let bed = Testbed::with(setup).await;
    let user = bed.user("ada").await;
    for _ in 0..4 {
        found.push(Answered::new(ME, "GET", bed.me(&user.access).await));
    }
    found.extend(signed_in(&bed, &user.access).await);

    let setup = Setup { registration: Registration::Closed, ..Setup::default() };
    let bed = Testbed::with(setup).await;
    found.extend(valid(&bed, &"0a".repeat(32)).await);
    for file in ["start.js", "swagger-ui.css", "unknown"] {
        let reply = ask(&bed.app, &format!("GET /docs/{file}"), &[], "").await;
        found.push(Answered::new("/docs/{file}", "GET", reply));
    }
    found
}

#[tokio::test(start_paused = true)]
async fn answers_and_document_agree() {
    let bed = Testbed::new().await;
    let users = Cell::new(0);
    // One of the operations deletes its user.
    let authorization = async || {
        users.set(users.get() + 1);
        format!("Bearer {}", bed.user(&format!("user-{}", users.get())).await.access)
    };
    let service = |context: &_| bed.service(context, &Setup::default());
    let mut answers = answers_as(service, authorization).await;
    answers.extend(own().await);
    answers.extend(Box::pin(task_answers::all()).await);
    let described = compare::<Tasks>(&answers);
    assert!(described >= 300, "{described} responses are described");
}

#[test]
fn document_is_consistent() {
    check_document::<Tasks>();
}
