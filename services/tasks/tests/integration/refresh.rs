//! `POST /auth/refresh` and `POST /auth/logout`: rotation, lost responses, and stolen tokens.

use crate::support::{Pair, Testbed};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_hours(24);

async fn is_valid(bed: &Testbed, pair: &Pair) -> bool {
    bed.me(&pair.access).await.status == 200
}

#[tokio::test]
async fn each_refresh_returns_a_new_pair() {
    let bed = Testbed::new().await;
    let mut pairs = vec![bed.user("ada").await];
    for _ in 0..5 {
        bed.advance(Duration::from_mins(10));
        let reply = bed.refresh(&pairs.last().unwrap().refresh).await;
        let pair = Pair::of(&reply);
        assert_eq!(reply.json()["expires_in"], 900);
        assert_eq!(reply.json()["token_type"], "Bearer");
        assert!(is_valid(&bed, &pair).await);
        pairs.push(pair);
    }
    let different = |token: fn(&Pair) -> &str| pairs.iter().map(token).collect::<BTreeSet<_>>();
    assert_eq!(different(|pair| &pair.access).len(), 6);
    assert_eq!(different(|pair| &pair.refresh).len(), 6);
}

/// The caller lost the response and sends its request again.
#[tokio::test]
async fn replay_within_ten_seconds_gets_the_same_pair() {
    let bed = Testbed::new().await;
    let first = bed.user("ada").await;
    bed.advance(Duration::from_mins(1));
    let second = Pair::of(&bed.refresh(&first.refresh).await);
    for _ in 0..3 {
        bed.advance(3 * SECOND);
        assert_eq!(Pair::of(&bed.refresh(&first.refresh).await), second);
    }
    // Both tokens still work.
    assert!(is_valid(&bed, &second).await && is_valid(&bed, &first).await);
    Pair::of(&bed.refresh(&second.refresh).await);
}

/// Each row ends the session of the family, and no other one.
#[tokio::test]
async fn reuse_of_a_superseded_token_revokes_its_family() {
    for (name, successor_is_used, wait) in [
        ("its successor is used", true, Duration::ZERO),
        ("after ten seconds", false, 10 * SECOND),
        ("both", true, 10 * SECOND),
        ("after a day", false, DAY),
    ] {
        let bed = Testbed::new().await;
        let first = bed.user("ada").await;
        let other = bed.session("ada").await;
        let mut newest = Pair::of(&bed.refresh(&first.refresh).await);
        if successor_is_used {
            newest = Pair::of(&bed.refresh(&newest.refresh).await);
        }
        assert!(is_valid(&bed, &newest).await);
        bed.advance(wait);
        assert_eq!(bed.refresh(&first.refresh).await.status, 401, "{name}");
        assert_eq!(bed.refresh(&newest.refresh).await.status, 401, "{name}: newest");
        assert!(!is_valid(&bed, &newest).await && !is_valid(&bed, &first).await, "{name}");
        // An access token lasts 15 minutes, so the other session is checked with a new one.
        let other = Pair::of(&bed.refresh(&other.refresh).await);
        assert!(is_valid(&bed, &other).await, "{name}: other session");
    }
}

#[tokio::test]
async fn last_moment_of_the_window_is_a_replay() {
    let bed = Testbed::new().await;
    let first = bed.user("ada").await;
    let second = Pair::of(&bed.refresh(&first.refresh).await);
    bed.advance(Duration::from_millis(9999));
    assert_eq!(Pair::of(&bed.refresh(&first.refresh).await), second);
    bed.advance(Duration::from_millis(1));
    assert_eq!(bed.refresh(&first.refresh).await.status, 401);
}

/// Two tabs of a browser refresh with the same token.
#[tokio::test]
async fn concurrent_refreshes_get_the_same_pair() {
    let bed = Testbed::new().await;
    let first = bed.user("ada").await;
    for _ in 0..10 {
        let first = bed.session("ada").await;
        let (one, two, three) = tokio::join!(
            bed.refresh(&first.refresh),
            bed.refresh(&first.refresh),
            bed.refresh(&first.refresh)
        );
        let pair = Pair::of(&one);
        assert_eq!((Pair::of(&two), Pair::of(&three)), (pair.clone(), pair.clone()));
        assert!(is_valid(&bed, &pair).await);
    }
    assert!(is_valid(&bed, &first).await);
}

#[tokio::test]
async fn family_ends_seven_days_after_the_login() {
    let bed = Testbed::new().await;
    let mut pair = bed.user("ada").await;
    for _ in 0..13 {
        bed.advance(DAY / 2);
        pair = Pair::of(&bed.refresh(&pair.refresh).await);
    }
    bed.advance(Duration::from_secs(12 * 3600 - 1));
    pair = Pair::of(&bed.refresh(&pair.refresh).await);
    assert!(is_valid(&bed, &pair).await);
    bed.advance(SECOND);
    // Its access token would be valid for 15 minutes more.
    assert!(!is_valid(&bed, &pair).await);
    assert_eq!(bed.refresh(&pair.refresh).await.status, 401);
}

#[tokio::test]
async fn malformed_token_is_invalid_and_an_unknown_one_is_refused() {
    let bed = Testbed::new().await;
    let good = bed.user("ada").await.refresh;
    let malformed = [
        json!(""),
        json!(good[1..]),
        json!(format!("{good}0")),
        json!(good.to_uppercase()),
        json!("g".repeat(64)),
        json!(format!("{good}\n")),
        json!(1),
        Value::Null,
    ];
    for path in ["/auth/refresh", "/auth/logout"] {
        for token in &malformed {
            let reply = bed.post(path, &json!({ "refresh_token": token })).await;
            assert_eq!(reply.status, 422, "{path} {token}");
            assert_eq!(reply.json()["errors"][0]["pointer"], "/refresh_token");
            assert!(!reply.body.contains(&good[1..]));
        }
        for body in [json!({}), json!({ "refresh_token": good, "all": true })] {
            assert_eq!(bed.post(path, &body).await.status, 422, "{path} {body}");
        }
    }
    let unknown = "0a".repeat(32);
    assert_eq!(bed.refresh(&unknown).await.status, 401);
    let reply = bed.logout(&unknown).await;
    assert_eq!((reply.status.as_u16(), &*reply.body), (204, ""));
    Pair::of(&bed.refresh(&good).await);
}

#[tokio::test]
async fn logout_ends_the_family_and_can_be_repeated() {
    let bed = Testbed::new().await;
    let first = bed.user("ada").await;
    let second = Pair::of(&bed.refresh(&first.refresh).await);
    // A caller that lost the response to the refresh has only the superseded token.
    for _ in 0..2 {
        assert_eq!(bed.logout(&first.refresh).await.status, 204);
    }
    assert!(!is_valid(&bed, &second).await);
    for token in [&first.refresh, &second.refresh] {
        assert_eq!(bed.refresh(token).await.status, 401);
    }
}
