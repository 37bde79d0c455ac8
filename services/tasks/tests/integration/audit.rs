//! Audit lines, and what no line of the log contains.

use crate::support::{OTHER_PASSWORD, PASSWORD, Pair, Testbed, credentials};
use chassis::testing::{Reply, ask};
use serde_json::{Value, json};
use std::io;
use std::sync::{Arc, Mutex};
use tracing::Dispatch;
use tracing::subscriber::{DefaultGuard, NoSubscriber};
use tracing_subscriber::fmt::MakeWriter;

/// The address in all requests of this module.
const FROM: &str = "2001:db8::7";

/// The log of this thread, at the most detailed level.
#[derive(Debug, Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Log {
    /// Captures the log of this thread until the guard is dropped.
    ///
    /// The second dispatcher receives nothing. If there were only one, another thread that logs an event for the first
    /// time would disable this event for all threads, because that thread has no subscriber.
    fn capture() -> (Self, (DefaultGuard, Dispatch)) {
        let second = Dispatch::new(NoSubscriber::default());
        let log = Self::default();
        let subscriber = tracing_subscriber::fmt()
            .json()
            .flatten_event(true)
            .with_max_level(tracing::Level::TRACE)
            .with_writer(log.clone())
            .finish();
        (log, (tracing::subscriber::set_default(subscriber), second))
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    /// The audit lines about a request, without time, level, target and message.
    fn audit(&self, request_id: &str) -> Vec<Value> {
        let text = self.text();
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let about = |line: &Value| line["message"] == "audit" && line["request_id"] == request_id;
        lines
            .filter(about)
            .map(|mut line| {
                assert_eq!((&line["level"], line["timestamp"].is_string()), (&json!("INFO"), true));
                for member in ["timestamp", "level", "target", "message"] {
                    line.as_object_mut().unwrap().remove(member);
                }
                line
            })
            .collect()
    }
}

/// Sends a request with this id, and with a token if it is not empty.
async fn send(bed: &Testbed, id: &str, head: &str, token: &str, body: &Value) -> Reply {
    let authorization = format!("Bearer {token}");
    let mut headers = vec![("x-request-id", id), ("x-client-address", FROM)];
    let mut bytes = String::new();
    if !token.is_empty() {
        headers.push(("authorization", &authorization));
    }
    if !body.is_null() {
        headers.push(("content-type", "application/json"));
        bytes = body.to_string();
    }
    ask(&bed.app, head, &headers, bytes).await
}

/// The claims `sub` and `sid` of a token.
fn ids(token: &str) -> (Value, Value) {
    use base64::Engine as _;
    let part = token.split('.').nth(1).unwrap();
    let part = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(part).unwrap();
    let claims: Value = serde_json::from_slice(&part).unwrap();
    (claims["sub"].clone(), claims["sid"].clone())
}

const REGISTER: &str = "POST /auth/register";
const LOGIN: &str = "POST /auth/login";
const REFRESH: &str = "POST /auth/refresh";
const LOGOUT: &str = "POST /auth/logout";
const CHANGE: &str = "POST /api/v1/users/me/password";
const DELETE: &str = "DELETE /api/v1/users/me";
const UNKNOWN: &str = "unknown-person";

