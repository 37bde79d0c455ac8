//! Texts of callers that become a type. Each function takes any text, and panics if a rule is broken. The fuzz targets of
//! `services/tasks/fuzz` and the property tests run the same functions.

use chassis::bearer::Issuer;
use tasks::model::idempotency::Key;
use tasks::model::listing::Order;
use tasks::model::session::RefreshToken;
use tasks::model::timestamp::Timestamp;

const KEYS: &str = "one:Zml4ZWQtc2VjcmV0LW9mLWEtdGVzdC1maXhlZC1zZWNyZXQ";
const NOW: u64 = 1_800_000_000;

/// An accepted text is printed back as an equal one.
pub(crate) fn cursor(text: &str) {
    if let Some(token) = RefreshToken::parse(text) {
        assert_eq!(token.to_string(), text);
    }
    if let Some(key) = Key::parse(text) {
        assert_eq!(key.as_str(), text);
    }
    if let Some(time) = Timestamp::parse(text) {
        assert_eq!(Timestamp::parse(&time.to_string()), Some(time), "{text}");
    }
    if let Some(order) = Order::parse(text) {
        assert_eq!(order.descending, text.starts_with('-'));
    }
}

/// Only the token itself is verified. The text is tried alone, and in the place of each part of the token.
pub(crate) fn token(text: &str) {
    let issuer = Issuer::new(KEYS, "tasks", "tasks").expect("a valid list");
    let real = issuer.sign("user", "session", "id", NOW, 900);
    assert!(issuer.verify(&real, NOW).is_ok());
    let parts: Vec<&str> = real.split('.').collect();
    let [header, claims, signature] = parts[..] else { panic!("a token has three parts") };
    for forged in [
        text.to_owned(),
        format!("{text}.{claims}.{signature}"),
        format!("{header}.{text}.{signature}"),
        format!("{header}.{claims}.{text}"),
        format!("{real}{text}"),
        format!("{text}{real}"),
    ] {
        assert_eq!(issuer.verify(&forged, NOW).is_ok(), forged == real, "{forged}");
    }
}
