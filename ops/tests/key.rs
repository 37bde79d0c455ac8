//! `ops key` with a stub for the AWS CLI: the tests check the output, the calls and their order.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails, in its helpers too")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

/// Answers the Nth call of `aws SERVICE OPERATION …` with `OPERATION.N.json`, or with `OPERATION.json`. It writes the
/// arguments into `calls` and the input into `OPERATION.N.input`.
const AWS: &str = r#"#!/bin/sh
cd "$(dirname "$0")" || exit 1
echo "$@" >>calls
number=$(grep -c "^$1 $2 " calls)
case $* in *--cli-input-json*)
  file=$(echo "$*" | sed 's|.*--cli-input-json file://\([^ ]*\).*|\1|')
  cp "$file" "$2.$number.input"
  ls -l "$file" >>modes
  ;;
esac
next="$2.$number.json"
[ -e "$next" ] || next="$2.json"
cat "$next"
"#;

const LIST: &str = "web:web-key-0001,batch:batch-key-1";
const NAMES: [&str; 8] =
    ["--cluster", "c", "--ecs-service", "s", "--parameter", "/s/api-key", "--log-group", "/s/log"];

/// An account with one parameter at version 4, and the responses to a deployment.
fn account(list: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("aws");
    fs::write(&program, AWS).unwrap();
    fs::set_permissions(program, fs::Permissions::from_mode(0o755)).unwrap();
    let settings = json!({ "Name": "/s/api-key", "Type": "SecureString", "KeyId": "arn:aws:kms:key/1", "Tier": "Standard",
        "Description": "API keys", "LastModifiedDate": "2026-11-20T10:00:00.250000+00:00", "Version": 4 });
    let deployments = |state: &str| {
        json!([{ "id": "ecs-svc/1", "status": "PRIMARY", "rolloutState": state, "rolloutStateReason": "tasks failed to start",
            "runningCount": 2, "desiredCount": 2 }])
    };
    for (name, answer) in [
        ("describe-parameters.json", settings),
        ("get-parameter.json", json!({ "Value": list, "Version": 4 })),
        ("put-parameter.json", json!({ "Version": 5, "Tier": "Standard" })),
        ("update-service.json", json!("ecs-svc/1")),
        ("describe-services.json", deployments("COMPLETED")),
        ("describe-services.failed", deployments("FAILED")),
    ] {
        fs::write(folder.path().join(name), answer.to_string()).unwrap();
    }
    folder
}

fn key(folder: &Path, arguments: &[&str]) -> Output {
    let path = std::env::var("PATH").unwrap();
    Command::new(env!("CARGO_BIN_EXE_ops"))
        .arg("key")
        .args(arguments)
        .args(NAMES)
        .env("PATH", format!("{}:{path}", folder.display()))
        .env_remove("SERVICE")
        .output()
        .unwrap()
}

fn said(output: &Output) -> [String; 2] {
    [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned())
}

/// The operations that were called, in their order.
fn operations(folder: &Path) -> Vec<String> {
    let calls = fs::read_to_string(folder.join("calls")).unwrap_or_default();
    calls.lines().map(|line| line.split(' ').nth(1).unwrap().to_owned()).collect()
}

fn written(folder: &Path, number: usize) -> Value {
    let input = fs::read(folder.join(format!("put-parameter.{number}.input"))).unwrap();
    serde_json::from_slice(&input).unwrap()
}

#[test]
fn new_key_is_printed_once_and_is_in_no_argument() {
    let folder = account(LIST);
    let output = key(folder.path(), &["add", "app", "mobile"]);
    let [stdout, stderr] = said(&output);
    assert!(output.status.success(), "{stderr}");
    let keys: Vec<&str> = stdout.lines().collect();
    assert_eq!(keys.len(), 2, "{stdout}");
    let value = format!("{LIST},app:{},mobile:{}", keys[0], keys[1]);
    let expected = json!({ "Name": "/s/api-key", "Value": value, "Type": "SecureString", "KeyId": "arn:aws:kms:key/1",
        "Description": "API keys", "Tier": "Standard", "Overwrite": true });
    assert_eq!(written(folder.path(), 1), expected);
    let calls = fs::read_to_string(folder.path().join("calls")).unwrap();
    for key in keys.iter().copied().chain(["web-key-0001", "batch-key-1"]) {
        assert!(key.len() >= 11 && !calls.contains(key), "a key is in an argument");
        assert!(!stderr.contains(key), "a key is in the standard error");
    }
    let expected = [
        "describe-parameters",
        "get-parameter",
        "put-parameter",
        "update-service",
        "describe-services",
    ];
    assert_eq!(operations(folder.path()), expected);
    assert!(
        calls.contains("update-service --cluster c --service s --force-new-deployment"),
        "{calls}"
    );
}

