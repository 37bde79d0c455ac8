//! Tasks, their keys, and the bounds of their owners.

use super::keys::claim;
use crate::{NOW, create, later};
use serde_json::json;
use std::sync::Arc;
use tasks::model::idempotency::Claim;
use tasks::model::task::{Kind, Priority, Status, Task, TaskId};
use tasks::model::usage::{Bounds, Exceeded};
use tasks::model::user::{User, UserId};
use tasks::store::{Change, Creation, Store};
use tokio::task::JoinSet;
use uuid::Uuid;

/// Bounds that no other case reaches.
pub(crate) const WIDE: Bounds = Bounds { tasks: 100_000, pending: 100_000, bytes: 100_000_000 };

/// A pending manual task that is not stored yet.
pub(crate) fn manual(owner: &User) -> Task {
    let mut task = Task::new(TaskId(Uuid::now_v7()), owner.id, Kind::MANUAL, NOW);
    task.summary.title = Some("Water the plants".into());
    task
}

/// A pending job with a payload of 13 bytes that is not stored yet.
fn job(owner: &User) -> Task {
    let mut task = manual(owner);
    task.summary.kind = Kind::new("send_email");
    task.payload = Some(json!({ "to": "ada" }));
    task
}

/// Stores a task.
pub(super) async fn store_task(store: &dyn Store, task: &Task) {
    let created = store.create_task(task.clone(), None, WIDE).await.unwrap();
    assert_eq!(created, Creation::Created);
}

/// Stores many tasks, ten at a time: on PostgreSQL, the creations of a user wait for each other.
pub(super) async fn store_all(store: &Arc<dyn Store>, tasks: Vec<(Task, Option<Claim>)>) {
    let mut tasks = tasks.into_iter().peekable();
    while tasks.peek().is_some() {
        let requests: JoinSet<_> = tasks
            .by_ref()
            .take(10)
            .map(|(task, claim)| {
                let store = Arc::clone(store);
                async move { store.create_task(task, claim, WIDE).await.unwrap() }
            })
            .collect();
        assert!(requests.join_all().await.iter().all(|result| *result == Creation::Created));
    }
}

pub(super) fn changed(task: &Task, change: impl FnOnce(&mut Task)) -> Task {
    let mut task = task.clone();
    change(&mut task);
    task.summary.version += 1;
    task
}

pub(super) async fn task_is_read_back(store: Arc<dyn Store>) {
    let (owner, other) = (create(&*store, "task-owner").await, create(&*store, "task-other").await);
    let mut task = job(&owner);
    task.summary.assignee_id = Some(other.id);
    task.summary.description = Some("Zwölf Boxkämpfer 🥊".into());
    task.summary.priority = Priority::Urgent;
    task.summary.run_at = Some(later(5));
    task.summary.max_attempts = 20;
    task.payload =
        Some(json!({ "to": "a\u{0}b", "numbers": [1, 2.5, null, 1e300], "nested": { "é": "✓" } }));
    store_task(&*store, &task).await;
    assert_eq!(store.task(task.summary.id).await.unwrap(), Some(task.clone()));
    let to = changed(&task, |task| {
        let summary = &mut task.summary;
        summary.status = Status::Failed;
        summary.error = Some("no".into());
        summary.attempts = 3;
        summary.cancel_requested_at = Some(later(1));
        summary.started_at = Some(later(2));
        summary.finished_at = Some(later(3));
        summary.updated_at = later(4);
        summary.assignee_id = None;
        summary.title = None;
        summary.run_at = None;
        task.payload = None;
    });
    assert_eq!(store.change_task(task, to.clone(), WIDE).await.unwrap(), Change::Done);
    assert_eq!(store.task(to.summary.id).await.unwrap(), Some(to));
    assert_eq!(store.task(TaskId(Uuid::now_v7())).await.unwrap(), None);
}

pub(super) async fn change_needs_the_version(store: Arc<dyn Store>) {
    let owner = create(&*store, "versions").await;
    let task = manual(&owner);
    store_task(&*store, &task).await;
    let to = changed(&task, |task| task.summary.title = Some("b".into()));
    assert_eq!(store.change_task(task.clone(), to.clone(), WIDE).await.unwrap(), Change::Done);
    let late = changed(&task, |task| task.summary.title = Some("c".into()));
    assert_eq!(store.change_task(task.clone(), late, WIDE).await.unwrap(), Change::Stale);
    assert_eq!(store.delete_task(task).await.unwrap(), Change::Stale);
    assert_eq!(store.task(to.summary.id).await.unwrap(), Some(to));
}

pub(super) async fn one_of_concurrent_changes_wins(store: Arc<dyn Store>) {
    let owner = create(&*store, "change-race").await;
    for round in 0..20 {
        let task = job(&owner);
        store_task(&*store, &task).await;
        let ended = |status| {
            let to = changed(&task, |task| task.summary.status = status);
            store.change_task(task.clone(), to, WIDE)
        };
        let (one, other, deleted) = tokio::join!(
            ended(Status::Cancelled),
            ended(Status::Completed),
            store.delete_task(task.clone())
        );
        let results = [one.unwrap(), other.unwrap(), deleted.unwrap()];
        let done = results.iter().filter(|result| **result == Change::Done).count();
        assert_eq!(done, 1, "round {round}: {results:?}");
    }
}

pub(super) async fn deleted_task_is_gone(store: Arc<dyn Store>) {
    let owner = create(&*store, "deleter").await;
    let task = manual(&owner);
    store_task(&*store, &task).await;
    assert_eq!(store.delete_task(task.clone()).await.unwrap(), Change::Done);
    assert_eq!(store.delete_task(task.clone()).await.unwrap(), Change::Stale);
    assert_eq!(store.task(task.summary.id).await.unwrap(), None);
}

