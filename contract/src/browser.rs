//! Chromium without a window: it loads a page and reports what happened.
//!
//! Chromium takes commands of the `DevTools` protocol (<https://chromedevtools.github.io/devtools-protocol/>) as JSON texts
//! that end with NUL, on the descriptors 3 and 4. A shell connects these to its standard input and output.

use crate::server::RuntimeDir;
use crate::wait::{PATIENCE, poll};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::env;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

/// The name of the program and of its Debian package.
const PROGRAM: &str = "chromium";
const CONNECT: &str = r#"exec "$@" 3<&0 4>&1 </dev/null >/dev/null 2>&1"#;
/// The page is the only one, so the sandbox protects nothing. It does not start for root and in many containers.
const OPTIONS: &str = "--headless --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run \
    --disable-background-networking --disable-component-update --disable-sync --remote-debugging-pipe";
/// A page that requests nothing for this time is complete.
const QUIET: Duration = Duration::from_millis(500);

/// Whether Chromium is installed. If not, prints that the test is skipped.
#[must_use]
pub fn is_installed(test: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path).any(|folder| folder.join(PROGRAM).is_file());
    if !found {
        println!("SKIPPED: {test}: the Debian package {PROGRAM} is not installed");
    }
    found
}

/// A request of a page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Loaded {
    /// The URL.
    pub url: String,
    /// The status; `None` if there was no response.
    pub status: Option<u64>,
    /// Bytes on the wire, with the head of the response.
    pub bytes: u64,
    is_complete: bool,
}

/// A page that was loaded into an empty cache.
#[derive(Debug)]
pub struct Page {
    /// Its requests in their order, without those of the page to itself (`data:` and `blob:`).
    pub requests: Vec<Loaded>,
    /// Violations of the content security policy, errors and exceptions.
    pub faults: Vec<String>,
    /// The document as the scripts left it.
    pub html: String,
}

/// A running Chromium with one page.
struct Browser {
    child: Child,
    commands: ChildStdin,
    messages: Receiver<Value>,
    last: u64,
    session: Option<String>,
    events: Vec<Value>,
    /// Removed with the browser.
    _profile: RuntimeDir,
}

/// Loads a page with a new profile. Waits until it requests nothing more and `is_complete`, or fails the test.
#[must_use]
pub fn load(url: &str, is_complete: impl Fn(&Page) -> bool) -> Page {
    let mut browser = Browser::start();
    let target = browser.call("Target.createTarget", &json!({ "url": "about:blank" }));
    let target = json!({ "targetId": target["targetId"], "flatten": true });
    let attached = browser.call("Target.attachToTarget", &target);
    browser.session = attached["sessionId"].as_str().map(str::to_owned);
    for domain in ["Network", "Log", "Runtime", "Page", "Audits"] {
        browser.call(&format!("{domain}.enable"), &json!({}));
    }
    browser.call("Page.navigate", &json!({ "url": url }));
    let expression = json!({ "expression": "document.documentElement.outerHTML" });
    let mut known = (0, Instant::now());
    let complete = poll(PATIENCE, || {
        let html = browser.call("Runtime.evaluate", &expression);
        let html = html["result"]["value"].as_str().unwrap_or_default().to_owned();
        if known.0 != browser.events.len() {
            known = (browser.events.len(), Instant::now());
        }
        let page = browser.page(html);
        let has_loaded = page.requests.iter().all(|request| request.is_complete);
        (has_loaded && known.1.elapsed() > QUIET && is_complete(&page)).then_some(page)
    });
    complete.unwrap_or_else(|| panic!("{url} does not load: {:?}", browser.page(String::new())))
}

impl Browser {
    fn start() -> Self {
        let profile = RuntimeDir::new();
        let mut command = Command::new("sh");
        command.args(["-c", CONNECT, "sh", PROGRAM]).args(OPTIONS.split_whitespace());
        command.arg(format!("--user-data-dir={}", profile.path().display()));
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("a system has a shell");
        let commands = child.stdin.take().expect("piped");
        let output = child.stdout.take().expect("piped");
        let (sender, messages) = channel();
        thread::spawn(move || {
            for message in BufReader::new(output).split(0).map_while(Result::ok) {
                let message = serde_json::from_slice(&message).expect("the protocol is JSON");
                if sender.send(message).is_err() {
                    return;
                }
            }
        });
        let (last, session, events) = (0, None, Vec::new());
        Self { child, commands, messages, last, session, events, _profile: profile }
    }

    /// Sends a command and returns its result. Keeps the events before it.
    fn call(&mut self, method: &str, parameters: &Value) -> Value {
        self.last += 1;
        let mut command = json!({ "id": self.last, "method": method, "params": parameters });
        if let Some(session) = &self.session {
            command["sessionId"] = json!(session);
        }
        let mut text = command.to_string().into_bytes();
        text.push(0);
        self.commands.write_all(&text).expect("Chromium runs");
        loop {
            let message = self.messages.recv_timeout(PATIENCE);
            let message = message.unwrap_or_else(|error| panic!("{method}: {error}"));
            if message["id"] == self.last {
                assert!(message["error"].is_null(), "{method}: {message}");
                return message["result"].clone();
            }
            self.events.push(message);
        }
    }

    fn page(&self, html: String) -> Page {
        let (mut requests, mut faults) = (Vec::<Loaded>::new(), Vec::new());
        let mut places = BTreeMap::new();
        for event in &self.events {
            let parameters = &event["params"];
            let id = parameters["requestId"].as_str().unwrap_or_default();
            let request = places.get(id).and_then(|place: &usize| requests.get_mut(*place));
            match (event["method"].as_str().unwrap_or_default(), request) {
                ("Network.requestWillBeSent", _) => {
                    let url = parameters["request"]["url"].as_str().unwrap_or_default();
                    if !url.starts_with("data:") && !url.starts_with("blob:") {
                        places.insert(id, requests.len());
                        requests.push(Loaded { url: url.into(), ..Loaded::default() });
                    }
                }
                ("Network.responseReceived", Some(request)) => {
                    request.status = parameters["response"]["status"].as_u64();
                }
                ("Network.loadingFinished", Some(request)) => {
                    request.is_complete = true;
                    let bytes = parameters["encodedDataLength"].as_f64().unwrap_or_default();
                    request.bytes = format!("{bytes:.0}").parse().unwrap_or_default();
                }
                ("Network.loadingFailed", Some(request)) => {
                    request.is_complete = true;
                    faults.push(parameters.to_string());
                }
                ("Audits.issueAdded", _)
                    if parameters["issue"]["code"] == "ContentSecurityPolicyIssue" =>
                {
                    faults.push(parameters.to_string());
                }
                ("Log.entryAdded", _) if parameters["entry"]["level"] == "error" => {
                    faults.push(parameters.to_string());
                }
                ("Runtime.consoleAPICalled", _) if parameters["type"] == "error" => {
                    faults.push(parameters.to_string());
                }
                ("Runtime.exceptionThrown", _) => faults.push(parameters.to_string()),
                _ => {}
            }
        }
        Page { requests, faults, html }
    }
}

/// Its other processes end with it.
impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
