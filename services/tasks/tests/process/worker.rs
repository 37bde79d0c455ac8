//! The command `worker`: a process without an API.

use super::database::Database;
use super::http::{Request, ask, get};
use super::service::{KEY, Service, Settings, TASKS, run};
use super::tasks_of::create;
use super::user::{login, register};
use super::{PATIENCE, until};
use serde_json::Value;
use std::path::Path;

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// A worker needs no key that signs tokens, and no rule for registration.
fn without_api(settings: &Settings) -> Settings {
    settings.clone().without("JWT_KEYS").without("REGISTRATION")
}

/// Creates a report and waits for its end.
fn report(api: &Service) -> Value {
    let token = login(api.address, &register(api.address)).access;
    let body = r#"{"title":"All","type":"generate_report","payload":{"format":"csv"}}"#;
    let create = create(&token, "report", body).header("traceparent", TRACE);
    let create = create.header("X-Request-Id", "of-the-report");
    let id = ask(api.address, &create).expect(201).text("id");
    let read = Request::new(&format!("GET /api/v1/tasks/{id}")).token(&token);
    let mut task = Value::Null;
    until("the report", PATIENCE, || {
        task = ask(api.address, &read).expect(200).json();
        task["status"] == "completed"
    });
    task
}

#[test]
fn worker_runs_jobs_that_an_api_without_workers_accepts() {
    let test = "worker::worker_runs_jobs_that_an_api_without_workers_accepts";
    let Some(database) = Database::start(test, &[]) else { return };
    let api = Service::start(TASKS, &database.settings.clone().with("WORKERS", "0"));
    let worker = Service::worker(&without_api(&database.settings));
    let task = report(&api);
    assert_eq!(task["attempts"], 1);
    for message in ["job begins", "job ends"] {
        let log = worker.log();
        let mut lines = log.lines().filter(|line| line.contains(message));
        let line: Value = serde_json::from_str(lines.next().unwrap()).unwrap();
        assert_eq!(line["task_id"], task["id"], "{line}");
        assert_eq!(
            (&line["request_id"], &line["traceparent"]),
            (&"of-the-report".into(), &TRACE.into())
        );
        assert_eq!(lines.next(), None, "one line for each {message}");
    }

    let ready = get(worker.address, "/readyz").expect(200);
    assert_eq!(ready.body, r#"{"status":"ready","database":"ok"}"#);
    let metrics = get(worker.address, "/metrics").expect(200).body;
    assert!(metrics.contains("tasks_processed_total{type=\"generate_report\"} 1"), "{metrics}");
    assert!(metrics.contains("tasks_build_info{"), "{metrics}");
    get(worker.address, "/api/v1/tasks").expect(404);
    let listen = worker.address.to_string();
    let check = run(TASKS, &["healthcheck", "--listen", &listen], &database.settings);
    assert!(check.status.success(), "{check:?}");
    worker.drain();
    api.drain();
}

#[test]
fn worker_needs_the_file_for_itself() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings::sqlite(&folder.path().join("tasks.db"));
    let worker = Service::worker(&settings);
    for command in ["serve", "worker"] {
        let output = run(TASKS, &[command], &settings.clone().with("DRAIN_TIMEOUT", "300ms"));
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(64), "{command}: {text}");
        assert!(text.contains("another process uses"), "{command}: {text}");
    }
    worker.drain();
}

#[test]
fn worker_refuses_settings_without_effect() {
    let settings = Settings::sqlite(Path::new("unused.db"));
    let open = ("METRICS_LISTEN", "0.0.0.0:0");
    for (name, value, says) in [
        ("WORKERS", "0", "WORKERS is 0"),
        (open.0, open.1, "METRICS_PASSWORD is not set"),
        ("METRICS_USERNAME", "a:b", "without a colon"),
        ("METRICS_PASSWORD", "short", "METRICS_PASSWORD must be 16"),
        ("WORKERS_PER_TYPE", "send_email=1,send_email=2", "WORKERS_PER_TYPE has send_email twice"),
        ("DATABASE_URL", "sqlite::memory:", "no other process"),
        ("ECS_CONTAINER_METADATA_URI_V4", "http://x", "DATABASE_URL is sqlite:"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tasks.db").display().to_string();
        let settings = settings.clone().with("DATABASE_URL", format!("sqlite:{file}"));
        let output = run(TASKS, &["worker"], &settings.with(name, value));
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((output.status.code(), text.lines().count()), (Some(64), 1), "{text}");
        assert!(text.contains(says), "{text}");
        assert!(output.stdout.is_empty() && !Path::new(&file).exists(), "{name} is checked first");
    }
    let help = run(TASKS, &["worker", "--help"], &settings);
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    assert!(help.contains("[default: 127.0.0.1:9083]"), "{help}");
    assert!(help.starts_with("Runs jobs without an API"), "{help}");
    assert!(help.contains("JOB_LEASE") && !help.contains("REGISTRATION"), "{help}");
}

#[test]
fn key_that_signs_tokens_is_not_made_by_a_worker() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings::sqlite(&folder.path().join("tasks.db"));
    Service::worker(&settings.clone().with("JWT_KEYS", KEY)).drain();
    let before: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    Service::start(TASKS, &settings).drain();
    let after: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(after.len(), before.len() + 1, "{after:?}");
}
