//! Calls a deployed service as a caller does.
//!
//! A wrong response fails the release. A missing connection does not, because the load balancer responds even when no
//! task does. Then this machine is not in `ingress_cidrs`, or the DNS or the certificate does not contain the name. The
//! test is skipped, and the release stays.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::Value;

use crate::call::{self, Call};
use crate::variable::given;

/// Arguments of the command. `SMOKE_API_KEY` contains a valid key. Without it, the calls that need a key are skipped.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// URL of the service for callers, such as <https://orders.example.com>
    url: String,
    /// Folder of the service below services/
    #[arg(long, env = "SERVICE")]
    service: String,
    /// The repository's root
    #[arg(long, default_value = ".")]
    root: PathBuf,
    /// Number of retries after a wrong response
    #[arg(long, default_value_t = 5)]
    retries: u32,
    /// Seconds between two tries
    #[arg(long, default_value_t = 3)]
    pause: u64,
}

/// One request and its expected response.
struct Check {
    name: String,
    method: &'static str,
    path: String,
    /// The request body; empty when it has none.
    body: String,
    /// Whether the request has the key.
    key: bool,
    status: u16,
    /// The expected response body.
    body_is: Body,
}

/// The expected body of a response.
enum Body {
    Anything,
    /// A problem of RFC 9457, the format of all errors. A 401 in another format comes from something in front of the
    /// service, such as a proxy.
    Problem,
    /// The response of the example.
    Example(Box<Call>),
}

impl Body {
    fn fits(&self, status: u16, body: &[u8]) -> bool {
        match self {
            Self::Anything => true,
            Self::Problem => serde_json::from_slice::<Value>(body).is_ok_and(|problem| {
                let text = |name: &str| problem[name].as_str().is_some_and(|text| !text.is_empty());
                text("type") && text("title") && problem["status"] == status
            }),
            Self::Example(call) => call.is_answered_by(status, body),
        }
    }
}

/// The checks of every service: it is ready, its metrics are private, and its example needs a key.
fn checks(call: &Call) -> [Check; 4] {
    let get = |name: &str, path: &str, status| Check {
        name: name.to_owned(),
        method: "GET",
        path: path.to_owned(),
        body: String::new(),
        key: false,
        status,
        body_is: Body::Anything,
    };
    let example = |name: String, key, status| Check {
        name,
        method: call.method,
        path: call.path.clone(),
        body: call.body.clone(),
        key,
        status,
        body_is: if key { Body::Example(Box::new(call.clone())) } else { Body::Problem },
    };
    [
        get("readyz", &call.ready, 200),
        example(format!("{} without a key", call.id), false, 401),
        get("metrics stay inside", "/metrics", 404),
        example(call.id.clone(), true, call.status),
    ]
}

/// The result of a request.
#[derive(Debug, PartialEq)]
enum Outcome {
    /// The expected response.
    Right,
    /// Another response, or no response on an open connection.
    Wrong(String),
    /// No connection.
    Unreached(String),
}

impl Args {
    /// A service of this repository, with the default retries.
    pub(crate) fn new(url: &str, service: &str) -> Self {
        let (url, service) = (url.to_owned(), service.to_owned());
        Self { url, service, root: PathBuf::from("."), retries: 5, pause: 3 }
    }
}

/// Runs the command; `Ok(false)` means that a response is wrong.
pub(crate) fn run(args: &Args) -> anyhow::Result<bool> {
    call(args, given("SMOKE_API_KEY").as_deref())
}

/// Calls the service, with a key when there is one.
pub(crate) fn call(args: &Args, key: Option<&str>) -> anyhow::Result<bool> {
    let call = Call::from_document(&call::document(&args.root, &args.service)?)?;
    for (number, check) in checks(&call).iter().enumerate() {
        if check.key && key.is_none() {
            println!(
                "SKIPPED: smoke: SMOKE_API_KEY is not set, so {} was not called. The service is reachable and refuses callers without a key. `cargo ops key add CLIENT` adds one",
                check.name
            );
            continue;
        }
        match settled(args, check, key)? {
            Outcome::Right => println!("ok      {}", check.name),
            Outcome::Unreached(reason) if number == 0 => {
                skip(&args.url, &reason);
                return Ok(true);
            }
            Outcome::Wrong(found) | Outcome::Unreached(found) => {
                println!("FAILED  {}: expected {}, found {found}", check.name, check.status);
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// The outcome. A wrong one is retried, because the deployment has just ended.
fn settled(args: &Args, check: &Check, key: Option<&str>) -> anyhow::Result<Outcome> {
    let mut outcome = ask(&args.url, check, key)?;
    for _ in 0..args.retries {
        if outcome == Outcome::Right {
            break;
        }
        sleep(Duration::from_secs(args.pause));
        outcome = ask(&args.url, check, key)?;
    }
    Ok(outcome)
}

fn ask(url: &str, check: &Check, key: Option<&str>) -> anyhow::Result<Outcome> {
    let mut command = Command::new("curl");
    command
        .args(["--silent", "--show-error", "--connect-timeout", "5", "--max-time", "10"])
        .args(["--write-out", "\n%{http_code} %{time_connect}"]);
    command.args(["--request", check.method]);
    if !check.body.is_empty() {
        command.args(["--header", "content-type: application/json", "--data", &check.body]);
    }
    if check.key {
        // The key goes through standard input, because the process list shows arguments.
        command.args(["--header", "@-"]);
    }
    let mut curl = command
        .arg(format!("{}{}", url.trim_end_matches('/'), check.path))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot run curl: is it installed?")?;
    let mut input = curl.stdin.take().context("standard input is piped")?;
    if let Some(key) = key.filter(|_| check.key) {
        writeln!(input, "x-api-key: {key}")?;
    }
    drop(input);
    let output = curl.wait_with_output()?;
    let printed = String::from_utf8_lossy(&output.stdout);
    let (body, figures) = printed.rsplit_once('\n').context("curl printed no status")?;
    let (status, connected) = figures.split_once(' ').context("curl printed no status")?;
    let status: u16 = status.parse().context("a status")?;
    if status == 0 {
        let said = String::from_utf8_lossy(&output.stderr);
        let said = said.lines().next().unwrap_or("curl printed no error").to_owned();
        let connected = connected.parse().is_ok_and(|seconds: f64| seconds > 0.0);
        return Ok(match output.status.code() {
            Some(code) if is_unreached(code, connected) => Outcome::Unreached(said),
            _ => Outcome::Wrong(said),
        });
    }
    Ok(if status != check.status {
        Outcome::Wrong(status.to_string())
    } else if check.body_is.fits(status, body.as_bytes()) {
        Outcome::Right
    } else {
        Outcome::Wrong(format!("{status} {body}"))
    })
}

/// Whether curl could not connect: the name, the connection or TLS failed.
///
/// <https://curl.se/libcurl/c/libcurl-errors.html>
fn is_unreached(code: i32, connected: bool) -> bool {
    match code {
        5..=7 | 35 | 51 | 58 | 60 | 77 | 83 | 90 | 91 => true,
        28 => !connected,
        _ => false,
    }
}

/// Reports the skipped test in the log and as a warning of the workflow's run.
fn skip(url: &str, reason: &str) {
    let text = format!(
        "{url} cannot be reached from here ({reason}). The load balancer reports healthy tasks, but no call from outside tested the service"
    );
    println!("SKIPPED: smoke: {text}");
    if std::env::var_os("GITHUB_ACTIONS").is_some() {
        println!("::warning title=Smoke test skipped::{text}");
    }
}
