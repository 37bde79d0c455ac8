//! Users that create tasks without a pause.

use crate::http::{Request, ask};
use crate::images::samples::black;
use crate::tasks_of::create;
use crate::user::{Tokens, login, register};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{LazyLock, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// A user may send fifty requests a second.
const PAUSE: Duration = Duration::from_millis(50);

/// The largest image.
pub(super) static IMAGE: LazyLock<String> = LazyLock::new(|| BASE64_STANDARD.encode(black()));

/// An acknowledged task.
#[derive(Debug, Clone)]
pub(super) struct Created {
    pub(super) id: String,
    key: String,
    pub(super) kind: &'static str,
    pub(super) at: Instant,
}

/// A user with everything that was acknowledged.
#[derive(Debug)]
pub(super) struct Creator {
    pub(super) tokens: Tokens,
    pub(super) created: Mutex<Vec<Created>>,
}

/// The body of a new task.
fn body(kind: &str, title: &str) -> String {
    let payload = match kind {
        "generate_report" => json!({ "format": "csv" }),
        "send_email" => json!({ "to": "ada@example.com", "subject": "a", "body": title }),
        "resize_image" => {
            json!({ "image": *IMAGE, "width": 4000, "height": 4000 })
        }
        _ => return json!({ "title": title }).to_string(),
    };
    json!({ "type": kind, "title": title, "payload": payload }).to_string()
}

impl Creator {
    pub(super) fn new(process: SocketAddr) -> Self {
        let tokens = login(process, &register(process));
        Self { tokens, created: Mutex::default() }
    }

    /// Creates a task and keeps it.
    pub(super) fn create(&self, process: SocketAddr, kind: &'static str) {
        let key = format!("key-{}", self.created.lock().unwrap().len());
        let request = create(&self.tokens.access, &key, &body(kind, &key));
        let id = ask(process, &request).expect(201).text("id");
        let at = Instant::now();
        self.created.lock().unwrap().push(Created { id, key, kind, at });
    }

    /// Sends the request of a task again. Returns the id in the response.
    pub(super) fn repeat(&self, process: SocketAddr, one: &Created) -> String {
        let request = create(&self.tokens.access, &one.key, &body(one.kind, &one.key));
        ask(process, &request).expect(201).text("id")
    }

    pub(super) fn get(&self, path: &str) -> Request {
        Request::new(&format!("GET {path}")).token(&self.tokens.access)
    }

    pub(super) fn created(&self) -> Vec<Created> {
        self.created.lock().unwrap().clone()
    }
}

/// Each user creates reports, mails and tasks of persons, until `work` has ended.
pub(super) fn create_during(process: SocketAddr, users: &[Creator], work: impl FnOnce()) {
    let stop = AtomicBool::new(false);
    let create = |user: &Creator| {
        for kind in ["generate_report", "send_email", "manual"].into_iter().cycle() {
            if stop.load(Ordering::Relaxed) {
                break;
            }
            user.create(process, kind);
            thread::sleep(PAUSE);
        }
    };
    thread::scope(|scope| {
        for user in users {
            scope.spawn(|| create(user));
        }
        // Otherwise the users would go on after a failure.
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
        stop.store(true, Ordering::Relaxed);
        result.unwrap_or_else(|failure| std::panic::resume_unwind(failure));
    });
}

/// The number of acknowledged tasks of all users.
pub(super) fn number(users: &[Creator]) -> usize {
    users.iter().map(|user| user.created.lock().unwrap().len()).sum()
}
