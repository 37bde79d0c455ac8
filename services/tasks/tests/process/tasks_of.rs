//! The tasks of a user, over HTTP.

use super::http::{Request, ask};
use std::collections::BTreeSet;
use std::net::SocketAddr;

/// Creates a task. The body is JSON.
pub(crate) fn create(token: &str, key: &str, body: &str) -> Request {
    Request::new("POST /api/v1/tasks").token(token).header("Idempotency-Key", key).text(body)
}

pub(crate) fn delete(token: &str, id: &str) -> Request {
    Request::new(&format!("DELETE /api/v1/tasks/{id}")).token(token)
}

/// The ids of all tasks of a user.
pub(crate) fn ids(process: SocketAddr, token: &str) -> BTreeSet<String> {
    let (mut ids, mut after) = (BTreeSet::new(), String::new());
    loop {
        let page = Request::new(&format!("GET /api/v1/tasks?per_page=100{after}")).token(token);
        let page = ask(process, &page).expect(200).json();
        for task in page["data"].as_array().unwrap() {
            let id = task["id"].as_str().unwrap();
            after = format!("&after={id}");
            assert!(ids.insert(id.to_owned()), "{id} is listed twice");
        }
        if page["data"].as_array().unwrap().len() < 100 {
            return ids;
        }
    }
}
