//! The order of the checks: of two faults, the response names the earlier one.

use crate::support::{PASSWORD, Setup, Testbed};
use chassis::testing::{Reply, ask};
use serde_json::json;
use tasks::model::bucket::Preset;

const CHANGE: &str = "POST /api/v1/users/me/password";

/// A fault of a request, in the order of the checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fault {
    NoToken,
    InvalidToken,
    EndedSession,
    EmptyBucket,
    TooLarge,
    WrongType,
    NotJson,
    InvalidBody,
    WrongPassword,
}

use Fault::{
    EmptyBucket, EndedSession, InvalidBody, InvalidToken, NoToken, NotJson, TooLarge,
    WrongPassword, WrongType,
};

/// With the status of each fault.
const FAULTS: [(Fault, u16); 9] = [
    (NoToken, 401),
    (InvalidToken, 401),
    (EndedSession, 401),
    (EmptyBucket, 429),
    (TooLarge, 413),
    (WrongType, 415),
    (NotJson, 400),
    (InvalidBody, 422),
    (WrongPassword, 403),
];

/// A password change with these faults.
async fn with(faults: &[Fault]) -> Reply {
    let bed = Testbed::with(Setup { bucket: Preset::Strict, ..Setup::default() }).await;
    let user = bed.user("ada").await;
    let has = |fault: Fault| faults.contains(&fault);
    if has(EmptyBucket) {
        for _ in 0..3 {
            assert_eq!(bed.me(&user.access).await.status, 200);
        }
    }
    if has(EndedSession) {
        assert_eq!(bed.logout(&user.refresh).await.status, 204);
    }
    let token = if has(InvalidToken) { "a.b.c" } else { &user.access };
    let authorization = format!("Bearer {token}");
    let mut headers = vec![("authorization", &*authorization)];
    if has(NoToken) {
        headers.clear();
    }
    headers.push(("content-type", if has(WrongType) { "text/plain" } else { "application/json" }));
    let old = if has(WrongPassword) { "wrong password" } else { PASSWORD };
    let new = if has(InvalidBody) { "short" } else { "another good one" };
    let mut body = json!({ "old": old, "new": new }).to_string();
    if has(NotJson) {
        body.pop();
    }
    if has(TooLarge) {
        body.push_str(&" ".repeat(4096));
    }
    bed.journal.take();
    let reply = ask(&bed.app, CHANGE, &headers, body).await;
    if reply.status == 422 || reply.status == 400 {
        assert_eq!(bed.journal.take(), ["session_user"], "{faults:?}: no more work is done");
    }
    reply
}

#[tokio::test]
async fn each_fault_alone_has_its_status() {
    assert_eq!(with(&[]).await.status, 204);
    for (fault, status) in FAULTS {
        assert_eq!(with(&[fault]).await.status, status, "{fault:?}");
    }
}

#[tokio::test]
async fn earlier_of_two_faults_is_the_answer() {
    let mut pairs = 0;
    for (place, (first, status)) in FAULTS.into_iter().enumerate() {
        for (second, _) in &FAULTS[place + 1..] {
            // The sidecar checks the declared size first. The service itself checks the type before it reads the body.
            let status = if (first, *second) == (TooLarge, WrongType) { 415 } else { status };
            let reply = with(&[first, *second]).await;
            assert_eq!(reply.status, status, "{first:?}, {second:?}: {}", reply.body);
            pairs += 1;
        }
    }
    assert_eq!(pairs, 36);
    let all = FAULTS.map(|(fault, _)| fault);
    assert!(all.is_sorted());
    assert_eq!(with(&all).await.status, 401);
}

/// A method that the path does not have is no operation, so it needs no token and takes none from the bucket. The
/// document says so.
#[tokio::test]
async fn unknown_method_and_path_are_refused_first() {
    let bed = Testbed::with(Setup { bucket: Preset::Strict, ..Setup::default() }).await;
    let token = bed.user("ada").await.access;
    for token in ["a.b.c", &token] {
        for (head, status, allow) in [
            ("POST /api/v1/users/me", 405, Some("GET, HEAD, DELETE")),
            ("PATCH /api/v1/users/me", 405, Some("GET, HEAD, DELETE")),
            ("OPTIONS /api/v1/users/me", 405, Some("GET, HEAD, DELETE")),
            ("GET /api/v1/users/me/password", 405, Some("POST")),
            ("GET /auth/login", 405, Some("POST")),
            ("GET /api/v1/users/ME", 404, None),
            ("GET /api/v1/users/me/", 404, None),
            ("GET /api/v1/users", 404, None),
        ] {
            let reply = bed.bearer(token, head, &serde_json::Value::Null).await;
            assert_eq!((reply.status.as_u16(), reply.header("allow")), (status, allow), "{head}");
        }
    }
    for expected in [200, 200, 200, 429] {
        assert_eq!(bed.me(&token).await.status, expected);
    }
}
