//! The password of the private listener, for basic authentication (RFC 7617).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;
use thiserror::Error;

/// Shortest password, in characters.
const MIN: usize = 16;
/// Longest password, in characters.
const MAX: usize = 128;

/// A refused password. It does not contain the password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("must be {MIN} to {MAX} visible ASCII characters")]
pub struct WeakPassword;

/// A password. Its `Debug` does not show it.
#[derive(Debug)]
pub struct Password {
    /// The text that a client sends after the scheme: user and password in base64.
    credentials: SecretString,
}

impl Password {
    /// Accepts a password of 16 to 128 visible ASCII characters, for this user.
    pub fn parse(user: &str, password: &str) -> Result<Self, WeakPassword> {
        let valid = (MIN..=MAX).contains(&password.len())
            && password.bytes().all(|byte| byte.is_ascii_graphic());
        if !valid {
            return Err(WeakPassword);
        }
        let credentials = STANDARD.encode(format!("{user}:{password}")).into();
        Ok(Self { credentials })
    }

    /// Whether an `Authorization` header contains the password. The time of the comparison does not depend on the place
    /// of the first difference. It can reveal the length.
    #[must_use]
    pub fn admits(&self, authorization: Option<&HeaderValue>) -> bool {
        let given = authorization.and_then(|value| value.to_str().ok());
        let Some((scheme, given)) = given.and_then(|given| given.split_once(' ')) else {
            return false;
        };
        let equal = given.trim().as_bytes().ct_eq(self.credentials.expose_secret().as_bytes());
        scheme.eq_ignore_ascii_case("basic") & bool::from(equal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn password_must_be_long_and_visible() {
        let long = "x".repeat(129);
        for weak in [
            "",
            "15-characters-x",
            "sixteen letters!",
            "sixteen\tletters!",
            "ässixteenletters",
            &long,
        ] {
            assert_eq!(Password::parse("metrics", weak).unwrap_err(), WeakPassword, "{weak:?}");
        }
        let password = Password::parse("metrics", "16-characters-xx").unwrap();
        assert!(!format!("{password:?}").contains("16-char"));
    }

    #[test]
    fn only_the_user_with_the_password_is_admitted() {
        let password = Password::parse("metrics", "16-characters-xx").unwrap();
        let basic = |text: &str| format!("Basic {}", STANDARD.encode(text));
        let good = basic("metrics:16-characters-xx");
        for (given, admitted) in [
            (good.clone(), true),
            (good.replace("Basic", "basic"), true),
            (good.replace("Basic", "Bearer"), false),
            (good[6..].to_owned(), false),
            (basic("metrics:16-characters-x"), false),
            (basic("metrics:16-characters-xy"), false),
            (basic("root:16-characters-xx"), false),
            (basic(":16-characters-xx"), false),
            (String::new(), false),
        ] {
            let value = HeaderValue::from_str(&given).unwrap();
            assert_eq!(password.admits(Some(&value)), admitted, "{given}");
        }
        assert!(!password.admits(None));
    }
}
