//! The command line and the exit codes.

use crate::process::{Server, run};
use crate::support::document;
use chassis::Service;
use parcels::Parcels;
use std::net::{TcpListener, TcpStream};
use std::process::Output;

const KEYED: (&str, &str) = ("API_KEY", "CHANGEME");

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Expects exit code 64, one line with all of these words on standard error, and an empty standard output.
fn refused(output: &Output, words: &[&str]) {
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(64), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    for word in words {
        assert!(stderr.contains(word), "{word:?} is not in {stderr:?}");
    }
    assert_eq!(text(&output.stdout), "");
}

#[test]
fn invalid_setting_is_reported_with_rule() {
    for (name, value, rule) in [
        ("LISTEN", "8080", "--listen"),
        ("LISTEN", "", "--listen"),
        ("LISTEN", "localhost:8080", "--listen"),
        ("WORKER_THREADS", "0", "1..=64"),
        ("WORKER_THREADS", "65", "1..=64"),
        ("WORKER_THREADS", "many", "--worker-threads"),
        ("LOG_FORMAT", "xml", "json"),
        ("LOG_LEVEL", "loud", "error, warn, info, debug or trace"),
        ("REQUIRE_API_KEY", "", "--require-api-key"),
        ("REQUIRE_API_KEY", "yes", "true, false"),
        ("REQUIRE_API_KEY", "1", "true, false"),
        ("REQUIRE_API_KEY", "False", "true, false"),
        ("API_KEY_PARAMETER", "", "name of an SSM parameter"),
        ("API_KEY_PARAMETER", "a b", "name of an SSM parameter"),
        ("KEEP_ALIVE_TIMEOUT", "75", "with its unit"),
        ("KEEP_ALIVE_TIMEOUT", "0s", "at least 1ms"),
        ("BODY_TIMEOUT", "2h", "at most 1h"),
        ("BODY_TIMEOUT", "", "with its unit"),
        ("MAX_CONNECTIONS", "0", "1..=131072"),
        ("MAX_CONNECTIONS", "-1", "--max-connections"),
        ("DRAIN_GRACE", "-2s", "with its unit"),
        ("DRAIN_TIMEOUT", "soon", "with its unit"),
    ] {
        refused(&run(&["serve"], &[KEYED, (name, value)]), &["parcels: ", rule]);
        refused(&run(&[], &[KEYED, (name, value)]), &["parcels: ", rule]);
        if name != "API_KEY_PARAMETER" && !value.starts_with('-') {
            let flag = format!("--{}", name.to_lowercase().replace('_', "-"));
            refused(&run(&[&flag, value], &[KEYED]), &[&flag, rule]);
        }
    }
}

#[test]
fn unknown_words_and_flags_are_refused() {
    refused(&run(&["server"], &[KEYED]), &["server"]);
    refused(&run(&["serve", "--port", "8080"], &[KEYED]), &["--port"]);
    refused(&run(&["--port"], &[KEYED]), &["--port"]);
    // A key must not be on the command line. The error must not contain it.
    let output = run(&["serve", "--api-key=Secret-Key-1"], &[]);
    refused(&output, &["--api-key"]);
    assert!(!text(&output.stderr).contains("Secret"), "{}", text(&output.stderr));
}

#[test]
fn keys_have_exactly_one_source() {
    refused(&run(&[], &[]), &["API_KEY is not set"]);
    refused(&run(&[], &[("API_KEY", "")]), &["API_KEY is empty"]);
    refused(&run(&[], &[("API_KEY", ""), ("API_KEY_PARAMETER", "/keys")]), &["exactly one"]);
    refused(&run(&[], &[KEYED, ("API_KEY_PARAMETER", "/keys")]), &["exactly one"]);
}

