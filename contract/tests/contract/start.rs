//! Starts that fail closed: a process with an invalid list of keys or an invalid setting does not start.

use contract::keyed;
use contract::list::at_least;
use contract::log::Stream;
use contract::own_stack_only;
use contract::port;
use contract::process::Process;
use contract::stack::{KEY, RuntimeDir, api_process, sidecar_process};
use contract::table;
use serde::Deserialize;
use std::fs;
use std::net::TcpListener;
use std::time::Duration;

const EX_USAGE: i32 = 64;
const EX_UNAVAILABLE: i32 = 69;
/// The time limit of a refused start. It takes milliseconds, but longer on a busy machine.
const REFUSAL: Duration = Duration::from_secs(10);

#[derive(Debug, Deserialize)]
pub(crate) struct KeyTable {
    pub(crate) accepted: Vec<crate::keys::Accepted>,
    refused: Vec<Refused>,
}

#[derive(Debug, Deserialize)]
struct Refused {
    name: String,
    value: String,
    rule: String,
}

/// A part of the API's message for each rule.
fn words(rule: &str) -> &'static str {
    match rule {
        "empty" | "empty-entry" => "is empty",
        "key-length" => "8 to 128 characters",
        "key-characters" => "A-Z a-z 0-9 . _ -",
        "client-name" => "1 to 32 of a-z 0-9 -",
        "duplicate-key" => "repeats",
        other => panic!("the table has a new rule: {other}"),
    }
}

