//! The addresses that may receive a mail: a creation and a change name a wrong one at once.

use crate::support::{Setup, Testbed, pointers};
use serde_json::{Value, json};
use tasks::jobs::Rules;
use tasks::model::mail::{Domain, Recipients};

fn mail(to: &str) -> Value {
    json!({ "to": to, "subject": "a", "body": "b" })
}

#[tokio::test]
async fn recipient_is_checked_when_a_task_is_created_and_changed() {
    let domains = vec![Domain::parse("example.com").unwrap()];
    let rules = Rules { recipients: Recipients::of(domains) };
    let bed = Testbed::with(Setup { rules, ..Setup::default() }).await;
    let token = bed.user("ada").await.access;
    let create = |to: &str| {
        let body = json!({ "type": "send_email", "payload": mail(to) });
        let (bed, token) = (&bed, &token);
        async move { bed.bearer(token, "POST /api/v1/tasks", &body).await }
    };
    let wrong = [
        "ada@example.org",
        "ada@mail.example.com",
        "ada@example.com.",
        "\"ada\"@example.com",
        "ada@ex\u{430}mple.com",
        "ada@example.com\r\nBcc: eve@example.com",
        "@example.org:ada@example.com",
        "no address",
    ];
    for to in wrong {
        assert_eq!(pointers(&create(to).await), ["/payload/to"], "{to}");
    }
    let created = create("Ada@EXAMPLE.com").await;
    assert_eq!(created.status, 201, "{}", created.body);
    let head = format!("PATCH /api/v1/tasks/{}", created.json()["id"].as_str().unwrap());
    for to in wrong {
        let changed = bed.bearer(&token, &head, &json!({ "payload": mail(to) })).await;
        assert_eq!(pointers(&changed), ["/payload/to"], "{to}");
    }
    let changed = bed.bearer(&token, &head, &json!({ "payload": mail("eve@example.com") })).await;
    assert_eq!(changed.status, 200, "{}", changed.body);
}
