//! The token bucket of each user.

use crate::support::{OTHER_PASSWORD, PASSWORD, Setup, Testbed, retry_after};
use chassis::testing::Reply;
use serde_json::Value;
use std::time::Duration;
use tasks::access::limits::Buckets;
use tasks::model::bucket::Preset;
use tasks::model::timestamp::Timestamp;
use tasks::model::user::UserId;
use uuid::Uuid;

/// Each preset: tokens, the time for one token in milliseconds, and its `RateLimit-Policy`.
const PRESETS: [(Preset, usize, u64, &str); 4] = [
    (Preset::Strict, 3, 10_000, "\"user\";q=1;w=10"),
    (Preset::Conservative, 10, 200, "\"user\";q=5;w=1"),
    (Preset::Moderate, 20, 100, "\"user\";q=10;w=1"),
    (Preset::Generous, 100, 20, "\"user\";q=50;w=1"),
];

async fn testbed(bucket: Preset) -> Testbed {
    Testbed::with(Setup { bucket, ..Setup::default() }).await
}

fn assert_limited(reply: &Reply, seconds: u64, policy: &str) {
    assert_eq!(reply.status, 429);
    assert_eq!(retry_after(reply), seconds);
    assert_eq!(reply.header("ratelimit"), Some(&*format!("\"user\";r=0;t={seconds}")));
    assert_eq!(reply.header("ratelimit-policy"), Some(policy));
    let problem = reply.json();
    let quota = "https://iana.org/assignments/http-problem-types#quota-exceeded";
    assert_eq!(problem["type"], quota);
    assert_eq!(problem["violated-policies"], serde_json::json!(["user"]));
}

#[tokio::test]
async fn preset_has_its_tokens_and_their_refill() {
    for (preset, tokens, millis, policy) in PRESETS {
        let bed = testbed(preset).await;
        let ada = bed.user("ada").await.access;
        for number in 0..tokens {
            assert_eq!(bed.me(&ada).await.status, 200, "{preset:?} {number}");
        }
        let seconds = millis.div_ceil(1000);
        assert_limited(&bed.me(&ada).await, seconds, policy);
        bed.advance(Duration::from_millis(millis - 1));
        assert_limited(&bed.me(&ada).await, 1, policy);
        // One token comes back. A refused request took none.
        bed.advance(Duration::from_millis(1));
        assert_eq!(bed.me(&ada).await.status, 200, "{preset:?}");
        assert_limited(&bed.me(&ada).await, seconds, policy);
        // It never has more than its size.
        bed.advance(Duration::from_mins(10));
        for number in 0..tokens {
            assert_eq!(bed.me(&ada).await.status, 200, "{preset:?} {number}");
        }
        assert_limited(&bed.me(&ada).await, seconds, policy);
    }
}

#[tokio::test]
async fn bucket_belongs_to_a_user_and_not_to_a_session_or_an_address() {
    let bed = testbed(Preset::Strict).await;
    let (ada, grace) = (bed.user("ada").await.access, bed.user("grace").await.access);
    let second = bed.session("ada").await.access;
    for token in [&ada, &second, &ada] {
        assert_eq!(bed.me(token).await.status, 200);
    }
    for token in [&ada, &second] {
        assert_eq!(bed.me(token).await.status, 429);
    }
    assert_eq!(bed.me(&grace).await.status, 200);
}

/// Also a request that fails later takes a token, and only a request without a valid session takes none.
#[tokio::test]
async fn every_bearer_operation_takes_a_token() {
    let change = |old: &str| serde_json::json!({ "old": old, "new": OTHER_PASSWORD });
    for (head, body, status) in [
        ("GET /api/v1/users/me", Value::Null, 200),
        ("HEAD /api/v1/users/me", Value::Null, 200),
        ("DELETE /api/v1/users/me", serde_json::json!({}), 413),
        ("POST /api/v1/users/me/password", Value::Null, 415),
        ("POST /api/v1/users/me/password", serde_json::json!({}), 422),
        ("POST /api/v1/users/me/password", change("wrong password"), 403),
        ("POST /api/v1/users/me/password", change(PASSWORD), 204),
    ] {
        let bed = testbed(Preset::Strict).await;
        let ada = bed.user("ada").await;
        assert_eq!(bed.me("invalid").await.status, 401);
        assert_eq!(bed.bearer(&ada.access, head, &body).await.status, status, "{head}");
        for expected in [200, 200, 429] {
            assert_eq!(bed.me(&ada.access).await.status, expected, "{head} {body}");
        }
        // Open operations take none.
        assert_eq!(bed.refresh(&ada.refresh).await.status, 200);
        assert_eq!(bed.logout(&ada.refresh).await.status, 204);
    }
}

/// A map that did not forget would refuse the first user.
#[test]
fn number_of_buckets_is_bounded() {
    let now = Timestamp::from_millis(1_800_000_000_000);
    let user = |number: u128| UserId(Uuid::from_u128(number));
    let buckets = Buckets::new(Preset::Strict);
    let empty = |number: u128, now: Timestamp| buckets.take(user(number), 3, now).unwrap();
    empty(0, now);
    assert!(buckets.take(user(0), 1, now).is_err());
    for number in 1..10_000 {
        empty(number, now.after(Duration::from_secs(1)));
    }
    assert!(buckets.take(user(0), 1, now).is_err(), "10,000 users have a bucket");
    empty(10_000, now.after(Duration::from_secs(1)));
    assert!(buckets.take(user(0), 1, now).is_ok(), "the oldest bucket is forgotten");
    assert!(buckets.take(user(10_000), 1, now).is_err(), "a new bucket is not");
}