#[test]
fn each_command_writes_the_expected_list() {
    for (arguments, list, expected, printed) in [
        (&["rotate", "web"][..], LIST, "web:web-key-0001,batch:batch-key-1,web:*", 1),
        (
            &["rotate", "web", "--finish"],
            "web:web-key-0001,web:web-key-0002",
            "web:web-key-0002",
            0,
        ),
        (&["rotate", "web", "--leaked"], LIST, "batch:batch-key-1,web:*", 1),
        (&["remove", "web", "batch"], LIST, "none", 0),
        (&["restore", "2"], LIST, "old:old-key-0001", 0),
    ] {
        let folder = account(list);
        let old = json!({ "Value": "old:old-key-0001", "Version": 2 });
        fs::write(folder.path().join("get-parameter.2.json"), old.to_string()).unwrap();
        let output = key(folder.path(), &[arguments, &["--no-deploy"]].concat());
        let [stdout, stderr] = said(&output);
        assert!(output.status.success(), "{arguments:?}: {stderr}");
        assert_eq!(stdout.lines().count(), printed, "{arguments:?}");
        let value = written(folder.path(), 1)["Value"].as_str().unwrap().to_owned();
        let value = stdout.lines().fold(value, |value, key| value.replace(key, "*"));
        assert_eq!(value, expected, "{arguments:?}");
        assert!(!operations(folder.path()).contains(&"update-service".to_owned()), "{arguments:?}");
        assert!(stderr.contains("ops key deploy"), "{arguments:?}: {stderr}");
    }
}

#[test]
fn list_of_a_concurrent_writer_is_kept() {
    let folder = account(LIST);
    // Another writer wrote version 5. The write of this command became version 6. Version 7 restores version 5.
    for (name, answer) in [
        ("put-parameter.1.json", json!({ "Version": 6 })),
        ("get-parameter.2.json", json!({ "Value": "theirs:their-key-1", "Version": 5 })),
        ("put-parameter.2.json", json!({ "Version": 7 })),
    ] {
        fs::write(folder.path().join(name), answer.to_string()).unwrap();
    }
    let output = key(folder.path(), &["add", "app"]);
    let [stdout, stderr] = said(&output);
    assert!(!output.status.success() && stdout.is_empty(), "{stdout}");
    assert!(stderr.contains("version 5") && stderr.contains("Run the command again"), "{stderr}");
    assert_eq!(written(folder.path(), 2)["Value"], "theirs:their-key-1");
    let calls = fs::read_to_string(folder.path().join("calls")).unwrap();
    assert!(calls.contains("--name /s/api-key:5 "), "{calls}");
    assert!(!calls.contains("update-service"), "nothing is deployed");

    // A third writer writes between the two writes of the command.
    fs::write(folder.path().join("put-parameter.4.json"), json!({ "Version": 8 }).to_string())
        .unwrap();
    fs::write(folder.path().join("put-parameter.3.json"), json!({ "Version": 6 }).to_string())
        .unwrap();
    let [_, stderr] = said(&key(folder.path(), &["add", "app"]));
    assert!(stderr.contains("versions 6 and 8"), "{stderr}");
}

