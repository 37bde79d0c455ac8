//! One response for each way in which the operations on tasks succeed and fail, for the comparison with the document.

use crate::doubles::busy;
use crate::support::{Setup, Testbed};
use chassis::testing::{Answered, Reply, ask};
use serde_json::{Value, json};
use std::time::Duration;
use tasks::model::bucket::Preset;
use tasks::model::usage::Bounds;
use tasks::model::user::{Role, Username};
use tasks::store::Users as _;
use uuid::Uuid;

const TASKS: &str = "/api/v1/tasks";
const TASK: &str = "/api/v1/tasks/{id}";
const EVENTS: &str = "/api/v1/events";
const RESULT: &str = "/api/v1/tasks/{id}/result";
/// The operations of admins on the queue.
const QUEUE: [(&str, &str); 4] = [
    ("GET", "/api/v1/queue"),
    ("POST", "/api/v1/queue/{type}/pause"),
    ("POST", "/api/v1/queue/{type}/resume"),
    ("POST", "/api/v1/queue/{type}/retry-failed"),
];
const LISTS: [&str; 3] = [TASKS, "/api/v1/users/{user_id}/tasks", "/api/v1/admin/tasks"];

/// The operations on one task: method, path, and whether they take a body.
const STEPS: [(&str, &str, bool); 10] = [
    ("GET", TASK, false),
    ("GET", "/api/v1/tasks/{id}/attempts", false),
    ("GET", RESULT, false),
    ("PUT", TASK, true),
    ("PATCH", TASK, true),
    ("POST", "/api/v1/tasks/{id}/complete", false),
    ("DELETE", "/api/v1/tasks/{id}/assignee", false),
    ("POST", "/api/v1/tasks/{id}/cancel", false),
    ("POST", "/api/v1/tasks/{id}/retry", false),
    ("DELETE", TASK, false),
];

struct Caller {
    bed: Testbed,
    id: String,
    token: String,
    found: Vec<Answered>,
}

impl Caller {
    async fn new(setup: Setup) -> Self {
        let bed = Testbed::with(setup).await;
        let id = bed.register("ada").await["user_id"].as_str().unwrap().to_owned();
        let token = bed.session("ada").await.access;
        Self { bed, id, token, found: Vec::new() }
    }

