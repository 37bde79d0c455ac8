//! The rules for a new password.

use super::user::{PASSWORD_MAX, PASSWORD_MIN};
use std::fmt;
use thiserror::Error;
use zeroize::Zeroizing;

/// Common passwords of eight characters or more, in lower case, one on each line.
const COMMON: &str = include_str!("common_passwords.txt");

/// A password as the caller sent it. Its memory is wiped when it is dropped.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

/// Never shown.
impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password")
    }
}

/// Why a password is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum InvalidPassword {
    /// Too short or too long.
    #[error("must have {PASSWORD_MIN} to {PASSWORD_MAX} characters")]
    Length,
    /// In the list of common passwords.
    #[error("is one of the most common passwords")]
    Common,
}

impl Password {
    /// A password to compare with a stored one.
    #[must_use]
    pub fn given(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// A password to store.
    pub fn new(text: String) -> Result<Self, InvalidPassword> {
        let password = Self::given(text);
        if !(PASSWORD_MIN..=PASSWORD_MAX).contains(&password.0.chars().count()) {
            return Err(InvalidPassword::Length);
        }
        let folded = Zeroizing::new(password.0.to_lowercase());
        if COMMON.lines().any(|common| common == *folded) {
            return Err(InvalidPassword::Common);
        }
        Ok(password)
    }

    /// Its bytes, for the hash.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_password_has_a_length_and_is_not_common() {
        for (text, expected) in [
            ("seven77", Err(InvalidPassword::Length)),
            ("eight888", Ok(())),
            ("éééééééé", Ok(())),
            ("Password1", Err(InvalidPassword::Common)),
            ("CHANGEME", Err(InvalidPassword::Common)),
            ("SuperSecret", Err(InvalidPassword::Common)),
            ("admin123", Err(InvalidPassword::Common)),
        ] {
            assert_eq!(Password::new(text.into()).map(drop), expected, "{text}");
        }
        assert!(Password::new("x".repeat(128)).is_ok());
        assert!(Password::new("x".repeat(129)).is_err());
    }

    #[test]
    fn list_is_in_the_form_that_is_compared() {
        let lines: Vec<&str> = COMMON.lines().collect();
        assert!(lines.len() >= 150, "{}", lines.len());
        for line in &lines {
            let length = line.chars().count();
            assert!((PASSWORD_MIN..=PASSWORD_MAX).contains(&length), "{line}");
            assert_eq!(*line, line.to_lowercase());
        }
        assert!(lines.is_sorted() && lines.windows(2).all(|two| two[0] != two[1]));
    }
}
