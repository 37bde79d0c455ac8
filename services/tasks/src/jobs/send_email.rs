//! `send_email`: sends a mail.

use super::context::{Context, Unfinished};
use super::{Broken, Job, KIB};
use crate::model::result::ResultFile;
use crate::model::task::Kind;
use serde_json::{Value, json};
use std::time::Duration;

pub(super) const JOB: Job = Job {
    kind: Kind::new("send_email"),
    schema,
    longest: 16 * KIB,
    for_admins: false,
    check,
    volatile: None,
    needs_isolation: false,
    timeout: Duration::from_mins(1),
    run: |context| Box::pin(run(context)),
};

fn schema() -> Value {
    json!({
        "type": "object",
        "description": "Sends a mail",
        "properties": {
            "to": { "type": "string", "format": "email", "maxLength": 254 },
            "subject": { "type": "string", "maxLength": 200 },
            "body": { "type": "string", "description": "Plain text" }
        },
        "required": ["to", "subject", "body"],
        "additionalProperties": false,
        "examples": [{ "to": "ada@example.com", "subject": "Hello", "body": "The plants need water." }]
    })
}

/// A line break in a header would begin another header.
fn check(payload: &Value) -> Vec<Broken> {
    let has_control =
        |member: &str| payload[member].as_str().is_some_and(|text| text.contains(char::is_control));
    let mut broken = Vec::new();
    if has_control("to") {
        broken.push(("/to", "must not contain control characters"));
    }
    if has_control("subject") {
        broken.push(("/subject", "must not contain control characters"));
    }
    broken
}

async fn run(_context: Context) -> Result<Option<ResultFile>, Unfinished> {
    Err(Unfinished::Failed("not built yet".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_injection_is_rejected() {
        for (to, subject, places) in [
            ("ada@example.com", "Hello", &[][..]),
            ("ada@example.com", "Grüße, 世界", &[]),
            ("ada@example.com", "a\r\nBcc: eve@example.com", &["/subject"]),
            ("ada@example.com\nBcc: eve@example.com", "a\n", &["/to", "/subject"]),
            ("ada@example.com", "a\u{0}b", &["/subject"]),
            ("ada@example.com", "a\u{85}b", &["/subject"]),
        ] {
            let payload = json!({ "to": to, "subject": subject, "body": "a\nb" });
            let found: Vec<_> = check(&payload).into_iter().map(|(place, _)| place).collect();
            assert_eq!(found, places, "{payload}");
        }
    }
}
