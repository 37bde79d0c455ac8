//! Every type of job at the API, and the command that writes the types into the document.

use crate::running::{Ended, run, tasks};
use crate::support::Testbed;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::time::Duration;
use tasks::jobs::JOBS;
use tasks::model::user::{Role, Username};
use tasks::store::Users as _;

const DOCUMENT: &str = include_str!("../../openapi.json");

#[tokio::test]
async fn every_type_is_created_from_its_example_and_checks_its_payload() {
    let bed = Testbed::new().await;
    let user = bed.user("ada").await.access;
    let admin = bed.user("bob").await.access;
    bed.store.set_role(&Username::parse("bob").unwrap(), Role::Admin).await.unwrap();
    assert!(JOBS.len() >= 4);
    for job in JOBS {
        let kind = job.kind.as_str();
        let example = (job.schema)()["examples"][0].clone();
        let mut unknown = example.clone();
        unknown["unknown"] = json!(1);
        for (token, payload, status, pointer) in [
            (&user, &example, if job.for_admins { 403 } else { 201 }, None),
            (&admin, &example, 201, None),
            (&admin, &unknown, 422, Some("/payload/unknown")),
            (&admin, &json!([]), 422, Some("/payload")),
            (&admin, &Value::Null, 422, Some("/payload")),
        ] {
            bed.advance(Duration::from_secs(1));
            let body = json!({ "type": kind, "payload": payload });
            let reply = bed.bearer(token, "POST /api/v1/tasks", &body).await;
            assert_eq!(reply.status, status, "{body}: {}", reply.body);
            let first = reply.json()["errors"][0]["pointer"].clone();
            assert_eq!(first.as_str(), pointer, "{body}: {}", reply.body);
        }
        let filter = format!("GET /api/v1/tasks?type={kind}");
        let list = bed.bearer(&admin, &filter, &Value::Null).await;
        assert_eq!(list.json()["data"].as_array().unwrap().len(), 1, "{kind}: {}", list.body);
    }
}

/// A document in which another type has the first payload.
fn outdated() -> String {
    let rule = |kind: &str| format!("{{ \"const\": \"{kind}\" }}");
    let old = DOCUMENT.replace(&rule(JOBS[0].kind.as_str()), &rule("other"));
    assert_ne!(old, DOCUMENT);
    old
}

fn write(folder: &Path, arguments: &[&str]) -> Ended {
    let mut command = tasks(&["openapi", "--write"], &[]);
    command.args(arguments).current_dir(folder);
    run(command, "")
}

#[test]
fn command_writes_the_document_once() {
    let root = tempfile::tempdir().unwrap();
    let inside = root.path().join("services/tasks");
    fs::create_dir_all(&inside).unwrap();
    let file = inside.join("openapi.json");
    let path = file.to_str().unwrap();
    for (folder, arguments, shown) in [
        (root.path(), &[][..], "services/tasks/openapi.json"),
        (&inside, &[], "openapi.json"),
        (Path::new("/"), &[path], path),
    ] {
        fs::write(&file, outdated()).unwrap();
        for done in ["is written", "is up to date"] {
            let ended = write(folder, arguments);
            assert_eq!((ended.code, ended.output), (Some(0), format!("{shown} {done}\n")));
            assert!(fs::read_to_string(&file).unwrap() == DOCUMENT, "{shown}");
        }
    }
}

#[test]
fn command_refuses_other_files() {
    let folder = tempfile::tempdir().unwrap();
    let ended = write(folder.path(), &[]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.errors.contains("services/tasks/openapi.json: give the path"), "{ended:?}");

    let file = folder.path().join("openapi.json");
    let other = outdated().replace("\"name\": \"tasks\"", "\"name\": \"other\"");
    for (text, code, rule) in [
        (&*other, 1, "is the document of other, expected that of tasks"),
        ("{", 70, "is not valid JSON"),
    ] {
        fs::write(&file, text).unwrap();
        let ended = write(folder.path(), &[]);
        assert_eq!(ended.code, Some(code), "{ended:?}");
        assert!(ended.errors.contains(rule), "{ended:?}");
        assert_eq!(fs::read_to_string(&file).unwrap(), text);
    }
}
