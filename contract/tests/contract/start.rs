//! Starts that fail closed: a process that would not guard its door does not start at all.

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
/// A refusal takes milliseconds; so long on a machine that is busy with other tests.
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
    // A start that is refused renders nothing; the directory has to live until then.
    let _ = process.wait(REFUSAL);
    assert!(
        process.ended().is_none() || !runtime.path().join("nginx.conf").exists(),
        "a refused start leaves no configuration"
    );
    process
}

fn api(pairs: &[(&str, &str)]) -> Process {
    api_process(keyed::service(), &settings(pairs), port::free())
}

/// Everything that is wrong with a refusal: exit code 64, one line on stderr that names the setting, no value.
fn faults(process: &Process, setting: &str, value: &str) -> Vec<String> {
    if process.wait(REFUSAL).is_none() {
        return vec!["it starts".into()];
    }
    let (code, lines) = (process.exit_code(), process.log.lines(Stream::Err));
    let flag = format!("--{}", setting.to_ascii_lowercase().replace('_', "-"));
    let mut faults = Vec::new();
    if code != EX_USAGE {
        faults.push(format!("exit code {code}"));
    }
    match lines.as_slice() {
        // By the variable's name or the flag's.
        [line] if line.contains(setting) || line.contains(&flag) => {}
        _ => faults.push(format!("not one line about {setting}: {lines:?}")),
    }
    if !process.log.lines(Stream::Out).is_empty() {
        faults.push(format!("it says more: {:?}", process.log.lines(Stream::Out)));
    }
    let text = process.log.text();
    // Shorter ones are words of any message.
    let shown = value
        .split([',', ':'])
        .map(str::trim)
        .filter(|part| part.len() > 3)
        .find(|part| text.contains(part));
    if shown.is_some() {
        faults.push(format!("it shows the value: {text}"));
    }
    faults
}

/// Fails with the faults of all cases, of which there must be so many or more.
fn assert_all(minimum: usize, cases: Vec<(String, Vec<String>)>) {
    let cases = at_least(minimum, cases).into_iter();
    let faults: Vec<_> = cases.filter(|(_, faults)| !faults.is_empty()).collect();
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn the_sidecar_refuses_every_bad_list_of_keys() {
    own_stack_only!("the_sidecar_refuses_every_bad_list_of_keys");
    let table: KeyTable = table::read("keys");
    let judge = |case: &Refused| {
        let process = sidecar(&[("API_KEY", &case.value)]);
        let mut faults = faults(&process, "API_KEY", &case.value);
        // Its words are its own; that it names a rule and not the value is what counts.
        if !process.log.text().starts_with("sidecar: API_KEY must ") {
            faults.push(format!("no rule is named: {}", process.log.text()));
        }
        (case.name.clone(), faults)
    };
    assert_all(88, table.refused.iter().map(judge).collect());
}

#[test]
fn the_api_refuses_every_bad_list_of_keys() {
    own_stack_only!("the_api_refuses_every_bad_list_of_keys");
    let table: KeyTable = table::read("keys");
    let judge = |case: &Refused| {
        let process = api(&[("API_KEY", &case.value)]);
        let mut faults = faults(&process, "API_KEY", &case.value);
        if !process.log.text().contains(words(&case.rule)) {
            faults.push(format!("{} is not named", case.rule));
        }
        (case.name.clone(), faults)
    };
    assert_all(88, table.refused.iter().map(judge).collect());
}

#[test]
fn both_refuse_to_start_without_keys() {
    own_stack_only!("both_refuse_to_start_without_keys");
    assert_all(
        3,
        vec![
            ("sidecar".into(), faults(&sidecar(&[]), "API_KEY", "")),
            ("API".into(), faults(&api(&[]), "API_KEY", "")),
            (
                "API, false in other words".into(),
                faults(&api(&[("REQUIRE_API_KEY", "no")]), "REQUIRE_API_KEY", ""),
            ),
        ],
    );
}

#[test]
fn the_sidecar_refuses_every_bad_setting() {
    own_stack_only!("the_sidecar_refuses_every_bad_setting");
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
                // Everyone, or nearly, by another spelling.
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
            // The message gives an example; a value may look like it.
            let process = sidecar(&[("API_KEY", KEY), (setting, value)]);
            judged.push((format!("{setting}={value:?}"), faults(&process, setting, "")));
            assert!(!process.log.text().contains(KEY));
        }
    }
    assert_all(80, judged);
}

#[test]
fn the_api_refuses_every_bad_setting() {
    own_stack_only!("the_api_refuses_every_bad_setting");
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
fn an_address_in_use_ends_the_start_and_is_named() {
    own_stack_only!("an_address_in_use_ends_the_start_and_is_named");
    let address = port::free();
    let _taken = TcpListener::bind(address).expect("it is free");
    let process = api_process(keyed::service(), &settings(&[("API_KEY", KEY)]), address);
    assert_eq!(process.exit_code(), EX_UNAVAILABLE);
    assert!(process.log.text().contains(&address.to_string()), "{}", process.log.text());
}

#[test]
fn a_runtime_directory_that_cannot_be_written_ends_the_start() {
    own_stack_only!("a_runtime_directory_that_cannot_be_written_ends_the_start");
    let runtime = RuntimeDir::new();
    let file = runtime.path().join("file");
    fs::write(&file, "").expect("written");
    let below = file.join("below").display().to_string();
    let pairs = settings(&[("API_KEY", KEY), ("RUNTIME_DIR", &below)]);
    let process = sidecar_process(keyed::service(), &pairs, port::free(), port::free(), &runtime);
    assert_eq!(process.exit_code(), 73, "{}", process.log.text());
    assert_eq!(process.log.lines(Stream::Err).len(), 1, "{}", process.log.text());
}
