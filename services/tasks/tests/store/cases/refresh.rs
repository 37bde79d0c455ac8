//! Refresh tokens.

use super::is_valid;
use crate::{NOW, create, later, open_session, successor, token};
use std::sync::Arc;
use std::time::Duration;
use tasks::model::session::TokenHash;
use tasks::model::timestamp::Timestamp;
use tasks::store::{Rotation, Store, Successor};

const WINDOW: Duration = Duration::from_secs(10);

pub(super) async fn rotate(
    store: &dyn Store,
    token: TokenHash,
    next: Successor,
    now: Timestamp,
) -> Rotation {
    store.rotate(token, next, now, WINDOW).await.unwrap()
}

pub(super) async fn rotation_supersedes_the_token(store: Arc<dyn Store>) {
    let user = create(&*store, "rotated").await;
    let (session, mut token) = open_session(&*store, &user).await;
    for _ in 0..3 {
        let next = successor();
        assert_eq!(rotate(&*store, token, next, NOW).await, Rotation::Rotated(session));
        token = next.hash;
    }
    assert!(is_valid(&*store, &session).await);
}

pub(super) async fn replay_returns_the_same_successor(store: Arc<dyn Store>) {
    let user = create(&*store, "replayed").await;
    let (session, token) = open_session(&*store, &user).await;
    let next = successor();
    assert_eq!(rotate(&*store, token, next, later(1)).await, Rotation::Rotated(session));
    let replayed = Rotation::Replayed(session, later(1), next.salt);
    for second in [1, 5, 10] {
        assert_eq!(rotate(&*store, token, successor(), later(second)).await, replayed);
    }
    // The clock of another process can be behind.
    assert_eq!(rotate(&*store, token, successor(), NOW).await, replayed);
    assert_eq!(rotate(&*store, next.hash, successor(), NOW).await, Rotation::Rotated(session));
}

pub(super) async fn replay_window_ends(store: Arc<dyn Store>) {
    let user = create(&*store, "late-replay").await;
    let (session, token) = open_session(&*store, &user).await;
    let next = successor();
    rotate(&*store, token, next, NOW).await;
    assert_eq!(rotate(&*store, token, successor(), later(10)).await, Rotation::Reused(session));
    assert_eq!(rotate(&*store, next.hash, successor(), later(10)).await, Rotation::Unknown);
}

pub(super) async fn replay_after_use_of_the_successor_is_reuse(store: Arc<dyn Store>) {
    let user = create(&*store, "used-replay").await;
    let (session, first) = open_session(&*store, &user).await;
    let (second, third) = (successor(), successor());
    rotate(&*store, first, second, NOW).await;
    assert_eq!(rotate(&*store, second.hash, third, NOW).await, Rotation::Rotated(session));
    assert_eq!(rotate(&*store, first, successor(), NOW).await, Rotation::Reused(session));
    assert_eq!(rotate(&*store, third.hash, successor(), NOW).await, Rotation::Unknown);
}

pub(super) async fn reuse_ends_the_session(store: Arc<dyn Store>) {
    let user = create(&*store, "reused").await;
    let (session, token) = open_session(&*store, &user).await;
    let (other, _) = open_session(&*store, &user).await;
    rotate(&*store, token, successor(), NOW).await;
    assert_eq!(rotate(&*store, token, successor(), later(20)).await, Rotation::Reused(session));
    assert!(!is_valid(&*store, &session).await);
    assert!(is_valid(&*store, &other).await);
    assert_eq!(rotate(&*store, token, successor(), later(20)).await, Rotation::Unknown);
}

pub(super) async fn unknown_token_is_not_rotated(store: Arc<dyn Store>) {
    assert_eq!(rotate(&*store, token(), successor(), NOW).await, Rotation::Unknown);
    assert_eq!(store.end_session(token()).await.unwrap(), None);
}

pub(super) async fn expired_session_is_not_rotated(store: Arc<dyn Store>) {
    let user = create(&*store, "expired").await;
    let (session, token) = open_session(&*store, &user).await;
    assert_eq!(rotate(&*store, token, successor(), later(100)).await, Rotation::Unknown);
    assert_eq!(rotate(&*store, token, successor(), later(99)).await, Rotation::Rotated(session));
}

pub(super) async fn concurrent_rotations_agree(store: Arc<dyn Store>) {
    let user = create(&*store, "two-at-once").await;
    for round in 0..50 {
        let (session, token) = open_session(&*store, &user).await;
        let (left, right) = (successor(), successor());
        let results =
            tokio::join!(rotate(&*store, token, left, NOW), rotate(&*store, token, right, NOW));
        let (winner, replayed) = match results {
            (Rotation::Rotated(_), replayed) => (left, replayed),
            (replayed, Rotation::Rotated(_)) => (right, replayed),
            other => panic!("round {round}: {other:?}"),
        };
        assert_eq!(replayed, Rotation::Replayed(session, NOW, winner.salt), "round {round}");
    }
}

pub(super) async fn concurrent_rotation_and_logout_do_not_fail(store: Arc<dyn Store>) {
    let user = create(&*store, "leaving").await;
    for round in 0..30 {
        let (session, token) = open_session(&*store, &user).await;
        let next = successor();
        let rotation = store.rotate(token, next, NOW, WINDOW);
        let (rotation, ended) = tokio::join!(rotation, store.end_session(token));
        let rotation = rotation.unwrap();
        let expected = [Rotation::Rotated(session), Rotation::Unknown];
        assert!(expected.contains(&rotation), "round {round}: {rotation:?}");
        assert_eq!(ended.unwrap(), Some(session), "round {round}");
        assert_eq!(rotate(&*store, next.hash, successor(), NOW).await, Rotation::Unknown);
    }
}
