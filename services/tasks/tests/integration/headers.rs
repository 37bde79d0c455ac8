//! `Cache-Control` of every response.

use crate::support::{OTHER_PASSWORD, PASSWORD, Setup, Testbed, credentials};
use chassis::testing::{Reply, ask};
use serde_json::{Value, json};
use tasks::model::bucket::Preset;

const NO_STORE: &str = "no-store";
const REVALIDATED: &str = "private, no-cache";
const ME: &str = "GET /api/v1/users/me";
const DELETE: &str = "DELETE /api/v1/users/me";
const CHANGE: &str = "POST /api/v1/users/me/password";

fn assert_cached(reply: &Reply, what: &str, status: u16, expected: &str) {
    assert_eq!(reply.status, status, "{what}: {}", reply.body);
    let found: Vec<_> = reply.headers.get_all("cache-control").iter().collect();
    assert_eq!(found, [expected], "{what}: {status}");
}

#[tokio::test]
async fn responses_of_auth_are_not_stored() {
    let bed = Testbed::new().await;
    let user = bed.user("ada").await;
    let unknown = json!({ "refresh_token": "0a".repeat(32) });
    let known = json!({ "refresh_token": user.refresh });
    for (path, body, status) in [
        ("/auth/register", credentials("grace", PASSWORD), 201),
        ("/auth/register", credentials("grace", PASSWORD), 409),
        ("/auth/register", json!({}), 422),
        ("/auth/login", credentials("ada", PASSWORD), 200),
        ("/auth/login", credentials("ada", OTHER_PASSWORD), 401),
        ("/auth/login", json!(1), 422),
        ("/auth/refresh", known.clone(), 200),
        ("/auth/refresh", unknown.clone(), 401),
        ("/auth/refresh", json!({}), 422),
        ("/auth/logout", known, 204),
        ("/auth/logout", unknown, 204),
        ("/auth/logout", json!({}), 422),
    ] {
        assert_cached(&bed.post(path, &body).await, path, status, NO_STORE);
    }
    for (head, headers, status) in [
        ("GET /auth/login", &[][..], 405),
        ("POST /auth/login", &[], 415),
        ("POST /auth/login", &[("content-type", "application/json")], 400),
    ] {
        assert_cached(&ask(&bed.app, head, headers, "").await, head, status, NO_STORE);
    }
    bed.store.set_away(true);
    let login = bed.login("ada", PASSWORD).await;
    assert_cached(&login, "/auth/login", 503, NO_STORE);
}

/// Only a password change is not stored. Every other response of a bearer operation may be stored by the caller.
#[tokio::test]
async fn responses_of_bearer_operations_are_private() {
    let bed = Testbed::with(Setup { bucket: Preset::Conservative, ..Setup::default() }).await;
    let token = bed.user("ada").await.access;
    let change = |old: &str| json!({ "old": old, "new": "another good one" });
    let large = json!({ "old": " ".repeat(5000) });
    for (head, body, status, expected) in [
        (CHANGE, change(OTHER_PASSWORD), 403, NO_STORE),
        (CHANGE, json!({}), 422, NO_STORE),
        (CHANGE, large, 413, NO_STORE),
        (CHANGE, Value::Null, 415, NO_STORE),
        (CHANGE, change(PASSWORD), 204, NO_STORE),
        (ME, Value::Null, 200, REVALIDATED),
        ("HEAD /api/v1/users/me", Value::Null, 200, REVALIDATED),
        (DELETE, json!({}), 413, REVALIDATED),
        (ME, Value::Null, 200, REVALIDATED),
        (ME, Value::Null, 200, REVALIDATED),
        (ME, Value::Null, 429, REVALIDATED),
        (DELETE, Value::Null, 429, REVALIDATED),
        (CHANGE, Value::Null, 429, NO_STORE),
    ] {
        assert_cached(&bed.bearer(&token, head, &body).await, head, status, expected);
    }
    for (head, expected) in [(ME, REVALIDATED), (DELETE, REVALIDATED), (CHANGE, NO_STORE)] {
        let none = bed.bearer("a.b.c", head, &Value::Null).await;
        assert_cached(&none, head, 401, expected);
    }
    bed.store.set_away(true);
    for (head, expected) in [(ME, REVALIDATED), (DELETE, REVALIDATED), (CHANGE, NO_STORE)] {
        let away = bed.bearer(&token, head, &Value::Null).await;
        assert_cached(&away, head, 503, expected);
    }
    bed.store.damage();
    assert_cached(&bed.me(&token).await, ME, 500, REVALIDATED);
    bed.store.set_away(false);
    bed.advance(std::time::Duration::from_secs(10));
    let deleted = bed.bearer(&token, DELETE, &Value::Null).await;
    assert_cached(&deleted, DELETE, 204, REVALIDATED);
    assert_cached(&bed.me(&token).await, ME, 401, REVALIDATED);
}

#[tokio::test]
async fn probes_are_not_stored_and_the_page_is_kept_briefly() {
    let bed = Testbed::new().await;
    for (head, status, expected) in [
        ("GET /healthz", 200, NO_STORE),
        ("GET /readyz", 200, NO_STORE),
        ("GET /openapi.json", 200, "public, max-age=300"),
        ("GET /docs", 200, "public, max-age=300"),
        ("GET /docs/unknown", 404, NO_STORE),
        ("GET /unknown", 404, NO_STORE),
    ] {
        assert_cached(&ask(&bed.app, head, &[], "").await, head, status, expected);
    }
}
