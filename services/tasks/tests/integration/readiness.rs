//! `/readyz`, and the service without its database.

use crate::support::{PASSWORD, Setup, Testbed, credentials, retry_after};
use chassis::failure::Failure;
use chassis::service::Service as _;
use chassis::testing::ask;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// Asserts the responses of `/readyz` and `/readyz?shallow=1`, and the members of both.
async fn assert_ready(bed: &Testbed, deep: u16, shallow: u16, expected: [&str; 3]) {
    let [status, status_shallow, database] = expected;
    for (path, code, status) in
        [("/readyz", deep, status), ("/readyz?shallow=1", shallow, status_shallow)]
    {
        let reply = ask(&bed.app, &format!("GET {path}"), &[], "").await;
        assert_eq!(reply.status, code, "{path}: {}", reply.body);
        assert_eq!(reply.json(), json!({ "status": status, "database": database }), "{path}");
    }
    assert_eq!(ask(&bed.app, "GET /healthz", &[], "").await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn process_is_ready_when_its_database_was_there_once() {
    let bed = Testbed::starting(Setup::default()).await;
    assert_ready(&bed, 503, 503, ["starting", "starting", "away"]).await;
    bed.store.set_away(true);
    // It waits as long as the database is away.
    let prepared = timeout(Duration::from_hours(1), bed.app.service().prepare()).await;
    assert!(prepared.is_err());
    assert_ready(&bed, 503, 503, ["starting", "starting", "away"]).await;
    bed.store.set_away(false);
    bed.app.service().prepare().await.unwrap();
    assert_ready(&bed, 503, 503, ["starting", "starting", "ok"]).await;
    bed.start();
    assert_ready(&bed, 200, 200, ["ready", "ready", "ok"]).await;
    bed.app.drain();
    assert_ready(&bed, 503, 503, ["draining", "draining", "ok"]).await;
}

#[tokio::test(start_paused = true)]
async fn damaged_database_ends_the_process() {
    let bed = Testbed::starting(Setup::default()).await;
    bed.store.damage();
    let failure = bed.app.service().prepare().await.unwrap_err();
    assert!(matches!(failure, Failure::Unavailable(_)), "{failure}");
}

#[tokio::test(start_paused = true)]
async fn process_is_not_ready_after_thirty_seconds_without_its_database() {
    let bed = Testbed::new().await;
    bed.app.service().prepare().await.unwrap();
    let user = bed.user("ada").await;
    for _ in 0..2 {
        bed.store.set_away(true);
        // The next check is at most two seconds later.
        sleep(Duration::from_secs(3)).await;
        assert_ready(&bed, 200, 200, ["ready", "ready", "away"]).await;
        sleep(Duration::from_secs(26)).await;
        assert_ready(&bed, 200, 200, ["ready", "ready", "away"]).await;
        sleep(Duration::from_secs(4)).await;
        assert_ready(&bed, 503, 200, ["away", "ready", "away"]).await;
        sleep(Duration::from_hours(1)).await;
        assert_ready(&bed, 503, 200, ["away", "ready", "away"]).await;
        bed.store.set_away(false);
        sleep(Duration::from_secs(3)).await;
        assert_ready(&bed, 200, 200, ["ready", "ready", "ok"]).await;
        assert_eq!(bed.me(&user.access).await.status, 200);
    }
}

/// A short loss is not seen by the load balancer, and does not add up.
#[tokio::test(start_paused = true)]
async fn short_losses_do_not_add_up() {
    let bed = Testbed::new().await;
    bed.app.service().prepare().await.unwrap();
    for _ in 0..10 {
        bed.store.set_away(true);
        sleep(Duration::from_secs(20)).await;
        assert_ready(&bed, 200, 200, ["ready", "ready", "away"]).await;
        bed.store.set_away(false);
        sleep(Duration::from_secs(3)).await;
        assert_ready(&bed, 200, 200, ["ready", "ready", "ok"]).await;
    }
}

#[tokio::test]
async fn requests_without_the_database_may_be_repeated() {
    let bed = Testbed::new().await;
    let user = bed.user("ada").await;
    let change = json!({ "old": PASSWORD, "new": "another good one" });
    bed.store.set_away(true);
    for (head, body) in [
        ("POST /auth/register", credentials("grace", PASSWORD)),
        ("POST /auth/login", credentials("ada", PASSWORD)),
        ("POST /auth/refresh", json!({ "refresh_token": user.refresh })),
        ("POST /auth/logout", json!({ "refresh_token": user.refresh })),
        ("GET /api/v1/users/me", Value::Null),
        ("DELETE /api/v1/users/me", Value::Null),
        ("POST /api/v1/users/me/password", change),
    ] {
        let reply = bed.bearer(&user.access, head, &body).await;
        assert_eq!((reply.status.as_u16(), retry_after(&reply)), (503, 1), "{head}");
    }
    for head in ["GET /docs", "GET /openapi.json"] {
        assert_eq!(ask(&bed.app, head, &[], "").await.status, 200, "{head}");
    }
    bed.store.set_away(false);
    assert_eq!(bed.me(&user.access).await.status, 200, "nothing was lost");
    assert_eq!(bed.refresh(&user.refresh).await.status, 200);
}

/// The keys can come from SSM, which can be away longer than the database.
#[tokio::test]
async fn service_without_its_keys_signs_and_accepts_nothing() {
    let bed = Testbed::starting(Setup::default()).await;
    bed.register("ada").await;
    assert_eq!(bed.login("ada", PASSWORD).await.status, 503);
    let token = chassis::testing::token("tasks", "ada");
    assert_eq!(bed.me(token.trim_start_matches("Bearer ")).await.status, 503);
}
