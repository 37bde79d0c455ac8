//! The requests of a user, each on its own connection.

use super::http::{Request, Response, ask};
use serde_json::json;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};

const PASSWORD: &str = "correct horse battery";

/// A name that no other test uses.
pub(crate) fn new_name() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("user-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// The requests of all tests.
pub(crate) mod request {
    use super::{PASSWORD, Request, json};

    pub(crate) fn register(name: &str) -> Request {
        let body = json!({ "username": name, "password": PASSWORD });
        Request::new("POST /auth/register").json(&body)
    }

    pub(crate) fn login(name: &str) -> Request {
        let body = json!({ "username": name, "password": PASSWORD });
        Request::new("POST /auth/login").json(&body)
    }

    pub(crate) fn refresh(token: &str) -> Request {
        Request::new("POST /auth/refresh").json(&json!({ "refresh_token": token }))
    }

    pub(crate) fn logout(token: &str) -> Request {
        Request::new("POST /auth/logout").json(&json!({ "refresh_token": token }))
    }

    pub(crate) fn me(token: &str) -> Request {
        Request::new("GET /api/v1/users/me").token(token)
    }

    pub(crate) fn delete_me(token: &str) -> Request {
        Request::new("DELETE /api/v1/users/me").token(token)
    }

    pub(crate) fn change_password(token: &str) -> Request {
        let body = json!({ "old": PASSWORD, "new": "another horse battery" });
        Request::new("POST /api/v1/users/me/password").token(token).json(&body)
    }
}

/// A pair of tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tokens {
    pub(crate) access: String,
    pub(crate) refresh: String,
}

impl Tokens {
    pub(crate) fn from_response(response: &Response) -> Self {
        Self { access: response.text("access_token"), refresh: response.text("refresh_token") }
    }
}

/// Registers a user and returns the name.
#[track_caller]
pub(crate) fn register(address: SocketAddr) -> String {
    let name = new_name();
    ask(address, &request::register(&name)).expect(201);
    name
}

#[track_caller]
pub(crate) fn login(address: SocketAddr, name: &str) -> Tokens {
    Tokens::from_response(&ask(address, &request::login(name)).expect(200))
}

#[track_caller]
pub(crate) fn refresh(address: SocketAddr, token: &str) -> Tokens {
    Tokens::from_response(&ask(address, &request::refresh(token)).expect(200))
}

/// The status of a request with an access token.
pub(crate) fn status_of_me(address: SocketAddr, token: &str) -> u16 {
    ask(address, &request::me(token)).status
}
