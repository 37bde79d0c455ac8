//! The values of settings, from their texts.

use std::time::Duration;
use tracing::Level;

const LONGEST: Duration = Duration::from_hours(1);

pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let rule = "must be a duration with its unit, such as 75s or 500ms, and at most 1h";
    match humantime::parse_duration(text) {
        Ok(duration) if duration <= LONGEST => Ok(duration),
        _ => Err(rule.into()),
    }
}

pub(super) fn positive_duration(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        duration if duration >= Duration::from_millis(1) => Ok(duration),
        _ => Err("must be at least 1ms".into()),
    }
}

pub(super) fn log_level(text: &str) -> Result<Level, String> {
    match text {
        "error" => Ok(Level::ERROR),
        "warn" => Ok(Level::WARN),
        "info" => Ok(Level::INFO),
        "debug" => Ok(Level::DEBUG),
        "trace" => Ok(Level::TRACE),
        _ => Err("must be error, warn, info, debug or trace".into()),
    }
}

/// A claim is compared byte for byte. Only visible ASCII passes through every tool unchanged.
pub(super) fn claim(text: &str) -> Result<String, String> {
    if (1..=255).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(text.into())
    } else {
        Err("must be 1 to 255 visible ASCII characters".into())
    }
}

/// Basic authentication separates the user from the password by a colon.
pub(super) fn user_name(text: &str) -> Result<String, String> {
    let allowed = |byte: u8| byte.is_ascii_graphic() && byte != b':';
    if (1..=64).contains(&text.len()) && text.bytes().all(allowed) {
        Ok(text.into())
    } else {
        Err("must be 1 to 64 visible ASCII characters without a colon".into())
    }
}

/// Names and paths that SSM allows. This reports an empty or invalid setting before the first request to AWS.
pub(super) fn parameter_name(text: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-/:".contains(c);
    if (1..=1011).contains(&text.len()) && text.chars().all(allowed) {
        Ok(text.into())
    } else {
        Err("must be the name of an SSM parameter: 1 to 1011 of A-Z a-z 0-9 . _ - / :".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_need_a_unit_and_a_bound() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("0s"), Ok(Duration::ZERO));
        for wrong in ["", "75", "-1s", "1h1ms", "soon", "9999999999999999999999s"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
        assert!(positive_duration("0s").is_err());
        assert!(positive_duration("999us").is_err());
    }
}