#[test]
fn invalid_key_list_is_reported_with_rule_and_not_shown() {
    for (list, rule) in [
        ("Hush-Hush-1,", "entry 2 is empty"),
        ("Hush-Hush-1 ", "A-Z a-z 0-9 . _ -"),
        ("web:Hush", "8 to 128"),
        ("HUSH:Hush-Hush-1", "client name"),
        ("Hush-Hush-1,web:Hush-Hush-1", "repeats"),
    ] {
        let output = run(&[], &[("API_KEY", list)]);
        refused(&output, &["API_KEY", rule]);
        assert!(!text(&output.stderr).to_lowercase().contains("hush"), "{}", text(&output.stderr));
    }
}

#[test]
fn keys_are_not_read_unless_required() {
    let server = Server::start(&["--require-api-key", "false"], &[]);
    assert_eq!(server.get("/readyz").0, 200);
    assert!(server.quote("").1.ends_with("{\"cents\":495}"));
}

#[test]
fn address_in_use_exits_with_69() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = run(&["--listen", &address], &[KEYED]);
    assert_eq!(output.status.code(), Some(69));
    assert!(text(&output.stderr).contains(&address), "{}", text(&output.stderr));
}

#[test]
fn help_lists_variable_default_and_unit_of_every_setting() {
    let output = run(&["serve", "--help"], &[]);
    assert_eq!(output.status.code(), Some(0));
    let help = text(&output.stdout);
    for word in [
        "LISTEN",
        "METRICS_LISTEN",
        "METRICS_PASSWORD",
        "JWT_KEYS ",
        "JWT_ISSUER",
        "WORKER_THREADS",
        "LOG_FORMAT",
        "LOG_LEVEL",
        "REQUIRE_API_KEY",
        "API_KEY_PARAMETER",
        "KEEP_ALIVE_TIMEOUT",
        "BODY_TIMEOUT",
        "MAX_CONNECTIONS",
        "DRAIN_GRACE",
        "DRAIN_TIMEOUT",
        "API_KEY ",
        "127.0.0.1:8090",
        "75s",
        "5s",
        "512",
        "2s",
        "20s",
        "Exit codes",
    ] {
        assert!(help.contains(word), "{word:?} is not in the help:\n{help}");
    }
    for command in ["serve", "healthcheck", "openapi"] {
        assert!(text(&run(&["--help"], &[]).stdout).contains(command));
    }
    assert_eq!(
        text(&run(&["--version"], &[]).stdout),
        format!("parcels {}\n", Parcels::BUILD.version)
    );
}

#[test]
fn openapi_prints_served_document() {
    let output = run(&["openapi"], &[]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(text(&output.stdout), document().public);
}

#[test]
fn document_without_derived_members_cannot_be_written() {
    refused(&run(&["openapi", "--write"], &[]), &["--write"]);
}

#[test]
fn health_check_distinguishes_live_and_dead_api() {
    let server = Server::start(&[], &[KEYED]);
    let address = server.address.to_string();
    let check = |address: &str| run(&["healthcheck", "--listen", address], &[]);
    assert_eq!(check(&address).status.code(), Some(0));
    assert_eq!(run(&["healthcheck"], &[("LISTEN", &address)]).status.code(), Some(0));

    // Accepts connections and sends nothing.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let begun = std::time::Instant::now();
    let output = check(&silent.local_addr().unwrap().to_string());
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("within 2 s"), "{}", text(&output.stderr));
    assert!(begun.elapsed().as_secs() < 4);

    drop(server);
    let output = check(&address);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("cannot connect"), "{}", text(&output.stderr));
}

#[test]
fn server_without_file_handles_logs_its_pause() {
    let mut server = Server::start(&[], &[KEYED]);
    server.limit_files(16);
    let waiting: Vec<_> = (0..32).map(|_| TcpStream::connect(server.address).unwrap()).collect();
    let event = server.event("cannot accept");
    assert_eq!((&event["level"], &event["pause_ms"]), (&"WARN".into(), &100.into()), "{event}");
    drop(waiting);
    assert_eq!(server.get("/healthz").0, 200, "it accepts again");
}
