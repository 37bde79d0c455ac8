//! Users: their names, roles and passwords.

use super::timestamp::Timestamp;
use serde::Serialize;
use std::fmt;
use thiserror::Error;
use uuid::Uuid;

/// The id of a user, a `UUIDv7`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct UserId(pub Uuid);

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

named! {
    /// The rights of a user.
    Role {
        /// May do everything with the user's own data.
        User = "user",
        /// May also read everything, and cancel, retry and pause.
        Admin = "admin",
    }
}

/// The fewest characters of a username.
pub const USERNAME_MIN: usize = 3;
/// The most characters of a username.
pub const USERNAME_MAX: usize = 32;
/// The fewest characters of a password.
pub const PASSWORD_MIN: usize = 8;
/// The most characters of a password.
pub const PASSWORD_MAX: usize = 128;

/// A public name of a user, in lower case: 3 to 32 of `a-z 0-9 _ -`, the first a letter.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Username(String);

/// Why a username is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum InvalidUsername {
    /// The form is wrong.
    #[error("must have {USERNAME_MIN} to {USERNAME_MAX} of a-z 0-9 _ - and begin with a letter")]
    Form,
    /// Another user could take the name for an authority.
    #[error("is reserved")]
    Reserved,
}

impl Username {
    /// Folds upper case to lower case.
    pub fn parse(text: &str) -> Result<Self, InvalidUsername> {
        let name = text.to_ascii_lowercase();
        let allowed = |byte: u8| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_' || byte == b'-'
        };
        let valid = (USERNAME_MIN..=USERNAME_MAX).contains(&name.len())
            && name.starts_with(|first: char| first.is_ascii_lowercase())
            && name.bytes().all(allowed);
        if valid { Ok(Self(name)) } else { Err(InvalidUsername::Form) }
    }

    /// A name that a stranger may take. An operator may also create the reserved names.
    pub fn for_registration(text: &str) -> Result<Self, InvalidUsername> {
        let name = Self::parse(text)?;
        if RESERVED.contains(&name.as_str()) { Err(InvalidUsername::Reserved) } else { Ok(name) }
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Names that suggest an authority, or that a path or a program uses.
const RESERVED: [&str; 27] = [
    "abuse",
    "admin",
    "administrator",
    "anonymous",
    "api",
    "auth",
    "daemon",
    "everyone",
    "guest",
    "help",
    "hostmaster",
    "info",
    "moderator",
    "nobody",
    "null",
    "operator",
    "owner",
    "postmaster",
    "root",
    "security",
    "staff",
    "superuser",
    "support",
    "sysadmin",
    "system",
    "tasks",
    "webmaster",
];

/// The hash of a password in the PHC string format, with its parameters and its salt.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(pub String);

/// Never shown.
impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash")
    }
}

/// A user, with the members of a response.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct User {
    /// The id.
    #[serde(rename = "user_id")]
    pub id: UserId,
    /// The public name.
    pub username: Username,
    /// The rights.
    pub role: Role,
    /// The time of the registration.
    pub created_at: Timestamp,
}
