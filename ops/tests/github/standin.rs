//! Emulates GitHub's REST API, as in its documentation: <https://docs.github.com/en/rest>, version 2022-11-28.
//!
//! The real `gh` calls it: `http_unix_socket` in its configuration names the socket. No request reaches GitHub. The
//! login, the requests and the encryption of secrets come from `gh`. Paths, shapes, statuses, pages and limits come
//! from the documentation. It does not state the status with which GitHub refuses an environment of a private
//! repository, so the tests try each.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, mpsc};
use std::thread;

use crypto_box::SecretKey;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::environments;
use super::lists::{Variables, page, variables};

pub(super) const REPOSITORY: &str = "octo/sum-api";
pub(super) const TOKEN: &str = "a-token-of-nobody";

/// The plan of the repository's owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plan {
    Free,
    /// Has the same features as Team here.
    Pro,
    Enterprise,
}

/// The state of the emulated GitHub.
#[derive(Debug, Clone)]
pub(super) struct State {
    pub(super) plan: Plan,
    pub(super) private: bool,
    pub(super) admin: bool,
    pub(super) default_branch: String,
    pub(super) environments: BTreeMap<String, Environment>,
    pub(super) variables: Variables,
    pub(super) rulesets: Vec<Value>,
    /// The status of requests for environments of a private repository with the plan Free.
    pub(super) refusal: u16,
    /// The response to all requests: status, header and message.
    pub(super) broken: Option<(u16, &'static str, &'static str)>,
    /// `METHOD PATH` of each request.
    pub(super) requests: Vec<String>,
    pub(super) key: SecretKey,
}

#[derive(Debug, Default, Clone)]
pub(super) struct Environment {
    /// The body of the last `PUT`.
    pub(super) rules: Value,
    /// Name and type of each policy, by id.
    pub(super) branches: BTreeMap<u64, (String, String)>,
    pub(super) variables: Variables,
    /// The decrypted secrets.
    pub(super) secrets: Variables,
}

/// A status, a header and a body.
pub(super) type Reply = (u16, Option<(&'static str, String)>, Value);

/// A running server, and the configuration of `gh` with its socket.
pub(super) struct GitHub {
    pub(super) folder: TempDir,
    state: Arc<Mutex<State>>,
}

impl GitHub {
    /// A new public repository.
    pub(super) fn start() -> Self {
        Self::with(State {
            plan: Plan::Free,
            private: false,
            admin: true,
            default_branch: "main".to_owned(),
            environments: BTreeMap::new(),
            variables: BTreeMap::new(),
            rulesets: Vec::new(),
            refusal: 404,
            broken: None,
            requests: Vec::new(),
            key: SecretKey::from([7; 32]),
        })
    }

    /// A repository in this state.
    pub(super) fn with(state: State) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("socket");
        let config = folder.path().join("gh");
        fs::create_dir(&config).unwrap();
        fs::write(config.join("config.yml"), format!("http_unix_socket: {}\n", socket.display()))
            .unwrap();
        let state = Arc::new(Mutex::new(state));
        let (served, listening) = (Arc::clone(&state), mpsc::channel());
        thread::spawn(move || serve(&socket, &served, &listening.0));
        listening.1.recv().unwrap();
        Self { folder, state }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// The requests since the last call, except `GET`.
    pub(super) fn writes(&self) -> Vec<String> {
        let mut requests = std::mem::take(&mut self.state().requests);
        requests.retain(|request| !request.starts_with("GET "));
        requests
    }
}

fn serve(socket: &Path, state: &Arc<Mutex<State>>, listening: &mpsc::Sender<()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = UnixListener::bind(socket).unwrap();
        listener.set_nonblocking(true).unwrap();
        let listener = tokio::net::UnixListener::from_std(listener).unwrap();
        listening.send(()).unwrap();
        while let Ok((stream, _)) = listener.accept().await {
            let state = Arc::clone(state);
            tokio::spawn(async move {
                let answer = service_fn(|request| answer(request, &state));
                let _ = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), answer)
                    .await;
            });
        }
    });
}

