//! The two clients of docs/calling.md against responses that a healthy stack does not give.
//!
//! `scripts/readme.sh` runs the page against the real stack. Here a stub plays the rest: statuses of
//! service and load balancer, connections that close, redirects and announcements.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use ops::examples::page::{Page, Step};

/// Statuses that the page says to send again, and those that it does not.
const AGAIN: [u16; 5] = [408, 429, 502, 503, 504];
const FINAL: [u16; 9] = [301, 400, 401, 404, 405, 413, 415, 422, 500];

const GOOD: &str = r#"{"sum":3}"#;

/// Calls `sum(1, 2)` at each address in turn; one line each, the sum or `error: …`.
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
    std::fs::read_to_string(path).expect("the page")
}

fn response(status: u16, headers: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status} X\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Gives its responses one after another, the last one for ever; an empty one closes the connection.
struct Stub {
    url: String,
    seen: Arc<Mutex<Vec<Instant>>>,
}

impl Stub {
    fn start(responses: Vec<String>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
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

/// What a client printed: a line for each address, and everything on standard error.
fn call(program: &str, arguments: &[&str], urls: &[&str]) -> Option<(Vec<String>, String)> {
    let folder = tempfile::tempdir().expect("a folder");
    let mut files = 0;
    for step in Page::parse(&page()).steps {
        if let Step::File { name, text } = step {
            std::fs::write(folder.path().join(name), text).expect("written");
            files += 1;
        }
    }
    assert_eq!(files, 2, "the page has a client for each of two languages");
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
    assert_eq!(lines.len(), urls.len(), "one line for each address:\n{out}{err}");
    Some((lines, err))
}

/// What every client must do.
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
    let mut next = || lines.next().expect("as many as addresses").as_str();

    for (status, stub) in &again {
        assert_eq!(next(), "3", "{status} is sent again");
        let seen = stub.seen();
        assert_eq!(seen.len(), 2, "{status}");
        if *status == 429 {
            assert!(seen[1] - seen[0] >= Duration::from_secs(1), "Retry-After is kept");
        }
    }
    for (status, stub) in &finals {
        let line = next();
        assert!(line.starts_with(&format!("error: {status}, request id ")), "{line}");
        assert!(*status == 301 || line.contains("id-1"), "{line}");
        assert_eq!(stub.seen().len(), 1, "{status} is final");
    }
    assert_eq!(elsewhere.seen().len(), 0, "the key goes nowhere else");
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
fn the_client_in_javascript_retries_and_refuses_as_the_page_says() {
    hold("node", &["--input-type=module", "-e", JAVASCRIPT, "--"]);
}

#[test]
fn the_client_in_python_retries_and_refuses_as_the_page_says() {
    hold("python3", &["-c", PYTHON]);
}

#[test]
fn the_page_says_the_same_of_each_status() {
    let text = page();
    let table = text.split("| response | send it again? |").nth(1).expect("the table");
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
