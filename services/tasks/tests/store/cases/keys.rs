//! Idempotency keys.

use super::task::{WIDE, changed, manual, store_all, store_task};
use crate::{NOW, create, later};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tasks::model::idempotency::{BodyHash, Claim, KEY_LIFETIME, KEYS_MAX, Key};
use tasks::model::task::Status;
use tasks::model::timestamp::Timestamp;
use tasks::model::usage::{Bounds, Exceeded};
use tasks::store::{Creation, Store};

pub(super) fn claim(key: &str, body: &str, at: Timestamp) -> Claim {
    Claim { key: Key::parse(key).unwrap(), body: BodyHash::of(&json!(body)), at }
}

pub(super) async fn repeated_key_returns_the_task(store: Arc<dyn Store>) {
    let owner = create(&*store, "key-owner").await;
    let other = create(&*store, "key-other").await;
    let task = manual(&owner);
    let first = store.create_task(task.clone(), Some(claim("k", "a", NOW)), WIDE).await.unwrap();
    assert_eq!(first, Creation::Created);
    let to = changed(&task, |task| task.summary.status = Status::Completed);
    store.change_task(task, to.clone(), WIDE).await.unwrap();
    let again =
        |body: &str| store.create_task(manual(&owner), Some(claim("k", body, later(1))), WIDE);
    assert_eq!(again("a").await.unwrap(), Creation::Repeated(Box::new(to)));
    assert_eq!(again("b").await.unwrap(), Creation::OtherBody);
    let of_other =
        store.create_task(manual(&other), Some(claim("k", "b", NOW)), WIDE).await.unwrap();
    assert_eq!(of_other, Creation::Created, "a key belongs to one user");
}

pub(super) async fn concurrent_requests_with_one_key_create_one_task(store: Arc<dyn Store>) {
    let owner = create(&*store, "key-race").await;
    for round in 0..10 {
        let key = format!("round-{round}");
        let request = || store.create_task(manual(&owner), Some(claim(&key, "a", NOW)), WIDE);
        let results =
            tokio::join!(request(), request(), request(), request(), request(), request());
        let results: [Creation; 6] = [
            results.0.unwrap(),
            results.1.unwrap(),
            results.2.unwrap(),
            results.3.unwrap(),
            results.4.unwrap(),
            results.5.unwrap(),
        ];
        let created = results.iter().filter(|one| **one == Creation::Created).count();
        let repeated = results.iter().filter(|one| matches!(one, Creation::Repeated(_))).count();
        assert_eq!((created, repeated), (1, 5), "round {round}: {results:?}");
    }
}

pub(super) async fn key_of_a_deleted_task_is_remembered(store: Arc<dyn Store>) {
    let owner = create(&*store, "key-deleted").await;
    let task = manual(&owner);
    store.create_task(task.clone(), Some(claim("k", "a", NOW)), WIDE).await.unwrap();
    store.delete_task(task).await.unwrap();
    let again =
        |body: &str| store.create_task(manual(&owner), Some(claim("k", body, later(1))), WIDE);
    assert_eq!(again("a").await.unwrap(), Creation::Deleted);
    assert_eq!(again("b").await.unwrap(), Creation::OtherBody);
}

pub(super) async fn key_expires(store: Arc<dyn Store>) {
    let owner = create(&*store, "key-expired").await;
    let at = |time| store.create_task(manual(&owner), Some(claim("k", "a", time)), WIDE);
    assert_eq!(at(NOW).await.unwrap(), Creation::Created);
    let end = NOW.after(KEY_LIFETIME);
    let before = end.as_millis() - 1;
    let repeated = at(Timestamp::from_millis(before)).await.unwrap();
    assert!(matches!(repeated, Creation::Repeated(_)));
    assert_eq!(at(end).await.unwrap(), Creation::Created);
    let repeated = at(end.after(Duration::from_secs(1))).await.unwrap();
    assert!(matches!(repeated, Creation::Repeated(_)), "the key is new again");
}

pub(super) async fn oldest_key_is_forgotten(store: Arc<dyn Store>) {
    let owner = create(&*store, "key-many").await;
    let first = |at| store.create_task(manual(&owner), Some(claim("first", "a", later(at))), WIDE);
    first(0).await.unwrap();
    let others = 1..=u64::from(KEYS_MAX);
    let others = others
        .map(|number| (manual(&owner), Some(claim(&format!("k{number}"), "a", later(number)))));
    store_all(&store, others.collect()).await;
    let second = store.create_task(manual(&owner), Some(claim("k1", "a", later(20_000))), WIDE);
    assert!(matches!(second.await.unwrap(), Creation::Repeated(_)));
    assert_eq!(first(20_000).await.unwrap(), Creation::Created, "the oldest key is forgotten");
}

pub(super) async fn refused_creation_leaves_no_key(store: Arc<dyn Store>) {
    let owner = create(&*store, "key-refused").await;
    store_task(&*store, &manual(&owner)).await;
    let request = |bounds| store.create_task(manual(&owner), Some(claim("k", "a", NOW)), bounds);
    let refused = request(Bounds { tasks: 1, ..WIDE }).await.unwrap();
    assert_eq!(refused, Creation::Exceeded(Exceeded::Tasks));
    assert_eq!(request(WIDE).await.unwrap(), Creation::Created);
}
