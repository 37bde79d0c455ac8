//! Users.

use super::is_valid;
use super::refresh::rotate;
use crate::{NOW, create, name, new_user, open_session, password, successor};
use std::sync::Arc;
use tasks::model::session::SessionId;
use tasks::model::user::{Role, User, UserId};
use tasks::store::{Rotation, Store};
use uuid::Uuid;

pub(super) async fn user_is_read_back(store: Arc<dyn Store>) {
    let user = create(&*store, "read-back").await;
    let read = store.user_named(&name("read-back")).await.unwrap();
    assert_eq!(read, Some((user.clone(), password("first"))));
    assert_eq!(store.password_of(user.id).await.unwrap(), Some(password("first")));
    assert_eq!(store.user_named(&name("nobody-else")).await.unwrap(), None);
    assert_eq!(store.password_of(UserId(Uuid::now_v7())).await.unwrap(), None);
}

pub(super) async fn taken_name_is_refused(store: Arc<dyn Store>) {
    let user = create(&*store, "taken").await;
    let mut second = new_user("taken");
    second.password = password("second");
    assert!(!store.create_user(second).await.unwrap());
    let read = store.user_named(&name("taken")).await.unwrap();
    assert_eq!(read, Some((user, password("first"))));
}

pub(super) async fn only_one_of_concurrent_creates_succeeds(store: Arc<dyn Store>) {
    for round in 0..20 {
        let new = || store.create_user(new_user(&format!("race-{round}")));
        let (one, other) = tokio::join!(new(), new());
        assert_ne!(one.unwrap(), other.unwrap(), "round {round}");
    }
}

pub(super) async fn id_of_another_user_is_an_error(store: Arc<dyn Store>) {
    let user = create(&*store, "first-with-id").await;
    let mut second = new_user("second-with-id");
    second.user.id = user.id;
    let error = store.create_user(second).await.unwrap_err().to_string();
    assert!(error.starts_with("the database failed"), "{error}");
    for value in ["second-with-id", "first-with-id", &user.id.to_string()] {
        assert!(!error.contains(value), "{error}");
    }
    assert_eq!(store.user_named(&name("second-with-id")).await.unwrap(), None);
}

pub(super) async fn role_is_changed(store: Arc<dyn Store>) {
    let user = create(&*store, "promoted").await;
    let (session, _) = open_session(&*store, &user).await;
    let changed = store.set_role(&name("promoted"), Role::Admin).await.unwrap();
    assert_eq!(changed, Some(user.id));
    let read = store.session_user(session.id, user.id, NOW).await.unwrap();
    assert_eq!(read, Some(User { role: Role::Admin, ..user }));
    assert_eq!(store.set_role(&name("nobody-else"), Role::Admin).await.unwrap(), None);
}

pub(super) async fn password_change_needs_the_old_hash(store: Arc<dyn Store>) {
    let user = create(&*store, "stale-change").await;
    let (session, _) = open_session(&*store, &user).await;
    let other = SessionId(Uuid::now_v7());
    let change = store.change_password(user.id, other, password("wrong"), password("second"));
    assert!(!change.await.unwrap());
    assert_eq!(store.password_of(user.id).await.unwrap(), Some(password("first")));
    assert!(is_valid(&*store, &session).await);
}

pub(super) async fn password_change_ends_other_sessions(store: Arc<dyn Store>) {
    let user = create(&*store, "changed").await;
    let stranger = create(&*store, "not-changed").await;
    let (kept, kept_token) = open_session(&*store, &user).await;
    let (ended, ended_token) = open_session(&*store, &user).await;
    let (strange, _) = open_session(&*store, &stranger).await;
    let change = store.change_password(user.id, kept.id, password("first"), password("second"));
    assert!(change.await.unwrap());
    assert_eq!(store.password_of(user.id).await.unwrap(), Some(password("second")));
    assert!(is_valid(&*store, &kept).await);
    assert!(!is_valid(&*store, &ended).await);
    assert!(is_valid(&*store, &strange).await);
    assert_eq!(rotate(&*store, ended_token, successor(), NOW).await, Rotation::Unknown);
    assert_eq!(rotate(&*store, kept_token, successor(), NOW).await, Rotation::Rotated(kept));
}

pub(super) async fn deletion_cascades(store: Arc<dyn Store>) {
    let user = create(&*store, "deleted").await;
    let (session, first) = open_session(&*store, &user).await;
    let second = successor();
    rotate(&*store, first, second, NOW).await;
    assert!(store.delete_user(user.id, NOW).await.unwrap());
    assert!(!store.delete_user(user.id, NOW).await.unwrap());
    assert_eq!(store.user_named(&name("deleted")).await.unwrap(), None);
    assert!(!is_valid(&*store, &session).await);
    for token in [first, second.hash] {
        assert_eq!(rotate(&*store, token, successor(), NOW).await, Rotation::Unknown);
        assert_eq!(store.end_session(token).await.unwrap(), None);
    }
    // The name is free again.
    create(&*store, "deleted").await;
}
