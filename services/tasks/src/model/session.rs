//! Sessions and their refresh tokens.
//!
//! A session begins with a login and ends after seven days, with a logout, with a password change in another session,
//! or with the reuse of a superseded token. Its refresh tokens are one family: each refresh supersedes the token that
//! it uses, and issues a successor.
//!
//! The successor is computed from the token that it supersedes and from a salt in the row of that token. So a caller
//! that lost a response can get the same successor again, although the database contains only hashes.

use super::timestamp::Timestamp;
use super::user::UserId;
use sha2::{Digest, Sha256};
use std::fmt;
use std::time::Duration;
use uuid::Uuid;

/// The time that an access token is valid.
pub const ACCESS_LIFETIME: Duration = Duration::from_mins(15);
/// The time that all refresh tokens of a family are valid together.
pub const SESSION_LIFETIME: Duration = Duration::from_hours(7 * 24);
/// The time after a refresh in which the same token returns the same successor.
pub const REPLAY_WINDOW: Duration = Duration::from_secs(10);

/// The id of a session, a `UUIDv7`: the claim `sid`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub Uuid);

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// The user that it belongs to.
    pub user: UserId,
    /// The time of the login.
    pub created_at: Timestamp,
    /// The time after which none of its tokens is valid.
    pub expires_at: Timestamp,
}

/// A random value, stored in the row of a superseded token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Salt(pub [u8; 16]);

/// A refresh token: 32 random bytes, or 32 bytes that nobody can compute without its predecessor.
#[derive(Clone, PartialEq, Eq)]
pub struct RefreshToken([u8; 32]);

/// The SHA-256 hash of a refresh token: the only form that is stored. A token has 256 random bits, so a slow hash would
/// add nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenHash(pub [u8; 32]);

/// Never shown.
impl fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RefreshToken")
    }
}

impl RefreshToken {
    /// A token of these random bytes.
    #[must_use]
    pub const fn from_random(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Reads the 64 hexadecimal digits of a token.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = |digits: &[u8]| {
            let value =
                |digit: u8| char::from(digit).to_digit(16).filter(|_| !digit.is_ascii_uppercase());
            u8::try_from(value(digits[0])? * 16 + value(digits[1])?).ok()
        };
        let pairs = text.as_bytes().as_chunks::<2>();
        let bytes: Option<Vec<u8>> = pairs.0.iter().map(|pair| digits(pair)).collect();
        bytes.filter(|_| pairs.1.is_empty())?.try_into().ok().map(Self)
    }

    /// The form that is stored.
    #[must_use]
    pub fn hash(&self) -> TokenHash {
        TokenHash(Sha256::digest(self.0).into())
    }

    /// The token that supersedes this one, and the id of the access token that is issued with it.
    #[must_use]
    pub fn successor(&self, salt: Salt) -> (Self, Uuid) {
        let derive = |purpose: &str| -> [u8; 32] {
            let mut hash = Sha256::new();
            hash.update(purpose);
            hash.update(salt.0);
            hash.update(self.0);
            hash.finalize().into()
        };
        let mut id = [0; 16];
        id.copy_from_slice(&derive("access-token-id")[..16]);
        let id = uuid::Builder::from_random_bytes(id).into_uuid();
        (Self(derive("refresh-token")), id)
    }
}

/// As 64 hexadecimal digits, for the response only.
impl fmt::Display for RefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_is_read_back_from_its_text() {
        let token = RefreshToken::from_random([0x0a; 32]);
        let text = token.to_string();
        assert_eq!(RefreshToken::parse(&text), Some(token));
        for wrong in [
            "",
            "00",
            &text[1..],
            &text.to_uppercase(),
            &format!("{text}0"),
            &text.replace('0', "g"),
        ] {
            assert_eq!(RefreshToken::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn successor_depends_on_the_token_and_the_salt() {
        let (one, other) = (RefreshToken([1; 32]), RefreshToken([2; 32]));
        let (salt, second) = (Salt([3; 16]), Salt([4; 16]));
        assert_eq!(one.successor(salt), one.successor(salt));
        assert_ne!(one.successor(salt), one.successor(second));
        assert_ne!(one.successor(salt), other.successor(salt));
        let (successor, id) = one.successor(salt);
        assert_ne!(successor.0[..16], *id.as_bytes());
        assert_ne!(successor, one);
    }

    #[test]
    fn debug_output_has_no_secret() {
        assert_eq!(format!("{:?}", RefreshToken([7; 32])), "RefreshToken");
    }
}
