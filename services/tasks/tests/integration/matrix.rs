//! The rights of users: every cell of `contract/matrix.json` is a request.
//!
//! A row is a route and the state of a task. Its cells are the role of the caller, and the relation of the caller to the
//! task or to the user in the path.

use crate::support::Testbed;
use chassis::testing::{Reply, table};
use serde_json::{Value, json};
use std::time::Duration;
use tasks::model::run::End;
use tasks::model::task::{Status, TaskId};
use tasks::model::usage::Bounds;
use tasks::model::user::{Role, Username};
use tasks::results::Results;
use tasks::store::{Change, Tasks as _, Users as _};
use uuid::Uuid;

const WIDE: Bounds = Bounds { tasks: 1000, pending: 1000, bytes: 1 << 20 };

/// Begins a job, as a worker does.
pub(crate) async fn begin(bed: &Testbed, id: &str) {
    let from = bed.store.task(TaskId(id.parse().unwrap())).await.unwrap().unwrap();
    let mut to = from.clone();
    to.summary.status = Status::Processing;
    to.summary.version += 1;
    assert_eq!(bed.store.change_task(from, to, WIDE).await.unwrap(), Change::Done);
}

/// Completes a job with a file, as a worker does.
pub(crate) async fn complete(bed: &Testbed, id: &str) {
    let id = TaskId(id.parse().unwrap());
    let results = Results::in_folder(&bed.folder.path().join("results")).unwrap();
    let file = results.put(id, 1, "text/csv", b"id\r\n".to_vec()).await.unwrap();
    let from = bed.store.task(id).await.unwrap().unwrap();
    let mut to = from.clone();
    to.begin(from.summary.created_at);
    to.finish(End::Completed(Some(file)), from.summary.created_at);
    assert_eq!(bed.store.change_task(from, to, WIDE).await.unwrap(), Change::Done);
}

/// A service with the caller `ada` and another user.
struct Stage {
    bed: Testbed,
    ada: (String, String),
    bob: (String, String),
}

impl Stage {
    async fn new(role: Role) -> Self {
        let bed = Testbed::new().await;
        let mut users = Vec::new();
        for name in ["ada", "bob"] {
            let id = bed.register(name).await["user_id"].as_str().unwrap().to_owned();
            users.push((id, bed.session(name).await.access));
        }
        bed.store.set_role(&Username::parse("ada").unwrap(), role).await.unwrap();
        let [ada, bob] = users.try_into().unwrap();
        Self { bed, ada, bob }
    }

    async fn call(&self, token: &str, head: &str, body: &Value) -> Reply {
        self.bed.advance(Duration::from_secs(1));
        self.bed.bearer(token, head, body).await
    }

    /// Creates a task in a state. Returns its id.
    async fn task(&self, state: &str, relation: &str) -> String {
        let (owner, assignee) = match relation {
            "owner" => (&self.ada, None),
            "assignee" => (&self.bob, Some(&self.ada)),
            "owner and assignee" => (&self.ada, Some(&self.ada)),
            "other" => (&self.bob, None),
            "unknown" => return Uuid::now_v7().to_string(),
            "not an id" => return "1".into(),
            _ => panic!("no relation {relation}"),
        };
        let mut body = json!({ "title": "a", "assignee_id": assignee.map(|(id, _)| id) });
        if state.ends_with("job") {
            body["type"] = "generate_report".into();
            body["payload"] = json!({ "format": "csv" });
        }
        let created = self.call(&owner.1, "POST /api/v1/tasks", &body).await;
        assert_eq!(created.status, 201, "{}", created.body);
        let id = created.json()["id"].as_str().unwrap().to_owned();
        if state.starts_with("cancelled") {
            let head = format!("POST /api/v1/tasks/{id}/cancel");
            assert_eq!(self.call(&owner.1, &head, &Value::Null).await.status, 200);
        }
        if state.starts_with("processing") {
            begin(&self.bed, &id).await;
        }
        if state.starts_with("completed") {
            complete(&self.bed, &id).await;
        }
        id
    }

    async fn path(&self, row: &Value, relation: &str) -> String {
        let route = row["route"].as_str().unwrap();
        let user = match relation {
            "self" => self.ada.0.clone(),
            "other user" => self.bob.0.clone(),
            "unknown" => Uuid::now_v7().to_string(),
            _ => "1".into(),
        };
        let id = match row["task"].as_str() {
            Some(state) => self.task(state, relation).await,
            None => String::new(),
        };
        route.replace("{user_id}", &user).replace("{id}", &id)
    }
}

#[tokio::test]
async fn every_cell_has_its_status() {
    let rows = table("contract/matrix.json");
    let (mut cells, mut wrong) = (0, Vec::new());
    for (name, role) in [("user", Role::User), ("admin", Role::Admin)] {
        let stage = Stage::new(role).await;
        for row in rows.as_array().unwrap() {
            for (relation, expected) in row[name].as_object().unwrap() {
                let head = stage.path(row, relation).await;
                let reply = stage.call(&stage.ada.1, &head, &row["body"]).await;
                cells += 1;
                if expected != reply.status.as_u16() {
                    let cell = format!("{} of {}: {name}, {relation}", row["route"], row["task"]);
                    wrong.push(format!("{cell}: {} instead of {expected}", reply.status));
                }
            }
        }
    }
    println!("matrix: {cells} cells");
    assert!(cells >= 300, "{cells} cells");
    assert!(wrong.is_empty(), "{wrong:#?}");
}