async fn answer(
    request: Request<Incoming>,
    state: &Mutex<State>,
) -> hyper::Result<Response<Full<Bytes>>> {
    let (head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let path = head.uri.path_and_query().unwrap().as_str();
    let login = head.headers.get("authorization").and_then(|value| value.to_str().ok());
    let mut state = state.lock().unwrap();
    state.requests.push(format!("{} {path}", head.method));
    let (status, header, body) = if let Some((status, header, message)) = state.broken {
        let header = header.split_once(": ").map(|(name, value)| (name, value.to_owned()));
        (status, header, json!({ "message": message }))
    } else if login == Some(&format!("token {TOKEN}")) {
        state.route(head.method.as_str(), path, &body)
    } else {
        refuse(401, "Bad credentials")
    };
    let mut response = Response::builder().status(status);
    response = response.header("content-type", "application/json; charset=utf-8");
    response = response.header("x-ratelimit-remaining", if status == 429 { "0" } else { "4999" });
    if let Some((name, value)) = header {
        response = response.header(name, value);
    }
    let text = if body.is_null() { String::new() } else { body.to_string() };
    Ok(response.body(Full::new(text.into())).unwrap())
}

pub(super) fn refuse(status: u16, message: &str) -> Reply {
    let body = json!({ "message": message, "documentation_url": "https://docs.github.com/rest", "status": status.to_string() });
    (status, None, body)
}

pub(super) fn ok(body: Value) -> Reply {
    (200, None, body)
}

impl State {
    fn route(&mut self, method: &str, path: &str, body: &Value) -> Reply {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let words: Vec<&str> = path.split('/').skip(1).collect();
        match (method, &words[..]) {
            ("GET", ["users", "alice"]) => {
                ok(json!({ "login": "alice", "id": 11, "type": "User" }))
            }
            ("GET", ["users", "bob"]) => ok(json!({ "login": "bob", "id": 12, "type": "User" })),
            ("GET", ["orgs", "octo", "teams", "ops"]) => ok(json!({ "slug": "ops", "id": 11 })),
            (_, ["repos", "octo", "sum-api", rest @ ..]) => {
                self.repository(method, rest, query, body)
            }
            _ => refuse(404, "Not Found"),
        }
    }

    fn repository(&mut self, method: &str, rest: &[&str], query: &str, body: &Value) -> Reply {
        match (method, rest) {
            ("GET", []) => ok(json!({
                "id": 7_654_321, "full_name": REPOSITORY, "private": self.private, "default_branch": self.default_branch,
                "permissions": { "admin": self.admin, "push": true, "pull": true },
            })),
            (_, ["environments", rest @ ..]) => {
                environments::answer(self, method, rest, query, body)
            }
            (_, ["actions", "variables", rest @ ..]) => {
                variables(&mut self.variables, method, rest, query, body)
            }
            (_, ["rulesets", rest @ ..]) => self.ruleset(method, rest, query, body),
            _ => refuse(404, "Not Found"),
        }
    }

    fn ruleset(&mut self, method: &str, rest: &[&str], query: &str, body: &Value) -> Reply {
        if self.private && self.plan == Plan::Free {
            return refuse(
                403,
                "Upgrade to GitHub Pro or make this repository public to enable this feature.",
            );
        }
        let position = |rulesets: &[Value], id: &str| {
            let id: u64 = id.parse().ok()?;
            rulesets.iter().position(|ruleset| ruleset["id"] == id)
        };
        match (method, rest) {
            ("GET", []) => {
                // The list of rulesets does not contain rules and conditions.
                let short = self.rulesets.iter().map(|ruleset| {
                    let keep = ["id", "name", "target", "enforcement", "source", "source_type"];
                    keep.iter().map(|name| ((*name).to_owned(), ruleset[*name].clone())).collect()
                });
                page(&short.collect::<Vec<Value>>(), None, query, 100)
            }
            ("POST", []) => {
                let name = body["name"].as_str().unwrap_or_default();
                if name.is_empty() || self.rulesets.iter().any(|known| known["name"] == name) {
                    let mut reply = refuse(422, "Validation Failed");
                    reply.2["errors"] = json!(["Name must be unique"]);
                    return reply;
                }
                let ruleset = with_defaults(body, 40 + self.rulesets.len());
                self.rulesets.push(ruleset.clone());
                (201, None, ruleset)
            }
            ("GET", [id]) => position(&self.rulesets, id)
                .map_or_else(|| refuse(404, "Not Found"), |at| ok(self.rulesets[at].clone())),
            ("PUT", [id]) => {
                let Some(at) = position(&self.rulesets, id) else {
                    return refuse(404, "Not Found");
                };
                self.rulesets[at] = with_defaults(body, id.parse().unwrap());
                ok(self.rulesets[at].clone())
            }
            _ => refuse(404, "Not Found"),
        }
    }
}

/// A ruleset as GitHub returns it: with members that are not in the request.
fn with_defaults(body: &Value, id: usize) -> Value {
    let mut ruleset = body.clone();
    ruleset["id"] = id.into();
    ruleset["source_type"] = "Repository".into();
    ruleset["source"] = REPOSITORY.into();
    ruleset["created_at"] = "2026-01-01T00:00:00Z".into();
    for rule in ruleset["rules"].as_array_mut().into_iter().flatten() {
        if rule["type"] == "pull_request" {
            rule["parameters"]["allowed_merge_methods"] = json!(["merge", "squash", "rebase"]);
        }
        if rule["type"] == "required_status_checks" {
            rule["parameters"]["do_not_enforce_on_create"] = false.into();
        }
    }
    ruleset
}
