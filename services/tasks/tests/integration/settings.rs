//! Invalid settings: the process ends with 64 and one line, which contains the setting and no secret.

use crate::running::{KEYS, Serving, run, tasks};
use chassis::testing::SIGNING;
use std::os::unix::fs::PermissionsExt as _;

const POSTGRES: (&str, &str) = ("DATABASE_URL", "postgres://me@127.0.0.1:1/tasks");
const MEMORY: (&str, &str) = ("DATABASE_URL", "sqlite::memory:");
const OPEN: (&str, &str) = ("REGISTRATION", "open");
const SMTP: (&str, &str) = ("SMTP_URL", "smtps://me:hunter2hunter2@mail.example");
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
        ("SMTP_URL is not valid", &[("SMTP_URL", "hunter2hunter2")]),
        ("SMTP_URL does not require TLS", &[("SMTP_URL", "smtp://me:hunter2hunter2@mail.example")]),
        ("SMTP_URL has a well-known password", &[("SMTP_URL", "smtps://me:CHANGEME@mail.example")]),
        ("SMTP_URL has a well-known password", &[("SMTP_URL", "smtps://guest:guest@mail.example")]),
        ("MAIL_TO_ALLOWED is not set", &[SMTP, ("MAIL_FROM", "tasks@example.com")]),
        ("MAIL_FROM is not set", &[SMTP, ("MAIL_TO_ALLOWED", "example.com")]),
        ("--mail-from", &[("MAIL_FROM", "tasks")]),
        ("--mail-to-allowed", &[("MAIL_TO_ALLOWED", "example.com,")]),
        ("--mail-to-allowed", &[("MAIL_TO_ALLOWED", "example.com, example.org")]),
        ("--mail-to-allowed", &[("MAIL_TO_ALLOWED", "*.example.com")]),
        ("--mail-to-allowed", &[("MAIL_TO_ALLOWED", "b\u{fc}cher.example")]),
        ("--mail-daily-limit", &[("MAIL_DAILY_LIMIT", "20")]),
        ("--mail-daily-limit", &[("MAIL_DAILY_LIMIT", "20:10")]),
        ("s3://, which this release does not know", &[("STORAGE_URL", "s3://bucket/prefix")]),
        ("--storage-url", &[("STORAGE_URL", "file:")]),
        ("--storage-url", &[("STORAGE_URL", "results")]),
        ("STORAGE_URL: ", &[("STORAGE_URL", "file:/proc/results")]),
        ("STORAGE_URL is not set", &[ECS, POSTGRES, KEYS, OPEN]),
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
        (&["serve", "--smtp-url", SECRET], "--smtp-url"),
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
        (
            &[
                SMTP,
                ("MAIL_FROM", "tasks@example.com"),
                ("MAIL_TO_ALLOWED", "example.com,a.example"),
            ],
            201,
        ),
    ];
    let body = r#"{"username": "ada", "password": "correct horse battery"}"#;
    for (row, status) in rows {
        let folder = tempfile::tempdir().unwrap();
        let process = Serving::start(&with_state(&folder, row));
        let registered = process.ask("POST /auth/register", "", body);
        assert_eq!(registered.status, *status, "{row:?}: {}", registered.body);
        let log = process.stop();
        assert!(!log.contains(SECRET), "{row:?}: {log}");
        let is_server = log.contains("\"mail\":\"mail.example:465 (Wrapper)\"");
        assert_eq!(is_server, row.contains(&SMTP), "{row:?}: {log}");
        for folder in ["mails", "results"].map(|name| folder.path().join(name)) {
            let mode = std::fs::metadata(&folder).map(|found| found.permissions().mode() & 0o777);
            let is_needed = folder.ends_with("results") || !row.contains(&SMTP);
            assert_eq!(mode.ok(), is_needed.then_some(0o700), "{row:?}: {}", folder.display());
        }
    }
}
