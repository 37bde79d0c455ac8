//! Audit lines: who did what to an account, from where. They contain no secret and no name of an unknown login.

use crate::model::session::SessionId;
use crate::model::user::UserId;
use std::net::IpAddr;

/// The origin of a request.
#[derive(Debug, Clone, Copy)]
pub struct Visitor<'a> {
    /// The address of the caller, if the request passed the sidecar.
    pub address: Option<IpAddr>,
    /// The id of the request.
    pub request_id: &'a str,
}

/// An event of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Action {
    Registered,
    LoggedIn,
    LoginRefused,
    LoginLimited,
    LoggedOut,
    PasswordChanged,
    PasswordRefused,
    TokenReused,
    UserDeleted,
    UserCreated,
    RoleChanged,
    Forbidden,
    AdminActed,
}

impl Action {
    /// The value of `action` in the log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::LoggedIn => "logged-in",
            Self::LoginRefused => "login-refused",
            Self::LoginLimited => "login-limited",
            Self::LoggedOut => "logged-out",
            Self::PasswordChanged => "password-changed",
            Self::PasswordRefused => "password-refused",
            Self::TokenReused => "token-reused",
            Self::UserDeleted => "user-deleted",
            Self::UserCreated => "user-created",
            Self::RoleChanged => "role-changed",
            Self::Forbidden => "forbidden",
            Self::AdminActed => "admin-acted",
        }
    }
}

/// Writes an audit line. The actor and the session are unknown before a login.
pub fn line(
    action: Action,
    visitor: Visitor<'_>,
    actor: Option<UserId>,
    session: Option<SessionId>,
) {
    tracing::info!(
        action = action.as_str(),
        actor = actor.map(tracing::field::display),
        session = session.map(tracing::field::display),
        address = visitor.address.map(tracing::field::display),
        request_id = visitor.request_id,
        "audit"
    );
}
