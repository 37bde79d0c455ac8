//! `POST /auth/login`.

use crate::support::{OTHER_PASSWORD, PASSWORD, Pair, Testbed, credentials, without_id};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chassis::testing::NOW;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use uuid::Uuid;

/// A part of a token.
fn part(token: &str, number: usize) -> Value {
    let part = token.split('.').nth(number).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

#[tokio::test]
async fn login_returns_a_pair_of_tokens() {
    let bed = Testbed::new().await;
    bed.register("ada").await;
    let reply = bed.login("Ada", PASSWORD).await;
    let pair = Pair::of(&reply);
    let expected = json!({
        "access_token": pair.access,
        "refresh_token": pair.refresh,
        "token_type": "Bearer",
        "expires_in": 900,
    });
    assert_eq!(reply.json(), expected);
    assert_eq!(bed.me(&pair.access).await.json()["username"], "ada");
}

#[tokio::test]
async fn access_token_has_the_claims_of_the_contract_and_no_role() {
    let bed = Testbed::new().await;
    let user = bed.register("ada").await;
    let (one, other) = (bed.session("ada").await, bed.session("ada").await);
    assert_eq!(part(&one.access, 0), json!({"typ": "JWT", "alg": "HS256", "kid": "k1"}));
    let claims = part(&one.access, 1);
    let names: BTreeSet<&str> = claims.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, BTreeSet::from(["iss", "aud", "sub", "sid", "jti", "iat", "exp"]));
    assert_eq!(claims["iss"], "tests");
    assert_eq!(claims["aud"], "tasks");
    assert_eq!(claims["sub"], user["user_id"]);
    assert_eq!(claims["iat"], NOW);
    assert_eq!(claims["exp"], NOW + 15 * 60);
    let second = part(&other.access, 1);
    for id in ["sid", "jti"] {
        let parsed: Uuid = claims[id].as_str().unwrap().parse().unwrap();
        assert_eq!(parsed.get_version_num(), 7);
        assert_ne!(claims[id], second[id], "{id}");
    }
    assert_ne!(one.refresh, other.refresh);
}

#[tokio::test]
async fn unknown_name_and_wrong_password_are_the_same() {
    let bed = Testbed::new().await;
    bed.register("ada").await;
    bed.journal.take();
    let wrong = bed.login("ada", OTHER_PASSWORD).await;
    let calls = bed.journal.take();
    let unknown = bed.login("nobody-here", OTHER_PASSWORD).await;
    // The same work takes the same time.
    assert_eq!(calls, ["user_named", "verify"]);
    assert_eq!(bed.journal.take(), calls);
    assert_eq!((wrong.status.as_u16(), unknown.status.as_u16()), (401, 401));
    assert_eq!(without_id(&wrong), without_id(&unknown));
    let headers = |reply: &chassis::testing::Reply| {
        let mut headers = reply.headers.clone();
        headers.remove("x-request-id");
        headers
    };
    assert_eq!(headers(&wrong), headers(&unknown));
    assert_eq!(wrong.header("www-authenticate"), Some("Bearer realm=\"tasks\""));
}

#[tokio::test]
async fn invalid_body_does_no_work() {
    let bed = Testbed::new().await;
    for body in [
        json!({}),
        json!({"username": "ada"}),
        json!({"username": "ada", "password": PASSWORD, "otp": "1"}),
        json!({"username": "ada", "password": true}),
        json!({"username": "a", "password": PASSWORD}),
        json!({"username": "ada", "password": "x".repeat(129)}),
    ] {
        let reply = bed.post("/auth/login", &body).await;
        assert_eq!(reply.status, 422, "{body}");
        assert!(!reply.body.contains(PASSWORD));
    }
    assert!(bed.journal.take().is_empty());
}

/// An operator creates these. They log in like any other.
#[tokio::test]
async fn reserved_name_may_log_in() {
    let bed = Testbed::new().await;
    let reply = bed.post("/auth/login", &credentials("admin", PASSWORD)).await;
    assert_eq!(reply.status, 401);
}
