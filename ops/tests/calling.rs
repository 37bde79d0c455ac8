//! Tests the two clients of docs/calling.md with responses that a healthy stack does not return.
//!
//! `scripts/readme.sh` runs the page with the real stack. Here a stub returns errors of the service and of the load
//! balancer, redirects and deprecation headers, and closes connections.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use ops::examples::page::{Page, Step};

/// The statuses after which a client must retry, and the statuses after which it must not.
const AGAIN: [u16; 5] = [408, 429, 502, 503, 504];
const FINAL: [u16; 9] = [301, 400, 401, 404, 405, 413, 415, 422, 500];

const GOOD: &str = r#"{"sum":3}"#;

/// Calls `sum(1, 2)` at each URL in turn. Prints one line for each: the sum or `error: …`.
const JAVASCRIPT: &str = r#"
import { sum } from "./sum.mjs";
for (const url of process.argv.slice(1)) {
  process.env.SUM_URL = url;
  console.log(await sum("1", "2").catch((error) => `error: ${error.message.replaceAll("\n", " ")}`));
}"#;
const PYTHON: &str = r#"
import os, sys
from decimal import Decimal
from sum_client import exact_sum
for url in sys.argv[1:]:
    os.environ["SUM_URL"] = url
    try:
        print(exact_sum(Decimal(1), Decimal(2)), flush=True)
    except Exception as error:
        print("error:", str(error).replace("\n", " "), flush=True)
"#;

fn page() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/calling.md");
    std::fs::read_to_string(path).expect("docs/calling.md must exist")
}

fn response(status: u16, headers: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status} X\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Returns its responses in order, then repeats the last one. An empty response closes the connection.
struct Stub {
    url: String,
    seen: Arc<Mutex<Vec<Instant>>>,
}

impl Stub {
    fn start(responses: Vec<String>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("the listener must be bound"));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let counter = Arc::clone(&seen);
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut request = Vec::new();
                let mut block = [0; 4096];
                while !request.ends_with(br#"{"a":1,"b":2}"#) {
                    match stream.read(&mut block) {
                        Ok(length @ 1..) => request.extend_from_slice(&block[..length]),
                        _ => break,
                    }
                }
                let mut seen = counter.lock().unwrap_or_else(PoisonError::into_inner);
                let response = &responses[seen.len().min(responses.len() - 1)];
                seen.push(Instant::now());
                let _ = stream.write_all(response.as_bytes());
            }
        });
        Self { url, seen }
    }

    fn seen(&self) -> Vec<Instant> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The output of a client: one line for each URL, and its standard error.
fn call(program: &str, arguments: &[&str], urls: &[&str]) -> Option<(Vec<String>, String)> {
    let folder = tempfile::tempdir().expect("cannot create a folder");
    let mut files = 0;
    for step in Page::parse(&page()).steps {
        if let Step::File { name, text } = step {
            std::fs::write(folder.path().join(name), text)
                .expect("cannot write a file of the page");
            files += 1;
        }
    }
    assert_eq!(files, 2, "the page must have two clients");
    let output = Command::new(program)
        .args(arguments)
        .args(urls)
        .current_dir(folder.path())
        .env("SUM_KEY", "a-key-of-a-test")
        .output();
    let Ok(output) = output else {
        println!("SKIPPED: calling::{program}: {program} is not installed");
        return None;
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    let lines: Vec<String> = out.lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), urls.len(), "the client must print one line for each URL:\n{out}{err}");
    Some((lines, err))
}

/// Checks the rules for every client.
fn hold(program: &str, arguments: &[&str]) {
    let good = || response(200, "", GOOD);
    let again: Vec<(u16, Stub)> = AGAIN
        .map(|status| {
            let after = if status == 429 { "Retry-After: 1\r\n" } else { "" };
            (status, Stub::start(vec![response(status, after, "<html>"), good()]))
        })
        .into();
    let elsewhere = Stub::start(vec![good()]);
    let finals: Vec<(u16, Stub)> = FINAL
        .map(|status| {
            let location = format!("Location: {}/sum\r\n", elsewhere.url);
            let headers = if status == 301 { location.as_str() } else { "X-Request-Id: id-1\r\n" };
            (status, Stub::start(vec![response(status, headers, "<html>"), good()]))
        })
        .into();
    let silent = Stub::start(vec![String::new(), good()]);
    let down = Stub::start(vec![response(503, "", "")]);
    let headers =
        "Deprecation: @1767225600\r\nSunset: Wed, 01 Jul 2026 00:00:00 GMT\r\nX-Other: x\r\n";
    let deprecated = Stub::start(vec![response(200, headers, r#"{"sum":3,"more":[0.1,"1"]}"#)]);

    let mut urls: Vec<&str> =
        again.iter().chain(&finals).map(|(_, stub)| stub.url.as_str()).collect();
    urls.extend([&*silent.url, &*down.url, &*deprecated.url, "http://sum.example.com"]);
    let Some((lines, warnings)) = call(program, arguments, &urls) else { return };
    let mut lines = lines.iter();
    let mut next = || lines.next().expect("a line for each URL").as_str();

    for (status, stub) in &again {
        assert_eq!(next(), "3", "the client must retry after {status}");
        let seen = stub.seen();
        assert_eq!(seen.len(), 2, "{status}");
        if *status == 429 {
            assert!(
                seen[1] - seen[0] >= Duration::from_secs(1),
                "the client must wait for Retry-After"
            );
        }
    }
    for (status, stub) in &finals {
        let line = next();
        assert!(line.starts_with(&format!("error: {status}, request id ")), "{line}");
        assert!(*status == 301 || line.contains("id-1"), "{line}");
        assert_eq!(stub.seen().len(), 1, "the client must not retry after {status}");
    }
    assert_eq!(elsewhere.seen().len(), 0, "the client must not follow the redirect with its key");
    assert_eq!((next(), silent.seen().len()), ("3", 2));
    let line = next();
    assert!(line.starts_with("error: 503"), "{line}");
    assert_eq!(down.seen().len(), 5, "five attempts");
    assert_eq!((next(), deprecated.seen().len()), ("3", 1));
    assert_eq!(
        warnings.lines().collect::<Vec<_>>(),
        ["Deprecation: @1767225600", "Sunset: Wed, 01 Jul 2026 00:00:00 GMT"]
    );
    assert_eq!(next(), "error: SUM_URL must begin with https://");
}

#[test]
fn javascript_client_follows_the_rules_of_the_page() {
    hold("node", &["--input-type=module", "-e", JAVASCRIPT, "--"]);
}

#[test]
fn python_client_follows_the_rules_of_the_page() {
    hold("python3", &["-c", PYTHON]);
}

#[test]
fn table_of_the_page_has_the_tested_statuses() {
    let text = page();
    let table =
        text.split("| response | send it again? |").nth(1).expect("the page must have the table");
    let mut again = BTreeSet::new();
    let rows: Vec<&str> = table.lines().skip(2).take_while(|line| line.starts_with('|')).collect();
    assert_eq!(rows.len(), 5, "{rows:?}");
    for row in rows {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        if cells[2].starts_with("yes") {
            again.extend(cells[1].split(", ").filter_map(|word| word.parse::<u16>().ok()));
        }
    }
    assert_eq!(again, BTreeSet::from(AGAIN));
}
