//! Changes of a task by its owner: PUT and PATCH.
//!
//! Both are computed on the JSON of the members that an owner can change. PATCH merges the body into it (RFC 7396). PUT
//! replaces it, except for a missing payload or time.

use super::state::Conflict;
use super::task::{Priority, Status, Task};
use super::timestamp::Timestamp;
use super::user::UserId;
use serde_json::{Map, Value, json};

/// How a body changes a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Members that are missing get their default.
    Put,
    /// Members that are missing stay.
    Patch,
}

/// The members that only a pending task can change. PUT leaves them if they are missing.
const FINAL_AFTER_PENDING: [&str; 2] = ["run_at", "payload"];
/// The other members that a task cannot change when it has ended.
const FINAL_AT_END: [&str; 2] = ["priority", "assignee_id"];

/// Everything that the owner of a task decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// One line about it.
    pub title: Option<String>,
    /// More about it.
    pub description: Option<String>,
    /// The priority.
    pub priority: Priority,
    /// The user that also sees it.
    pub assignee_id: Option<UserId>,
    /// The time from which a worker may run it.
    pub run_at: Option<Timestamp>,
    /// The input of a job.
    pub payload: Option<Value>,
}

/// The members of a task that its owner can change, after a change by a body. A value can be invalid.
#[must_use]
pub fn target(task: &Task, body: &Value, method: Method) -> Map<String, Value> {
    let mut target = editable(task);
    match method {
        Method::Patch => {
            let mut merged = Value::Object(target);
            merge(&mut merged, body);
            let Value::Object(merged) = merged else { return editable(task) };
            merged
        }
        Method::Put => {
            for (name, value) in &mut target {
                match body.get(name) {
                    Some(given) => *value = given.clone(),
                    None if FINAL_AFTER_PENDING.contains(&name.as_str()) => {}
                    None => *value = Value::Null,
                }
            }
            target
        }
    }
}

/// Whether the state of a task allows a change by a body to `target`.
pub fn check(task: &Task, body: &Value, target: &Map<String, Value>) -> Result<(), Conflict> {
    let status = task.summary.status;
    let is_given = |name: &&str| body.get(name).is_some();
    if status != Status::Pending && FINAL_AFTER_PENDING.iter().any(is_given) {
        return Err(Conflict::IsNotPending);
    }
    let current = editable(task);
    let changes = |name: &&str| Some(&defaulted(name, target.get(*name))) != current.get(*name);
    if status.has_ended() && FINAL_AT_END.iter().any(changes) {
        return Err(Conflict::HasEnded);
    }
    Ok(())
}

/// The members that an owner can change.
fn editable(task: &Task) -> Map<String, Value> {
    let Task { summary, payload, .. } = task;
    let members = json!({
        "title": summary.title,
        "description": summary.description,
        "priority": summary.priority,
        "assignee_id": summary.assignee_id,
        "run_at": summary.run_at,
        "payload": payload,
    });
    if let Value::Object(members) = members { members } else { Map::new() }
}

fn defaulted(name: &str, value: Option<&Value>) -> Value {
    match value {
        Some(Value::Null) | None if name == "priority" => json!(Priority::Normal),
        None => Value::Null,
        Some(value) => value.clone(),
    }
}

/// RFC 7396, section 2.
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(members) = target else { return };
    for (name, value) in patch {
        if value.is_null() {
            members.remove(name);
        } else {
            merge(members.entry(name).or_insert(Value::Null), value);
        }
    }
}

impl Task {
    /// Takes over what its owner decides.
    pub fn apply(&mut self, draft: Draft) {
        let Draft { title, description, priority, assignee_id, run_at, payload } = draft;
        self.summary.title = title;
        self.summary.description = description;
        self.summary.priority = priority;
        self.summary.assignee_id = assignee_id;
        self.summary.run_at = run_at;
        self.payload = payload;
    }
}

#[cfg(test)]
mod tests {
    use super::super::run::Runs;
    use super::super::state::tests::task;
    use super::super::task::{Kind, Origin};
    use super::*;

