//! Tests of the store on real databases.

#![expect(clippy::unwrap_used, reason = "a panic makes a test fail, also in a helper of tests")]

mod cases;
mod durability;
mod engines;
mod jobs;
mod mail;
mod million;
mod outages;
mod plans;
mod report;
mod results;
mod sequences;
mod smtp;
mod sqlite;
mod tls;

use std::time::Duration;
use tasks::model::session::{Salt, Session, SessionId, TokenHash};
use tasks::model::timestamp::Timestamp;
use tasks::model::user::{PasswordHash, Role, User, UserId, Username};
use tasks::store::{NewUser, Store, Successor};
use uuid::Uuid;

/// The time of all tests.
const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

fn later(seconds: u64) -> Timestamp {
    NOW.after(Duration::from_secs(seconds))
}

fn name(text: &str) -> Username {
    Username::parse(text).unwrap()
}

fn password(text: &str) -> PasswordHash {
    PasswordHash(text.into())
}

fn new_user(username: &str) -> NewUser {
    let (id, username) = (UserId(Uuid::now_v7()), name(username));
    let user = User { id, username, role: Role::User, created_at: NOW };
    NewUser { user, password: password("first") }
}

/// Creates a user with the password `first`.
async fn create(store: &dyn Store, username: &str) -> User {
    let new = new_user(username);
    assert!(store.create_user(new.clone()).await.unwrap());
    new.user
}

/// A token that no other test uses.
fn token() -> TokenHash {
    let mut bytes = [0; 32];
    bytes[..16].copy_from_slice(Uuid::now_v7().as_bytes());
    TokenHash(bytes)
}

fn successor() -> Successor {
    Successor { salt: Salt(Uuid::now_v7().into_bytes()), hash: token() }
}

/// Opens a session of 100 s.
async fn open_session(store: &dyn Store, user: &User) -> (Session, TokenHash) {
    let id = SessionId(Uuid::now_v7());
    let session = Session { id, user: user.id, created_at: NOW, expires_at: later(100) };
    let token = token();
    assert!(store.open_session(session, token, password("first")).await.unwrap());
    (session, token)
}