pub(super) async fn assignee_must_exist(store: Arc<dyn Store>) {
    let owner = create(&*store, "assigner").await;
    let nobody = UserId(Uuid::now_v7());
    let mut task = manual(&owner);
    task.summary.assignee_id = Some(nobody);
    let refused = store.create_task(task.clone(), None, WIDE).await.unwrap();
    assert_eq!(refused, Creation::NoAssignee);
    task.summary.assignee_id = None;
    store_task(&*store, &task).await;
    let to = changed(&task, |task| task.summary.assignee_id = Some(nobody));
    assert_eq!(store.change_task(task, to, WIDE).await.unwrap(), Change::NoAssignee);
    assert!(store.has_user(owner.id).await.unwrap());
    assert!(!store.has_user(nobody).await.unwrap());
}

pub(super) async fn bounds_are_kept(store: Arc<dyn Store>) {
    let owner = create(&*store, "bounded").await;
    let create = |task: Task, bounds| store.create_task(task, None, bounds);
    let bounds = Bounds { tasks: 3, pending: 2, bytes: 30 };
    for task in [job(&owner), job(&owner)] {
        assert_eq!(create(task, bounds).await.unwrap(), Creation::Created);
    }
    let third = create(job(&owner), bounds).await.unwrap();
    assert_eq!(third, Creation::Exceeded(Exceeded::Pending));
    let third = create(job(&owner), Bounds { pending: 9, ..bounds }).await.unwrap();
    assert_eq!(third, Creation::Exceeded(Exceeded::Bytes));
    let task = manual(&owner);
    assert_eq!(create(task.clone(), bounds).await.unwrap(), Creation::Created);
    let fourth = create(manual(&owner), bounds).await.unwrap();
    assert_eq!(fourth, Creation::Exceeded(Exceeded::Tasks));
    let narrow = Bounds { tasks: 1, pending: 1, bytes: 1 };
    let to = changed(&task, |task| task.summary.title = Some("b".into()));
    let change = store.change_task(task, to.clone(), narrow).await.unwrap();
    assert_eq!(change, Change::Done, "a change that takes no more is always possible");
    assert_eq!(store.delete_task(to).await.unwrap(), Change::Done);
    assert_eq!(create(manual(&owner), bounds).await.unwrap(), Creation::Created);
}

pub(super) async fn bounds_are_kept_under_concurrency(store: Arc<dyn Store>) {
    let owner = create(&*store, "bounded-race").await;
    let bounds = Bounds { tasks: 20, ..WIDE };
    let mut requests = JoinSet::new();
    for _ in 0..50 {
        let (store, task) = (Arc::clone(&store), manual(&owner));
        requests.spawn(async move { store.create_task(task, None, bounds).await.unwrap() });
    }
    let results = requests.join_all().await;
    let created = results.iter().filter(|result| **result == Creation::Created).count();
    let exceeded = Creation::Exceeded(Exceeded::Tasks);
    assert_eq!(created, 20);
    assert_eq!(results.iter().filter(|result| **result == exceeded).count(), 30);
}

pub(super) async fn usage_follows_the_tasks(store: Arc<dyn Store>) {
    let owner = create(&*store, "usage").await;
    let bounds = Bounds { tasks: 1, pending: 1, bytes: 20 };
    for _ in 0..3 {
        let task = job(&owner);
        assert_eq!(store.create_task(task.clone(), None, bounds).await.unwrap(), Creation::Created);
        let ended = changed(&task, |task| task.summary.status = Status::Cancelled);
        assert_eq!(
            store.change_task(task.clone(), ended.clone(), bounds).await.unwrap(),
            Change::Done
        );
        // A stale change takes nothing and gives nothing back.
        let stale = changed(&task, |task| task.payload = None);
        assert_eq!(store.change_task(task.clone(), stale, bounds).await.unwrap(), Change::Stale);
        let larger = changed(&ended, |task| task.payload = Some(json!("x".repeat(30))));
        let refused = store.change_task(ended.clone(), larger, bounds).await.unwrap();
        assert_eq!(refused, Change::Exceeded(Exceeded::Bytes));
        assert_eq!(store.delete_task(task).await.unwrap(), Change::Stale);
        assert_eq!(store.delete_task(ended).await.unwrap(), Change::Done);
    }
}

pub(super) async fn deletion_of_a_user_removes_tasks_and_assignments(store: Arc<dyn Store>) {
    let (owner, other) = (create(&*store, "leaver").await, create(&*store, "stayer").await);
    let mut own = manual(&owner);
    own.summary.assignee_id = Some(other.id);
    let mut assigned = manual(&other);
    assigned.summary.assignee_id = Some(owner.id);
    let mut both = manual(&owner);
    both.summary.assignee_id = Some(owner.id);
    for task in [&own, &assigned, &both] {
        store_task(&*store, task).await;
    }
    store.create_task(manual(&owner), Some(claim("k", "a", NOW)), WIDE).await.unwrap();
    assert!(store.delete_user(owner.id, later(1)).await.unwrap());
    assert_eq!(store.task(own.summary.id).await.unwrap(), None);
    assert_eq!(store.task(both.summary.id).await.unwrap(), None);
    let unassigned = changed(&assigned, |task| {
        task.summary.assignee_id = None;
        task.summary.updated_at = later(1);
    });
    assert_eq!(store.task(assigned.summary.id).await.unwrap(), Some(unassigned));
}
