//! Sessions.

use super::is_valid;
use super::refresh::rotate;
use crate::{NOW, create, later, name, new_user, open_session, password, successor, token};
use std::sync::Arc;
use tasks::model::session::{Session, SessionId};
use tasks::store::{Rotation, Store};
use uuid::Uuid;

pub(super) async fn session_ends_with_its_time(store: Arc<dyn Store>) {
    let user = create(&*store, "timed").await;
    let (session, _) = open_session(&*store, &user).await;
    let at = |now| store.session_user(session.id, user.id, now);
    assert_eq!(at(later(99)).await.unwrap(), Some(user.clone()));
    assert_eq!(at(later(100)).await.unwrap(), None);
}

pub(super) async fn session_belongs_to_its_user(store: Arc<dyn Store>) {
    let (one, other) = (create(&*store, "owner-one").await, create(&*store, "owner-two").await);
    let (session, _) = open_session(&*store, &one).await;
    assert_eq!(store.session_user(session.id, other.id, NOW).await.unwrap(), None);
    let unknown = SessionId(Uuid::now_v7());
    assert_eq!(store.session_user(unknown, one.id, NOW).await.unwrap(), None);
}

pub(super) async fn login_with_a_changed_password_is_refused(store: Arc<dyn Store>) {
    let user = create(&*store, "old-login").await;
    let (kept, _) = open_session(&*store, &user).await;
    let change = store.change_password(user.id, kept.id, password("first"), password("second"));
    assert!(change.await.unwrap());
    let session = Session { id: SessionId(Uuid::now_v7()), ..kept };
    let refresh = token();
    assert!(!store.open_session(session, refresh, password("first")).await.unwrap());
    assert!(!is_valid(&*store, &session).await);
    assert_eq!(store.end_session(refresh).await.unwrap(), None);
    assert!(store.open_session(session, refresh, password("second")).await.unwrap());
}

pub(super) async fn login_of_a_deleted_user_is_refused(store: Arc<dyn Store>) {
    let user = create(&*store, "gone-login").await;
    assert!(store.delete_user(user.id, NOW).await.unwrap());
    let id = SessionId(Uuid::now_v7());
    let session = Session { id, user: user.id, created_at: NOW, expires_at: later(100) };
    assert!(!store.open_session(session, token(), password("first")).await.unwrap());
}

pub(super) async fn login_during_a_password_change_does_not_last(store: Arc<dyn Store>) {
    let mut logins = 0;
    for round in 0..30 {
        let user = create(&*store, &format!("login-race-{round}")).await;
        let (kept, _) = open_session(&*store, &user).await;
        let session = Session { id: SessionId(Uuid::now_v7()), ..kept };
        let login = store.open_session(session, token(), password("first"));
        let change = store.change_password(user.id, kept.id, password("first"), password("second"));
        let (login, change) = tokio::join!(login, change);
        logins += u32::from(login.unwrap());
        assert!(change.unwrap(), "round {round}");
        assert!(!is_valid(&*store, &session).await, "round {round}");
    }
    println!("{logins} of 30 logins were first");
}

pub(super) async fn concurrent_changes_of_one_user_do_not_fail(store: Arc<dyn Store>) {
    for round in 0..30 {
        let user = create(&*store, &format!("busy-{round}")).await;
        let (one, first) = open_session(&*store, &user).await;
        let (other, second) = open_session(&*store, &user).await;
        let session = Session { id: SessionId(Uuid::now_v7()), ..one };
        let change =
            store.change_password(user.id, other.id, password("first"), password("second"));
        let results = tokio::join!(
            rotate(&*store, first, successor(), NOW),
            store.open_session(session, token(), password("first")),
            rotate(&*store, second, successor(), NOW),
            change,
            store.delete_user(user.id, NOW),
        );
        assert!(results.1.is_ok() && results.3.is_ok(), "round {round}: {results:?}");
        assert!(results.4.unwrap(), "round {round}");
        for session in [one, other, session] {
            assert!(!is_valid(&*store, &session).await, "round {round}");
        }
    }
}

/// The session is inserted. Then its token is refused. Another job of the same commit is not affected.
pub(super) async fn failed_transaction_leaves_nothing(store: Arc<dyn Store>) {
    let user = create(&*store, "half-login").await;
    let (taken, refresh) = open_session(&*store, &user).await;
    let session = Session { id: SessionId(Uuid::now_v7()), ..taken };
    let failed = store.open_session(session, refresh, password("first"));
    let (failed, neighbor) = tokio::join!(failed, store.create_user(new_user("neighbor")));
    assert!(failed.is_err());
    assert!(neighbor.unwrap());
    assert!(!is_valid(&*store, &session).await);
    assert!(is_valid(&*store, &taken).await);
    assert!(store.user_named(&name("neighbor")).await.unwrap().is_some());
}

pub(super) async fn logout_accepts_a_superseded_token(store: Arc<dyn Store>) {
    let user = create(&*store, "logout").await;
    let (session, first) = open_session(&*store, &user).await;
    let second = successor();
    rotate(&*store, first, second, NOW).await;
    assert_eq!(store.end_session(first).await.unwrap(), Some(session));
    assert_eq!(store.end_session(second.hash).await.unwrap(), None);
    assert!(!is_valid(&*store, &session).await);
}

pub(super) async fn ended_sessions_are_removed_in_portions(store: Arc<dyn Store>) {
    let user = create(&*store, "removed").await;
    // All sessions of the other cases end at 100 s.
    while store.remove_ended_sessions(later(100), 1000).await.unwrap() > 0 {}
    let mut tokens = Vec::new();
    for end in [101, 102, 103, 104] {
        let id = SessionId(Uuid::now_v7());
        let session = Session { id, user: user.id, created_at: NOW, expires_at: later(end) };
        tokens.push(token());
        let refresh = tokens[tokens.len() - 1];
        assert!(store.open_session(session, refresh, password("first")).await.unwrap());
    }
    assert_eq!(store.remove_ended_sessions(later(100), 2).await.unwrap(), 0);
    assert_eq!(store.remove_ended_sessions(later(103), 2).await.unwrap(), 2);
    assert_eq!(store.remove_ended_sessions(later(103), 2).await.unwrap(), 1);
    assert_eq!(store.remove_ended_sessions(later(103), 2).await.unwrap(), 0);
    let mut left = Vec::new();
    for token in tokens {
        left.push(store.end_session(token).await.unwrap().map(|session| session.expires_at));
    }
    assert_eq!(left, [None, None, None, Some(later(104))]);
}

/// PgBouncer gives each transaction any of its two connections.
pub(super) async fn statements_of_many_callers_do_not_mix(store: Arc<dyn Store>) {
    let callers: Vec<_> = (0..40)
        .map(|number| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let text = format!("caller-{number}");
                let user = create(&*store, &text).await;
                let (session, token) = open_session(&*store, &user).await;
                for _ in 0..5 {
                    let read = store.user_named(&name(&text)).await.unwrap();
                    assert_eq!(read, Some((user.clone(), password("first"))));
                    assert!(is_valid(&*store, &session).await);
                }
                let rotation = rotate(&*store, token, successor(), NOW).await;
                assert_eq!(rotation, Rotation::Rotated(session));
            })
        })
        .collect();
    for caller in callers {
        caller.await.unwrap();
    }
}
