//! Invalid settings: the process ends with 64 and one line, which contains the setting and no secret.

use crate::running::{KEYS, Serving, run, tasks};
use chassis::testing::SIGNING;

const POSTGRES: (&str, &str) = ("DATABASE_URL", "postgres://me@127.0.0.1:1/tasks");
const MEMORY: (&str, &str) = ("DATABASE_URL", "sqlite::memory:");
const OPEN: (&str, &str) = ("REGISTRATION", "open");
const ECS: (&str, &str) = ("ECS_CONTAINER_METADATA_URI_V4", "http://169.254.170.2/v4/x");
/// A part of every secret of this module.
const SECRET: &str = "hunter2hunter2";

/// A state directory, and the environment of a row in addition to it.
fn with_state<'a>(
    folder: &'a tempfile::TempDir,
    row: &[(&'a str, &'a str)],
) -> Vec<(&'a str, &'a str)> {
    let mut environment = vec![("STATE_DIR", folder.path().to_str().unwrap())];
    environment.extend(row);
    environment
}

#[test]
fn invalid_setting_ends_the_process_with_64() {
    let rows: &[(&str, &[(&str, &str)])] = &[
        ("REGISTRATION is not set", &[("LISTEN", "0.0.0.0:0")]),
        ("REGISTRATION is not set", &[("LISTEN", "[::]:0")]),
        ("REGISTRATION is not set", &[POSTGRES, KEYS]),
        ("--registration", &[("REGISTRATION", "maybe")]),
        ("--registration", &[("REGISTRATION", "")]),
        ("DATABASE_URL is sqlite:", &[ECS]),
        ("DATABASE_URL is sqlite::memory:", &[ECS, MEMORY, KEYS, OPEN]),
        ("JWT_KEYS is not set", &[POSTGRES, OPEN]),
        ("JWT_KEYS is not set", &[MEMORY]),
        ("JWT_KEYS entry 1", &[("JWT_KEYS", "")]),
        ("JWT_KEYS entry 1", &[("JWT_KEYS", "k1:hunter2hunter2")]),
        ("JWT_KEYS entry 1", &[("JWT_KEYS", "k1:CHANGEME")]),
        ("JWT_KEYS entry 1", &[("JWT_KEYS", "k1:supersecret")]),
        ("JWT_KEYS and JWT_KEYS_PARAMETER", &[KEYS, ("JWT_KEYS_PARAMETER", "/tasks/jwt")]),
        ("DATABASE_URL", &[("DATABASE_URL", "")]),
        ("DATABASE_URL", &[("DATABASE_URL", "hunter2hunter2")]),
        ("DATABASE_URL", &[("DATABASE_URL", "mysql://me:hunter2hunter2@db/tasks")]),
        ("DATABASE_URL", &[("DATABASE_URL", "sqlite:")]),
        ("well-known password", &[("DATABASE_URL", "postgres://me:supersecret@db/tasks")]),
        ("well-known password", &[("DATABASE_URL", "postgres://me:admin123@db/tasks")]),
        ("well-known password", &[("DATABASE_URL", "postgres://guest:guest@db/tasks")]),
        ("well-known password", &[("DATABASE_URL", "postgres://me:CHANGEME@db/tasks")]),
        (
            "sslmode=verify-full",
            &[("DATABASE_URL", "postgres://me:hunter2hunter2@db/tasks?sslmode=disable")],
        ),
        ("METRICS_PASSWORD", &[("METRICS_PASSWORD", "supersecret")]),
        ("--rate-limit-preset", &[("RATE_LIMIT_PRESET", "unlimited")]),
        ("--hash-concurrency", &[("HASH_CONCURRENCY", "0")]),
        ("--hash-concurrency", &[("HASH_CONCURRENCY", "65")]),
        ("--registrations-per-address", &[("REGISTRATIONS_PER_ADDRESS", "0")]),
        ("--database-connections", &[("DATABASE_CONNECTIONS", "0")]),
        ("--database-statement-timeout", &[("DATABASE_STATEMENT_TIMEOUT", "99")]),
        ("--jwt-issuer", &[("JWT_ISSUER", "")]),
    ];
    for (expected, row) in rows {
        let folder = tempfile::tempdir().unwrap();
        let ended = run(tasks(&["serve"], &with_state(&folder, row)), "");
        assert_eq!(ended.code, Some(64), "{row:?}: {ended:?}");
        assert!(ended.errors.starts_with("tasks: "), "{row:?}: {ended:?}");
        assert_eq!(ended.errors.lines().count(), 1, "{row:?}: {ended:?}");
        assert!(ended.errors.contains(expected), "{row:?}: {ended:?}");
        for secret in [SECRET, SIGNING, "supersecret", "admin123", "CHANGEME", "guest:"] {
            assert!(!ended.text().contains(secret), "{row:?}: {ended:?}");
        }
    }
}

#[test]
fn secret_is_no_argument() {
    for (arguments, expected) in [
        (&["serve", "--database-url", SECRET][..], "--database-url"),
        (&["serve", "--jwt-keys", SECRET], "--jwt-keys"),
        (&["user", "create", "ada", "--password", SECRET], "--password"),
        (&["user", "create", "ada", SECRET], SECRET),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let ended = run(tasks(arguments, &with_state(&folder, &[])), "");
        assert_eq!(ended.code, Some(64), "{arguments:?}: {ended:?}");
        assert!(ended.errors.contains(expected), "{ended:?}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "{arguments:?}");
    }
}

/// The counterpart of the rows above: a valid combination starts.
#[test]
fn valid_settings_start_the_process() {
    let rows: &[(&[(&str, &str)], u16)] = &[
        (&[], 201),
        (&[("REGISTRATION", "closed")], 403),
        (&[("LISTEN", "0.0.0.0:0"), OPEN], 201),
        (&[MEMORY, KEYS], 201),
        (&[KEYS], 201),
        (&[("HASH_CONCURRENCY", "1"), ("RATE_LIMIT_PRESET", "strict")], 201),
    ];
    let body = r#"{"username": "ada", "password": "correct horse battery"}"#;
    for (row, status) in rows {
        let folder = tempfile::tempdir().unwrap();
        let process = Serving::start(&with_state(&folder, row));
        let registered = process.ask("POST /auth/register", "", body);
        assert_eq!(registered.status, *status, "{row:?}: {}", registered.body);
        process.stop();
    }
}