    async fn send(
        &mut self,
        method: &str,
        template: &str,
        id: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Reply {
        self.bed.advance(Duration::from_secs(1));
        let user = if id.is_empty() { self.id.clone() } else { id.to_owned() };
        let (path, _) = template.split_once('?').unwrap_or((template, ""));
        let head = format!("{method} {template}").replace("{user_id}", &user).replace("{id}", id);
        let authorization = format!("Bearer {}", self.token);
        let mut all = vec![("authorization", &*authorization)];
        if !body.is_empty() && !headers.iter().any(|(name, _)| *name == "content-type") {
            all.push(("content-type", "application/json"));
        }
        all.extend(headers);
        let reply = busy(ask(&self.bed.app, &head, &all, body)).await;
        let copy = Reply {
            status: reply.status,
            headers: reply.headers.clone(),
            body: reply.body.clone(),
        };
        self.found.push(Answered::new(path, method, copy));
        reply
    }

    async fn create(&mut self, headers: &[(&str, &str)], body: &Value) -> String {
        let reply = self.send("POST", TASKS, "", headers, &body.to_string()).await;
        reply.json()["id"].as_str().unwrap_or_default().to_owned()
    }

    /// Creates a task twice at once with one key.
    async fn create_twice(&mut self) {
        let authorization = format!("Bearer {}", self.token);
        let headers = [
            ("authorization", &*authorization),
            ("content-type", "application/json"),
            ("idempotency-key", "twice"),
        ];
        let create = || ask(&self.bed.app, "POST /api/v1/tasks", &headers, r#"{"title":"a"}"#);
        let (one, other) = tokio::join!(create(), create());
        self.found.extend([one, other].map(|reply| Answered::new(TASKS, "POST", reply)));
    }

    /// Sends each operation on a task.
    async fn steps(&mut self, id: &str, query: &str, headers: &[(&str, &str)]) {
        for (method, path, takes_body) in STEPS {
            let body = if takes_body { r#"{"title":"b","priority":"high"}"# } else { "" };
            self.send(method, &format!("{path}{query}"), id, headers, body).await;
        }
    }

    async fn events(&mut self) {
        for (method, query, last) in
            [("GET", "", "0"), ("HEAD", "", "0"), ("GET", "?x=1", "0"), ("GET", "", "x")]
        {
            let path = format!("{EVENTS}{query}");
            self.send(method, &path, "", &[("last-event-id", last)], "").await;
        }
    }

    /// Sends each operation on the queue, for a type.
    async fn queue(&mut self, kind: &str, query: &str) {
        for (method, path) in QUEUE {
            let head = format!("{method} {path}{query}").replace("{type}", kind);
            let reply = busy(self.bed.bearer(&self.token, &head, &json!(null))).await;
            self.found.push(Answered::new(path, method, reply));
        }
    }

    async fn lists(&mut self, query: &str) {
        for list in LISTS {
            self.send("GET", &format!("{list}{query}"), "", &[], "").await;
            self.send("HEAD", &format!("{list}{query}"), "", &[], "").await;
        }
    }
}

pub(crate) async fn all() -> Vec<Answered> {
    let mut caller = Caller::new(Setup { bucket: Preset::Generous, ..Setup::default() }).await;
    caller.lists("").await;
    caller.events().await;
    let task = json!({ "title": "a" });
    let id = caller.create(&[("idempotency-key", "k")], &task).await;
    caller.steps(&id, "?x=1", &[]).await;
    caller.steps(&id, "", &[("if-match", "\"0\"")]).await;
    caller.steps(&id, "", &[("if-match", "\"1\""), ("if-match", "\"1\"")]).await;
    caller.send("GET", TASK, &id, &[("if-none-match", "\"1\""), ("if-none-match", "*")], "").await;
    caller.send("GET", TASK, &id, &[("if-none-match", "W/\"0\", W/\"1\"")], "").await;
    caller.send("HEAD", TASK, &id, &[], "").await;
    let cancelled = caller.create(&[], &task).await;
    for _ in 0..2 {
        for path in ["/api/v1/tasks/{id}/cancel", "/api/v1/tasks/{id}/complete"] {
            caller.send("POST", path, &cancelled, &[], "").await;
        }
    }
    for method in ["PUT", "PATCH"] {
        caller.send(method, TASK, &cancelled, &[], r#"{"priority":"high"}"#).await;
        caller.send(method, TASK, &id, &[], "{").await;
    }
    caller.queue("send_email", "").await;
    for query in ["?x=1", "", ""] {
        let retry = format!("/api/v1/tasks/{{id}}/retry{query}");
        caller.send("POST", &retry, &cancelled, &[], "").await;
    }
    caller.steps(&id, "", &[]).await;
    caller.create(&[("idempotency-key", "k")], &task).await;
    caller.create(&[("idempotency-key", "k")], &json!({ "title": "b" })).await;
    caller.create(&[("idempotency-key", "a b")], &task).await;
    caller.send("POST", TASKS, "", &[], "{").await;
    caller.create_twice().await;
    let cleanup = json!({ "type": "cleanup_temp", "payload": { "older_than_hours": 1 } });
    caller.create(&[], &cleanup).await;
    caller.steps(&Uuid::now_v7().to_string(), "", &[]).await;
    caller.lists("?page=0").await;

    // A job cannot be completed, and a running one cannot be deleted.
    let job = json!({ "type": "generate_report", "payload": { "format": "csv" } });
    let job = caller.create(&[], &job).await;
    caller.send("POST", "/api/v1/tasks/{id}/complete", &job, &[], "").await;
    crate::matrix::begin(&caller.bed, &job).await;
    caller.send("DELETE", TASK, &job, &[], "").await;
    let done = json!({ "type": "generate_report", "payload": { "format": "csv" } });
    let done = caller.create(&[], &done).await;
    crate::matrix::complete(&caller.bed, &done).await;
    for method in ["GET", "HEAD"] {
        for path in ["/api/v1/tasks/{id}/attempts", RESULT] {
            caller.send(method, path, &done, &[], "").await;
        }
    }

    let bob = caller.bed.user("bob").await.access;
    let of_bob = caller.bed.bearer(&bob, "POST /api/v1/tasks", &task).await.json();
    caller.steps(of_bob["id"].as_str().unwrap(), "", &[]).await;
    let other = of_bob["user_id"].as_str().unwrap().to_owned();
    caller.send("GET", LISTS[1], &other, &[], "").await;
    caller.bed.store.set_role(&Username::parse("ada").unwrap(), Role::Admin).await.unwrap();
    caller.lists("").await;
    caller.lists("?page=0").await;
    for (kind, query) in [("send_email", ""), ("manual", ""), ("send_email", "?x=1")] {
        caller.queue(kind, query).await;
    }
    caller.send("HEAD", "/api/v1/queue", "", &[], "").await;
    caller.send("GET", LISTS[1], &Uuid::now_v7().to_string(), &[], "").await;

    caller.bed.store.damage();
    caller.queue("send_email", "").await;
    caller.lists("").await;
    caller.events().await;
    caller.steps(&id, "", &[]).await;
    caller.create(&[], &task).await;
    let mut found = caller.found;

    let bounds = Bounds { tasks: 1, pending: 1, bytes: 1 };
    let setup = Setup { bucket: Preset::Strict, bounds, ..Setup::default() };
    let mut caller = Caller::new(setup).await;
    caller.create(&[], &task).await;
    caller.create(&[], &task).await;
    caller.lists("?q=abc").await;
    caller.events().await;
    caller.steps(&Uuid::now_v7().to_string(), "", &[]).await;
    caller.queue("send_email", "").await;
    caller.create(&[], &task).await;
    found.extend(caller.found);
    found
}