#[test]
fn impossible_change_writes_nothing() {
    for (list, arguments, words) in [
        (LIST, &["add", "web"][..], "has a key already"),
        (LIST, &["remove", "app"], "no client app"),
        (LIST, &["rotate", "web", "app"], "no client app"),
        (LIST, &["add", "app", "app"], "has a key already"),
        (LIST, &["add", "App"], "1 to 32 of a-z 0-9 -"),
        (LIST, &["rotate", "web", "--finish", "--leaked"], "cannot be used with"),
        ("web:secret!", &["add", "app"], "entry 1: a key is made of"),
    ] {
        let folder = account(list);
        let output = key(folder.path(), arguments);
        let [stdout, stderr] = said(&output);
        assert!(!output.status.success() && stdout.is_empty(), "{arguments:?}");
        assert!(stderr.contains(words), "{arguments:?}: {stderr}");
        assert!(!stderr.contains("web-key") && !stderr.contains("secret"), "{stderr}");
        let operations = operations(folder.path());
        assert!(!operations.contains(&"put-parameter".to_owned()), "{arguments:?}: {operations:?}");
    }
}

#[test]
fn failed_or_slow_deployment_is_an_error() {
    for (state, timeout, words) in
        [("failed", "20m", "failed: tasks failed to start"), ("going", "0s", "has not ended after")]
    {
        let folder = account(LIST);
        let failed = fs::read_to_string(folder.path().join("describe-services.failed")).unwrap();
        let answer =
            if state == "failed" { failed } else { failed.replace("FAILED", "IN_PROGRESS") };
        fs::write(folder.path().join("describe-services.json"), answer).unwrap();
        let output = key(folder.path(), &["rotate", "web", "--timeout", timeout]);
        let [stdout, stderr] = said(&output);
        assert!(!output.status.success(), "{state}");
        // The list in SSM has the new key, so the command must print it.
        assert_eq!(stdout.lines().count(), 1, "{state}");
        assert!(stderr.contains(words) && stderr.contains("`ops key deploy`"), "{stderr}");
    }
}

#[test]
fn list_and_usage_show_clients_but_no_key() {
    let folder = account("web:web-key-0001,web:web-key-0002,batch:batch-key-1");
    let [stdout, _] = said(&key(folder.path(), &["list"]));
    let words: Vec<Vec<&str>> = stdout.lines().map(|l| l.split_whitespace().collect()).collect();
    assert_eq!(words, [["web", "2", "keys"], ["batch", "1", "key"]]);

    let row = |client: &str, number: &str| {
        json!([{ "field": "client", "value": client }, { "field": "key_number", "value": number },
            { "field": "requests", "value": "7" }, { "field": "last", "value": "1795773600.5" }])
    };
    for (name, answer) in [
        ("start-query.json", json!("id-1")),
        ("get-query-results.1.json", json!({ "status": "Running", "results": [] })),
        (
            "get-query-results.json",
            json!({ "status": "Complete", "results": [row("web", "2"), row("batch", "1")] }),
        ),
    ] {
        fs::write(folder.path().join(name), answer.to_string()).unwrap();
    }
    let output = key(folder.path(), &["usage"]);
    let [stdout, stderr] = said(&output);
    assert!(output.status.success(), "{stderr}");
    assert!(stderr.contains("requests since 2026-11-20T10:00:00Z"), "{stderr}");
    let words: Vec<Vec<&str>> = stdout.lines().map(|l| l.split_whitespace().collect()).collect();
    let expected = [
        ["client", "key", "requests", "last"],
        ["web", "1", "0", "never"],
        ["web", "2", "7", "2026-11-27T10:00:00Z"],
        ["batch", "1", "7", "2026-11-27T10:00:00Z"],
    ];
    assert_eq!(words, expected);
    let calls = fs::read_to_string(folder.path().join("calls")).unwrap();
    assert!(
        calls.contains("start-query --log-group-name /s/log --start-time 1795168800 "),
        "{calls}"
    );
    assert!(!format!("{stdout}{stderr}{calls}").contains("-key-0"), "a key is shown");
}

#[test]
fn incomplete_names_are_refused() {
    let output = Command::new(env!("CARGO_BIN_EXE_ops"))
        .args(["key", "list", "--cluster", "c"])
        .env_remove("SERVICE")
        .output()
        .unwrap();
    assert!(said(&output)[1].contains("give all of --cluster"), "{:?}", said(&output));
}
