//! The process on a SQLite file: its key, its lock, its commands, and its end.

use crate::running::{Ended, Response, Serving, run, tasks};
use crate::support::PASSWORD;
use serde_json::json;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The time in which a process must be ready after its start.
const READY: Duration = Duration::from_millis(300);

/// A folder for the state.
struct State(TempDir);

impl State {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &str {
        self.0.path().to_str().unwrap()
    }

    fn file(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    fn start(&self) -> Serving {
        Serving::start(&[("STATE_DIR", self.path())])
    }

    /// Runs a command of the service with this input.
    fn run(&self, arguments: &[&str], input: &str) -> Ended {
        run(tasks(arguments, &[("STATE_DIR", self.path())]), input)
    }
}

fn register(process: &Serving, name: &str) -> Response {
    let body = json!({ "username": name, "password": PASSWORD }).to_string();
    process.ask("POST /auth/register", "", &body)
}

fn login(process: &Serving, name: &str) -> Response {
    let body = json!({ "username": name, "password": PASSWORD }).to_string();
    process.ask("POST /auth/login", "", &body)
}

fn me(process: &Serving, token: &str) -> Response {
    process.ask("GET /api/v1/users/me", token, "")
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn signing_key_is_made_once_and_belongs_to_its_owner() {
    let state = State::new();
    let process = state.start();
    assert_eq!(register(&process, "ada").status, 201);
    let token = login(&process, "ada").text("access_token");
    let key = state.file("tasks.jwt-keys");
    let made = fs::read_to_string(&key).unwrap();
    assert_eq!(mode(&key), 0o600);
    let mut output = process.stop();

    let process = state.start();
    assert_eq!(me(&process, &token).status, 200, "the key is the same");
    output.push_str(&process.stop());
    assert_eq!(fs::read_to_string(&key).unwrap(), made);

    for readable in [0o640, 0o604, 0o660] {
        fs::set_permissions(&key, Permissions::from_mode(readable)).unwrap();
        let ended = state.run(&["serve"], "");
        assert_eq!(ended.code, Some(69), "{ended:?}");
        assert!(ended.errors.contains("chmod 600"), "{ended:?}");
        output.push_str(&ended.text());
    }
    let secret = made.trim_end().split_once(':').unwrap().1;
    assert!(secret.len() >= 43 && !output.contains(secret));
}

#[test]
fn second_process_waits_for_the_drain_time_and_ends_with_64() {
    let state = State::new();
    let first = state.start();
    let start = Instant::now();
    let second = [("STATE_DIR", state.path()), ("DRAIN_TIMEOUT", "700ms")];
    let ended = run(tasks(&["serve"], &second), "");
    let waited = start.elapsed();
    assert_eq!(ended.code, Some(64), "{ended:?}");
    assert!(ended.errors.contains("another process uses"), "{ended:?}");
    assert!(waited >= Duration::from_millis(700), "{waited:?}");
    assert_eq!(register(&first, "ada").status, 201, "the first process still works");
    first.stop();
}

/// A deployment: the new process starts while the old one drains.
#[test]
fn second_process_starts_when_the_first_one_ends() {
    let state = State::new();
    let first = state.start();
    assert_eq!(register(&first, "ada").status, 201);
    let mut second = Serving::spawn(&[("STATE_DIR", state.path())]);
    // It has the file open, so it tries to lock it.
    let start = Instant::now();
    while !has_open(second.id(), &state.file("tasks.db")) {
        assert!(second.runs() && start.elapsed() < Duration::from_secs(20));
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(login(&first, "ada").status, 200);
    assert!(second.runs());
    first.stop();
    second.ready();
    assert_eq!(login(&second, "ada").status, 200);
    second.stop();
}

fn has_open(process: u32, file: &Path) -> bool {
    let descriptors = fs::read_dir(format!("/proc/{process}/fd")).into_iter().flatten().flatten();
    descriptors.flat_map(|entry| fs::read_link(entry.path())).any(|target| target == file)
}

#[test]
fn users_and_sessions_survive_a_kill() {
    let state = State::new();
    let mut tokens = Vec::new();
    for round in 0..3 {
        let process = state.start();
        for (access, refresh) in tokens.drain(..) {
            let access: String = access;
            assert_eq!(me(&process, &access).status, 200, "round {round}");
            let body = json!({ "refresh_token": refresh }).to_string();
            assert_eq!(process.ask("POST /auth/refresh", "", &body).status, 200);
        }
        let name = format!("user-{round}");
        assert_eq!(register(&process, &name).status, 201);
        for known in 0..=round {
            let pair = login(&process, &format!("user-{known}"));
            tokens.push((pair.text("access_token"), pair.text("refresh_token")));
        }
        process.kill();
    }
    let process = state.start();
    assert_eq!(register(&process, "user-0").status, 409);
    assert_eq!(tokens.len(), 3);
    process.stop();
}

#[test]
fn operator_creates_users_while_the_service_runs() {
    let state = State::new();
    let process = state.start();
    let created =
        state.run(&["user", "create", "admin", "--role", "admin"], &format!("{PASSWORD}\n"));
    assert_eq!(created.code, Some(0), "{created:?}");
    assert!(created.output.contains("\"user-created\""), "it has an audit line: {created:?}");
    let token = login(&process, "admin").text("access_token");
    assert_eq!(me(&process, &token).text("role"), "admin");
    let healthy = run(tasks(&["healthcheck", "--listen", &process.address()], &[]), "");
    assert_eq!((healthy.code, healthy.text()), (Some(0), String::new()));

    // The role of an open session changes at once.
    let changed = state.run(&["user", "role", "admin", "user"], "");
    assert_eq!(changed.code, Some(0), "{changed:?}");
    assert!(changed.output.contains("\"role-changed\""), "{changed:?}");
    assert_eq!(me(&process, &token).text("role"), "user");
    let unknown = state.run(&["user", "role", "nobody-here", "admin"], "");
    assert_eq!(unknown.code, Some(1), "{unknown:?}");
    let log = process.stop();
    for text in [log, created.text(), changed.text()] {
        assert!(!text.contains(PASSWORD));
    }
    let unhealthy = run(tasks(&["healthcheck", "--listen", "127.0.0.1:1"], &[]), "");
    assert_eq!(unhealthy.code, Some(1));
}

/// A stranger registers the name of the planned administrator first.
#[test]
fn user_create_does_not_promote_an_existing_user() {
    let state = State::new();
    let process = state.start();
    assert_eq!(register(&process, "boss").status, 201);
    let token = login(&process, "boss").text("access_token");
    for name in ["boss", "BOSS"] {
        let refused =
            state.run(&["user", "create", name, "--role", "admin"], "another good password");
        assert_eq!(refused.code, Some(1), "{refused:?}");
        assert!(refused.errors.contains("the name boss is taken"), "{refused:?}");
        assert!(!refused.text().contains("user-created"));
    }
    assert_eq!(me(&process, &token).text("role"), "user");
    assert_eq!(login(&process, "boss").status, 200, "the password is unchanged");
    process.stop();
}

#[test]
fn password_of_an_operator_has_the_same_rules() {
    let state = State::new();
    for (name, input) in [
        ("ada", ""),
        ("ada", "\n"),
        ("ada", "short"),
        ("ada", "password1"),
        ("ada", "supersecret\n"),
        ("ada", "two lines\nof a password\n"),
        ("ada", &*"x".repeat(129)),
        ("a", PASSWORD),
        ("1ada", PASSWORD),
    ] {
        let refused = state.run(&["user", "create", name], input);
        assert_eq!(refused.code, Some(64), "{name} {input:?}: {refused:?}");
        assert!(input.trim().is_empty() || !refused.text().contains(input.trim()), "{refused:?}");
    }
    assert!(!state.file("tasks.db").exists());
}

/// Everything that the process writes, at the most detailed level.
#[test]
fn no_output_contains_a_secret() {
    let state = State::new();
    let process = state.start();
    assert_eq!(register(&process, "ada").status, 201);
    let pair = login(&process, "ada");
    let wrong = json!({ "username": "mistyped-secret", "password": "a wrong password" });
    assert_eq!(process.ask("POST /auth/login", "", &wrong.to_string()).status, 401);
    let refresh = json!({ "refresh_token": pair.text("refresh_token") }).to_string();
    let second = process.ask("POST /auth/refresh", "", &refresh);
    assert_eq!(me(&process, &second.text("access_token")).status, 200);
    let change = json!({ "old": PASSWORD, "new": "staple battery horse" }).to_string();
    let token = second.text("access_token");
    assert_eq!(process.ask("POST /api/v1/users/me/password", &token, &change).status, 204);
    assert_eq!(process.ask("POST /auth/register", "", "{\"username\": \"x-secret").status, 400);
    let log = process.stop();
    assert!(log.contains("logged-in") && log.contains("login-refused") && log.lines().count() > 10);
    let mut secrets = vec![
        PASSWORD.to_owned(),
        "staple battery horse".to_owned(),
        "a wrong password".to_owned(),
        "mistyped-secret".to_owned(),
        "x-secret".to_owned(),
        "argon2id".to_owned(),
    ];
    for pair in [&pair, &second] {
        let access = pair.text("access_token");
        secrets.extend(access.split('.').skip(1).map(ToOwned::to_owned));
        secrets.push(pair.text("refresh_token"));
    }
    assert_eq!(secrets.len(), 12);
    for secret in secrets {
        assert!(!log.contains(&secret), "{secret}: {log}");
    }
}

#[test]
fn migrated_process_is_ready_at_once() {
    let state = State::new();
    state.start().stop();
    let times = (0..20).map(|_| {
        let start = Instant::now();
        let process = state.start();
        let took = start.elapsed();
        process.stop();
        took
    });
    // Another program can slow down some of the starts.
    let mut slow = Vec::new();
    for took in times {
        if took < READY {
            println!("ready after {took:?}");
            return;
        }
        slow.push(took);
    }
    panic!("{slow:?}");
}