#[tokio::test]
async fn each_event_has_its_audit_line() {
    let (log, _guard) = Log::capture();
    let bed = Testbed::new().await;
    bed.register("ada").await;
    let (one, two, three) =
        (bed.session("ada").await, bed.session("ada").await, bed.session("ada").await);
    let four = Pair::of(&bed.refresh(&two.refresh).await);
    let five = Pair::of(&bed.refresh(&four.refresh).await);
    let limited = credentials("limited-name", PASSWORD);
    for _ in 0..5 {
        assert_eq!(bed.post_from(FROM, "/auth/login", &limited).await.status, 401);
    }
    let (ada, first) = ids(&one.access);
    let (_, second) = ids(&two.access);
    let (_, third) = ids(&three.access);
    let refresh = |pair: &Pair| json!({ "refresh_token": pair.refresh });
    let change = |old: &str| json!({ "old": old, "new": OTHER_PASSWORD });
    let unknown_token = json!({ "refresh_token": "0a".repeat(32) });
    let none = Value::Null;
    let rows = [
        (REGISTER, "", credentials("ada", PASSWORD), 409, None),
        (REGISTER, "", credentials("ada", "short"), 422, None),
        (LOGIN, "", credentials("ada", OTHER_PASSWORD), 401, Some(("login-refused", &ada, &none))),
        (LOGIN, "", credentials(UNKNOWN, PASSWORD), 401, Some(("login-refused", &none, &none))),
        (LOGIN, "", credentials("limited-name", PASSWORD), 429, {
            Some(("login-limited", &none, &none))
        }),
        (REFRESH, "", refresh(&five), 200, None),
        (REFRESH, "", unknown_token.clone(), 401, None),
        (REFRESH, "", refresh(&two), 401, Some(("token-reused", &ada, &second))),
        // The session has ended, so the next time the token is unknown.
        (REFRESH, "", refresh(&two), 401, None),
        (LOGOUT, "", refresh(&three), 204, Some(("logged-out", &ada, &third))),
        (LOGOUT, "", refresh(&three), 204, None),
        (LOGOUT, "", unknown_token, 204, None),
        (CHANGE, &one.access, change(OTHER_PASSWORD), 403, {
            Some(("password-refused", &ada, &first))
        }),
        (CHANGE, &one.access, change(PASSWORD), 204, Some(("password-changed", &ada, &first))),
        (CHANGE, &three.access, change(PASSWORD), 401, None),
        ("GET /api/v1/users/me", &one.access, Value::Null, 200, None),
        (DELETE, &one.access, Value::Null, 204, Some(("user-deleted", &ada, &first))),
        (DELETE, &one.access, Value::Null, 401, None),
    ];
    for (number, (head, token, body, status, line)) in rows.iter().enumerate() {
        let id = format!("row-{number}");
        let reply = send(&bed, &id, head, token, body).await;
        assert_eq!(reply.status, *status, "{number} {head}: {}", reply.body);
        let expected = line.iter().map(|(action, actor, session)| {
            let mut line = json!({ "action": action, "address": FROM, "request_id": id });
            for (name, value) in [("actor", *actor), ("session", *session)] {
                if !value.is_null() {
                    line[name] = value.clone();
                }
            }
            line
        });
        assert_eq!(log.audit(&id), expected.collect::<Vec<_>>(), "{number} {head}");
    }
    // The ids of these two are known only after the request.
    let registered = send(&bed, "new", REGISTER, "", &credentials("grace", PASSWORD)).await;
    let user = registered.json()["user_id"].clone();
    let line =
        json!({ "action": "registered", "actor": user, "address": FROM, "request_id": "new" });
    assert_eq!(log.audit("new"), [line]);
    let pair = Pair::of(&send(&bed, "in", LOGIN, "", &credentials("grace", PASSWORD)).await);
    let (actor, session) = ids(&pair.access);
    let line = json!({ "action": "logged-in", "actor": actor, "session": session,
        "address": FROM, "request_id": "in" });
    assert_eq!(log.audit("in"), [line]);

    let mut secrets = vec![PASSWORD, OTHER_PASSWORD, UNKNOWN, "limited-name", "hash of"];
    for pair in [&one, &two, &three, &four, &five, &pair] {
        secrets.extend([
            pair.access.as_str(),
            &pair.refresh,
            pair.access.rsplit('.').next().unwrap(),
        ]);
    }
    assert_eq!(secrets.len(), 23);
    let text = log.text();
    assert!(text.lines().count() > 30, "the capture works");
    for secret in secrets {
        assert!(!text.contains(secret), "{secret}");
    }
}

/// A password change counts as a login, and so does its limit.
#[tokio::test]
async fn limited_password_change_has_an_audit_line() {
    let (log, _guard) = Log::capture();
    let bed = Testbed::new().await;
    let user = bed.user("ada").await;
    let body = json!({ "old": "wrong password", "new": OTHER_PASSWORD });
    for _ in 0..5 {
        assert_eq!(send(&bed, "wrong", CHANGE, &user.access, &body).await.status, 403);
    }
    assert_eq!(send(&bed, "limited", CHANGE, &user.access, &body).await.status, 429);
    let (actor, session) = ids(&user.access);
    let line = json!({ "action": "login-limited", "actor": actor, "session": session,
        "address": FROM, "request_id": "limited" });
    assert_eq!(log.audit("limited"), [line]);
    assert_eq!(log.audit("wrong").len(), 5);
}

/// The caller gets no text of the database, and the log has it once.
#[tokio::test]
async fn cause_of_a_failure_is_only_in_the_log() {
    let (log, _guard) = Log::capture();
    let bed = Testbed::new().await;
    let user = bed.user("ada").await;
    for (id, status) in [("away", 503), ("damaged", 500)] {
        if id == "away" {
            bed.store.set_away(true);
        } else {
            bed.store.damage();
        }
        let reply = send(&bed, id, "GET /api/v1/users/me", &user.access, &Value::Null).await;
        assert_eq!(reply.status, status);
        let cause = if id == "away" { "the test has stopped it" } else { "a secret of" };
        assert!(!reply.body.contains(cause));
        let text = log.text();
        let lines = text.lines().filter(|line| line.contains(cause) && line.contains(id));
        assert_eq!(lines.count(), 1, "{id}");
    }
}
