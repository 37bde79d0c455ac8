//! No output of a process, and no data that others can read about it, contains a key.

use contract::http::Request;
use contract::keyed;
use contract::list::at_least;
use contract::own_stack_only;
use contract::stack::{RuntimeDir, Server, Stack};
use std::env;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

/// The length of the parts of a key that must not appear.
const PART: usize = 8;
/// No other text in the suite contains a part of it.
const SECRET: &str = "Zq9-Wk3.Xv7_Jh5-Bn1.Tm4";
const WRONG: &str = "Pd8_Rc2-Yf6.Lg0_Us5-Ei3";

fn parts(key: &str) -> impl Iterator<Item = &str> {
    (0..=key.len() - PART).map(move |start| &key[start..start + PART])
}

fn assert_hidden(place: &str, text: &str) {
    for key in [SECRET, WRONG] {
        assert!(
            !parts(key).any(|part| text.contains(part)),
            "a part of a key is in {place}:\n{text}"
        );
    }
}

/// Sends requests with every kind of result. Each contains a key.
fn provoke(stack: &Stack) {
    let ask = |request: &Request| {
        let answer = stack.ask(request);
        assert_hidden("an answer", &format!("{:?} {}", answer.headers, answer.text()));
        let _ = stack.sidecar.process.log.of_request(answer.request_id());
    };
    ask(&keyed::request(SECRET));
    ask(&keyed::with_body(SECRET, "{"));
    ask(&keyed::with_body(WRONG, "{}"));
    ask(&keyed::with_body(SECRET, "{}").header("X-Api-Key", WRONG));
    ask(&keyed::with_body(&format!("{SECRET},{WRONG}"), "{}"));
    ask(&keyed::request(SECRET).method("DELETE"));
    ask(&Request::get("/nothing").header("X-Api-Key", WRONG));
    ask(&Request::get(&format!("/openapi.json?key={SECRET}")));
    ask(&keyed::too_large(SECRET));
    let mut connection = stack.sidecar.connect();
    connection
        .send(format!("GET /x HTTP/1.1\r\nX-Api-Key: {SECRET}\r\n\r\n").as_bytes())
        .expect("sent");
    let _ = connection.receive();
}

/// Checks the log and the arguments. The log must have at least `lines` lines, and the server at least `processes`.
fn assert_process_hides(server: &Server, name: &str, lines: usize, processes: usize) {
    let log = server.process.log.text();
    let _ = at_least(lines, log.lines());
    assert_hidden(&format!("the log of {name}"), &log);
    for arguments in at_least(processes, server.process.proc_files("cmdline")) {
        assert_hidden(&format!("the arguments of {name}"), &arguments);
    }
}

#[test]
fn logs_answers_and_arguments_contain_no_key() {
    own_stack_only!("logs_answers_and_arguments_contain_no_key");
    for level in ["info", "trace"] {
        let stack =
            Stack::builder().keys(&format!("acme:{SECRET}")).api("LOG_LEVEL", level).start();
        provoke(&stack);
        // One line per request. The sidecar has a master and a worker.
        assert_process_hides(&stack.sidecar, "the sidecar", 10, 2);
        assert_process_hides(&stack.api, "the API", 2, 1);
        let (sidecar, api) = (stack.sidecar.process.finish(), stack.api.process.finish());
        assert_eq!((sidecar, api), (0, 0));
        assert_hidden("the last lines", &stack.sidecar.process.log.text());
        assert_hidden("the last lines", &stack.api.process.log.text());
    }
}

#[test]
fn nginx_environment_and_arguments_contain_no_key() {
    own_stack_only!("nginx_environment_and_arguments_contain_no_key");
    // A stand-in for nginx records its environment and arguments, then executes the real nginx. /proc is not reliable
    // here, because nginx overwrites its environment with its title.
    let directory = RuntimeDir::new();
    let (program, notes) = (directory.path().join("nginx"), directory.path().join("notes"));
    let nginx = env::var("NGINX").unwrap_or_else(|_| "nginx".into());
    let script =
        format!("#!/bin/sh\n{{ env; echo \"$@\"; }} >'{}'\nexec {nginx} \"$@\"\n", notes.display());
    fs::write(&program, script).expect("written");
    fs::set_permissions(&program, Permissions::from_mode(0o755)).expect("set");
    let builder = Stack::builder().keys(&format!("acme:{SECRET}"));
    let stack = builder.sidecar("NGINX", &program.display().to_string()).start();
    let notes = fs::read_to_string(notes).expect("noted");
    assert!(notes.contains("daemon off"), "{notes}");
    assert_hidden("the environment or the arguments of nginx", &notes);
    // A master and a worker.
    for environment in at_least(2, stack.sidecar.process.proc_files("environ")) {
        assert_hidden("an environment", &environment);
    }
}

#[test]
fn only_the_rendered_file_contains_keys_and_only_its_owner_can_read_it() {
    own_stack_only!("only_the_rendered_file_contains_keys_and_only_its_owner_can_read_it");
    let stack = Stack::builder().keys(&format!("acme:{SECRET}")).start();
    let runtime = stack.sidecar.runtime.as_ref().expect("a sidecar has one").path();
    let mut holders = Vec::new();
    for entry in fs::read_dir(runtime).expect("it is there") {
        let entry = entry.expect("readable");
        let text = fs::read(entry.path()).unwrap_or_default();
        if String::from_utf8_lossy(&text).contains(SECRET) {
            let mode = entry.metadata().expect("readable").permissions().mode() & 0o777;
            holders.push((entry.file_name().into_string().expect("text"), mode));
        }
    }
    assert_eq!(holders, [("nginx.conf".to_owned(), 0o600)]);
}