fn settings(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn sidecar(pairs: &[(&str, &str)]) -> Process {
    let runtime = RuntimeDir::new();
    let process =
        sidecar_process(keyed::service(), &settings(pairs), port::free(), port::free(), &runtime);
    // The directory must exist until the process has refused to start.
    let _ = process.wait(REFUSAL);
    assert!(
        process.ended().is_none() || !runtime.path().join("nginx.conf").exists(),
        "a refused start renders no configuration"
    );
    process
}

fn api(pairs: &[(&str, &str)]) -> Process {
    api_process(keyed::service(), &settings(pairs), port::free())
}

/// The faults of a refusal. It must have exit code 64 and one line on stderr with the setting but without its value.
fn faults(process: &Process, setting: &str, value: &str) -> Vec<String> {
    if process.wait(REFUSAL).is_none() {
        return vec!["the process starts".into()];
    }
    let (code, lines) = (process.exit_code(), process.log.lines(Stream::Err));
    let flag = format!("--{}", setting.to_ascii_lowercase().replace('_', "-"));
    let mut faults = Vec::new();
    if code != EX_USAGE {
        faults.push(format!("exit code {code}"));
    }
    match lines.as_slice() {
        // The line contains the variable or the flag.
        [line] if line.contains(setting) || line.contains(&flag) => {}
        _ => faults.push(format!("not one line about {setting}: {lines:?}")),
    }
    if !process.log.lines(Stream::Out).is_empty() {
        faults.push(format!("it also prints: {:?}", process.log.lines(Stream::Out)));
    }
    let text = process.log.text();
    // Shorter parts can be words of the message.
    let shown = value
        .split([',', ':'])
        .map(str::trim)
        .filter(|part| part.len() > 3)
        .find(|part| text.contains(part));
    if shown.is_some() {
        faults.push(format!("the line contains the value: {text}"));
    }
    faults
}

/// Fails with the faults of all cases. There must be at least `minimum` cases.
fn assert_all(minimum: usize, cases: Vec<(String, Vec<String>)>) {
    let cases = at_least(minimum, cases).into_iter();
    let faults: Vec<_> = cases.filter(|(_, faults)| !faults.is_empty()).collect();
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn sidecar_refuses_every_invalid_list_of_keys() {
    own_stack_only!("sidecar_refuses_every_invalid_list_of_keys");
    let table: KeyTable = table::read("keys");
    let judge = |case: &Refused| {
        let process = sidecar(&[("API_KEY", &case.value)]);
        let mut faults = faults(&process, "API_KEY", &case.value);
        // The wording is free, but the message must state the rule.
        if !process.log.text().starts_with("sidecar: API_KEY must ") {
            faults.push(format!("the message states no rule: {}", process.log.text()));
        }
        (case.name.clone(), faults)
    };
    assert_all(88, table.refused.iter().map(judge).collect());
}

#[test]
fn api_refuses_every_invalid_list_of_keys() {
    own_stack_only!("api_refuses_every_invalid_list_of_keys");
    let table: KeyTable = table::read("keys");
    let judge = |case: &Refused| {
        let process = api(&[("API_KEY", &case.value)]);
        let mut faults = faults(&process, "API_KEY", &case.value);
        if !process.log.text().contains(words(&case.rule)) {
            faults.push(format!("the message does not state the rule {}", case.rule));
        }
        (case.name.clone(), faults)
    };
    assert_all(88, table.refused.iter().map(judge).collect());
}

#[test]
fn both_processes_refuse_to_start_without_keys() {
    own_stack_only!("both_processes_refuse_to_start_without_keys");
    assert_all(
        3,
        vec![
            ("sidecar".into(), faults(&sidecar(&[]), "API_KEY", "")),
            ("API".into(), faults(&api(&[]), "API_KEY", "")),
            (
                "API, another word for false".into(),
                faults(&api(&[("REQUIRE_API_KEY", "no")]), "REQUIRE_API_KEY", ""),
            ),
        ],
    );
}

#[test]
fn sidecar_refuses_every_invalid_setting() {
    own_stack_only!("sidecar_refuses_every_invalid_setting");
    let numbers = [
        "",
        "0",
        "-1",
        "5.5",
        "five",
        "5 ",
        " 5",
        "10001",
        "99999999999999999999",
        "0x5",
        "5r/s;",
        "05",
    ];
    let bad: &[(&str, &[&str])] = &[
        ("RATE_LIMIT", &numbers),
        ("RATE_LIMIT_BURST", &numbers),
        ("WORKER_PROCESSES", &["", "0", "65", "auto", "-1", "1;"]),
        ("REQUIRE_API_KEY", &["", "TRUE", "yes", "1", "0", "False", "true ", "no"]),
        (
            "TRUSTED_PROXIES",
            &[
                "10.0.0.0",
                "10.0.0.0/33",
                "10.0.0/8",
                "256.0.0.0/8",
                "0.0.0.0/0",
                "::/0",
                // All or nearly all addresses in another notation.
                "0.0.0.0/1,128.0.0.0/1",
                "0.0.0.0/1",
                "0.0.0.0/7",
                "0.0.0.0/2,64.0.0.0/2,128.0.0.0/1",
                "::/1,8000::/1",
                "2000::/3",
                "10.0.0.0/8,11.0.0.0/8,12.0.0.0/8,13.0.0.0/8,14.0.0.0/8,15.0.0.0/8,16.0.0.0/8,17.0.0.0/8,\
                 18.0.0.0/8,19.0.0.0/8,20.0.0.0/8,21.0.0.0/8,22.0.0.0/8,23.0.0.0/8,24.0.0.0/8,25.0.0.0/8,\
                 26.0.0.0/8",
                ",",
                "10.0.0.0/8,",
                "10.0.0.0/8, 10.1.0.0/16",
                "all",
                "10.0.0.0/8;",
                "unix:",
                "fe80::/129",
                "1::2::3/64",
                "10.0.0.0/8\n",
            ],
        ),
        (
            "LISTEN",
            &[
                "",
                "8081",
                "127.0.0.1",
                "127.0.0.1:0",
                "127.0.0.1:65536",
                "localhost:8081",
                "0.0.0.0:8081;",
                "*:8081",
                "[::1:8081",
            ],
        ),
        (
            "API_ADDRESS",
            &[
                "",
                "127.0.0.1",
                ":8080",
                "127.0.0.1:0",
                "http://127.0.0.1:8080",
                "a b:80",
                "127.0.0.1:8080;",
            ],
        ),
        ("RUNTIME_DIR", &["", "/", "relative", "./relative"]),
        (
            "UPSTREAM_KEEPALIVE_TIMEOUT",
            &["", "60", "0s", "-1s", "1.5s", "60 s", "1m", "60s;", "s", "ms"],
        ),
    ];
    let mut judged = Vec::new();
    for (setting, values) in bad {
        for value in *values {
            // The message contains an example, which can equal a value. So do not search for the value.
            let process = sidecar(&[("API_KEY", KEY), (setting, value)]);
            judged.push((format!("{setting}={value:?}"), faults(&process, setting, "")));
            assert!(!process.log.text().contains(KEY));
        }
    }
    assert_all(80, judged);
}

#[test]
fn api_refuses_every_invalid_setting() {
    own_stack_only!("api_refuses_every_invalid_setting");
    let durations = ["", "5", "0s", "-1s", "soon", "1e9s", "99999999d"];
    let bad: &[(&str, &[&str])] = &[
        ("REQUIRE_API_KEY", &["", "TRUE", "yes", "1", "0", "False", "no"]),
        ("WORKER_THREADS", &["", "0", "-1", "many", "1.5"]),
        ("MAX_CONNECTIONS", &["", "0", "-1", "many"]),
        ("KEEP_ALIVE_TIMEOUT", &durations),
        ("BODY_TIMEOUT", &durations),
        ("DRAIN_TIMEOUT", &["", "5", "soon"]),
        ("DRAIN_GRACE", &["", "5", "soon"]),
        ("LOG_FORMAT", &["", "xml"]),
        ("LOG_LEVEL", &["", "loud"]),
        ("LISTEN", &["", "8080", "127.0.0.1", "127.0.0.1:65536", "localhost:8080:1"]),
        ("API_KEY_PARAMETER", &["", "/sum-api/keys"]),
    ];
    let mut judged = Vec::new();
    for (setting, values) in bad {
        for value in *values {
            let process = api(&[("API_KEY", KEY), (setting, value)]);
            judged.push((format!("{setting}={value:?}"), faults(&process, setting, "")));
            assert!(!process.log.text().contains(KEY));
        }
    }
    assert_all(44, judged);
}

#[test]
fn address_in_use_stops_the_start_and_is_logged() {
    own_stack_only!("address_in_use_stops_the_start_and_is_logged");
    let address = port::free();
    let _taken = TcpListener::bind(address).expect("it is free");
    let process = api_process(keyed::service(), &settings(&[("API_KEY", KEY)]), address);
    assert_eq!(process.exit_code(), EX_UNAVAILABLE);
    assert!(process.log.text().contains(&address.to_string()), "{}", process.log.text());
}

#[test]
fn unwritable_runtime_directory_stops_the_start() {
    own_stack_only!("unwritable_runtime_directory_stops_the_start");
    let runtime = RuntimeDir::new();
    let file = runtime.path().join("file");
    fs::write(&file, "").expect("written");
    let below = file.join("below").display().to_string();
    let pairs = settings(&[("API_KEY", KEY), ("RUNTIME_DIR", &below)]);
    let process = sidecar_process(keyed::service(), &pairs, port::free(), port::free(), &runtime);
    assert_eq!(process.exit_code(), 73, "{}", process.log.text());
    assert_eq!(process.log.lines(Stream::Err).len(), 1, "{}", process.log.text());
}
