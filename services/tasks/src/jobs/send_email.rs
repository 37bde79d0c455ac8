//! `send_email`: sends a mail.

use super::context::{Context, Unfinished};
use super::{Broken, Job, KIB, Rules};
use crate::mail::{Content, NotSent};
use crate::model::mail::Attempt;
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

/// The address and its domain, and the subject: a line break in a header would begin another header.
fn check(payload: &Value, rules: &Rules) -> Vec<Broken> {
    let mut broken = Vec::new();
    if let Err(error) = rules.recipients.check(member(payload, "to")) {
        broken.push(("/to", error.text()));
    }
    if member(payload, "subject").contains(char::is_control) {
        broken.push(("/subject", "must not contain control characters"));
    }
    broken
}

fn member<'a>(payload: &'a Value, name: &str) -> &'a str {
    payload[name].as_str().unwrap_or_default()
}

/// The address is checked again, because the operator can have changed the rule.
async fn run(context: Context) -> Result<Option<ResultFile>, Unfinished> {
    let payload = context.task.payload.as_ref().unwrap_or(&Value::Null);
    let (mail, summary) = (&context.tools.mail, &context.task.summary);
    let to = mail.recipients.check(member(payload, "to"));
    let to = to.map_err(|error| Unfinished::Failed(format!("the member to {}", error.text())))?;
    let parts = Content { subject: member(payload, "subject"), body: member(payload, "body") };
    let message = mail.message(summary.id, &to, parts, context.now())?;
    context.go_on()?;
    match context.tools.store.count_mail(summary.user_id, context.now(), mail.limit).await? {
        Attempt::Counted => {}
        over => return Err(NotSent::Limit(over).into()),
    }
    tokio::select! {
        () = context.stopped() => Err(Unfinished::Stopped),
        sent = mail.send(message, context.deadline()) => Ok(sent.map(|()| None)?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::mail::{Domain, Recipients};

    #[test]
    fn header_injection_and_other_domains_are_rejected() {
        let domain = Domain::parse("example.com").unwrap();
        let rules = Rules { recipients: Recipients::of(vec![domain]) };
        for (to, subject, places) in [
            ("ada@example.com", "Hello", &[][..]),
            ("ada@example.com", "Grüße, 世界", &[]),
            ("ada@example.com", "a\r\nBcc: eve@example.com", &["/subject"]),
            ("ada@example.com\nBcc: eve@example.com", "a\n", &["/to", "/subject"]),
            ("ada@example.com", "a\u{0}b", &["/subject"]),
            ("ada@example.com", "a\u{85}b", &["/subject"]),
            ("ada@example.org", "Hello", &["/to"]),
            ("ada@mail.example.com", "Hello", &["/to"]),
            ("\"ada\"@example.com", "Hello", &["/to"]),
        ] {
            let payload = json!({ "to": to, "subject": subject, "body": "a\nb" });
            let found = check(&payload, &rules);
            let found: Vec<_> = found.into_iter().map(|(place, _)| place).collect();
            assert_eq!(found, places, "{payload}");
        }
    }
}