    fn job(status: Status) -> Task {
        let payload = json!({ "to": "a@example.com", "subject": "a" });
        Task {
            summary: task(Kind::new("send_email"), status),
            payload: Some(payload),
            runs: Runs::default(),
            origin: Origin::default(),
        }
    }

    /// The example of RFC 7396, section 3, and its appendix A.
    #[test]
    fn merge_follows_the_rfc() {
        for (target, patch, expected) in [
            (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "b"}), json!({"b": "c"}), json!({"a": "b", "b": "c"})),
            (json!({"a": "b"}), json!({"a": null}), json!({})),
            (json!({"a": "b", "b": "c"}), json!({"a": null}), json!({"b": "c"})),
            (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "c"}), json!({"a": ["b"]}), json!({"a": ["b"]})),
            (
                json!({"a": {"b": "c"}}),
                json!({"a": {"b": "d", "c": null}}),
                json!({"a": {"b": "d"}}),
            ),
            (json!({"a": [{"b": "c"}]}), json!({"a": [1]}), json!({"a": [1]})),
            (json!(["a", "b"]), json!(["c", "d"]), json!(["c", "d"])),
            (json!({"a": "b"}), json!(["c"]), json!(["c"])),
            (json!({"a": "foo"}), json!(null), json!(null)),
            (json!({"a": "foo"}), json!("bar"), json!("bar")),
            (json!({"e": null}), json!({"a": 1}), json!({"e": null, "a": 1})),
            (json!([1, 2]), json!({"a": "b", "c": null}), json!({"a": "b"})),
            (json!({}), json!({"a": {"bb": {"ccc": null}}}), json!({"a": {"bb": {}}})),
        ] {
            let mut merged = target.clone();
            merge(&mut merged, &patch);
            assert_eq!(merged, expected, "{target} {patch}");
        }
    }

    #[test]
    fn put_resets_what_is_missing_and_patch_leaves_it() {
        let mut task = job(Status::Pending);
        task.summary.priority = Priority::High;
        let body = json!({ "description": "b" });
        let put = target(&task, &body, Method::Put);
        assert_eq!((&put["title"], &put["priority"]), (&Value::Null, &Value::Null));
        assert_eq!(put["payload"]["to"], "a@example.com");
        let patch = target(&task, &body, Method::Patch);
        assert_eq!((&patch["title"], &patch["priority"]), (&json!("a"), &json!("high")));
        assert_eq!((&put["description"], &patch["description"]), (&json!("b"), &json!("b")));
    }

    #[test]
    fn state_decides_which_members_change() {
        let allowed = |status, method, body: Value| {
            let task = job(status);
            check(&task, &body, &target(&task, &body, method))
        };
        let (payload, run_at) =
            (json!({ "payload": { "subject": "b" } }), json!({ "run_at": null }));
        for body in [payload, run_at] {
            assert_eq!(allowed(Status::Pending, Method::Patch, body.clone()), Ok(()));
            for status in [Status::Processing, Status::Completed, Status::Failed] {
                let refused = allowed(status, Method::Patch, body.clone());
                assert_eq!(refused, Err(Conflict::IsNotPending), "{status:?} {body}");
            }
        }
        let priority = json!({ "priority": "high" });
        assert_eq!(allowed(Status::Processing, Method::Patch, priority.clone()), Ok(()));
        assert_eq!(allowed(Status::Failed, Method::Patch, priority), Err(Conflict::HasEnded));
        let title = json!({ "title": "b", "priority": "normal", "assignee_id": null });
        assert_eq!(allowed(Status::Failed, Method::Patch, title.clone()), Ok(()));
        assert_eq!(allowed(Status::Failed, Method::Put, title), Ok(()));
    }

    #[test]
    fn put_of_an_ended_task_must_not_reset_a_member() {
        let mut task = job(Status::Failed);
        task.summary.priority = Priority::High;
        let body = json!({ "title": "b" });
        let put = target(&task, &body, Method::Put);
        assert_eq!(check(&task, &body, &put), Err(Conflict::HasEnded));
    }
}
