//! The service on a database in memory, without a socket, with a clock that the test moves.

use crate::doubles::{Journal, QuickHasher, WatchedStore};
use chassis::app::App;
use chassis::auth::{Credentials, Keys};
use chassis::clock::Clock;
use chassis::context::Context;
use chassis::testing::{self, BODY_TIMEOUT, NOW, Reply, ask};
use serde_json::{Value, json};
use std::ops::Deref;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};
use tasks::access::passwords::Passwords;
use tasks::access::{Access, Policy, Registration};
use tasks::api::Tasks;
use tasks::background::Background;
use tasks::jobs::Rules;
use tasks::jobs::context::Tools;
use tasks::jobs::resize_image::Resizer;
use tasks::mail::{Mail, Way};
use tasks::model::bucket::Preset;
use tasks::model::mail::{Address, DailyLimit, Recipients};
use tasks::model::usage::Bounds;
use tasks::results::Results;
use tasks::store::{Options, Store, Target, open};
use tempfile::TempDir;

/// A valid password.
pub(crate) const PASSWORD: &str = "correct horse battery";
/// Another valid password.
pub(crate) const OTHER_PASSWORD: &str = "staple battery horse";
/// The address of a caller who does not say another one.
pub(crate) const ADDRESS: &str = "192.0.2.1";

/// The settings of a testbed.
pub(crate) struct Setup {
    pub(crate) registration: Registration,
    pub(crate) registrations_per_address: usize,
    pub(crate) bucket: Preset,
    pub(crate) hash_concurrency: usize,
    pub(crate) bounds: Bounds,
    pub(crate) can_isolate: bool,
    pub(crate) rules: Rules,
}

impl Default for Setup {
    /// Limits that a test does not reach by accident.
    fn default() -> Self {
        Self {
            registration: Registration::Open,
            registrations_per_address: 1000,
            bucket: Preset::Generous,
            hash_concurrency: 4,
            bounds: Bounds { tasks: 1000, pending: 1000, bytes: 10 << 20 },
            can_isolate: true,
            rules: Rules::default(),
        }
    }
}

/// The replaced parts of the service.
pub(crate) struct Parts {
    pub(crate) store: Arc<WatchedStore>,
    pub(crate) hasher: Arc<QuickHasher>,
    pub(crate) journal: Journal,
    /// Of the results.
    pub(crate) folder: TempDir,
}

impl Parts {
    pub(crate) async fn new() -> Self {
        let journal = Journal::default();
        let database = open(&Target::SqliteMemory, Options::default()).await.unwrap();
        let store = Arc::new(WatchedStore::new(database, journal.clone()));
        let hasher = Arc::new(QuickHasher::new(journal.clone()));
        let folder = tempfile::tempdir().unwrap();
        Self { store, hasher, journal, folder }
    }

    /// A service of these parts.
    pub(crate) fn service(&self, context: &Context, setup: &Setup) -> Tasks {
        let hasher = Arc::clone(&self.hasher) as _;
        let passwords = Passwords::new(hasher, setup.hash_concurrency).unwrap();
        // The constructor makes a hash.
        self.journal.take();
        let policy = Policy {
            registration: setup.registration,
            registrations_per_address: setup.registrations_per_address,
            bucket: setup.bucket,
            can_isolate: setup.can_isolate,
            bounds: setup.bounds,
            rules: setup.rules.clone(),
        };
        let store: Arc<dyn Store> = Arc::clone(&self.store) as _;
        let access = Access::new(Arc::clone(&store), context.clock(), policy, passwords);
        let tools = tools(store, self.folder.path(), context.clock());
        let background = Background::new(context, &tools, None, None);
        Tasks::new(context, &tools, access, background)
    }
}

/// Tools with files in a folder.
pub(crate) fn tools(store: Arc<dyn Store>, folder: &Path, clock: Clock) -> Tools {
    let mail = Mail {
        from: Address::parse("tasks@localhost").unwrap(),
        recipients: Recipients::default(),
        limit: DailyLimit::parse("20:1000").unwrap(),
        way: Way::into_folder(&folder.join("mails")).unwrap(),
    };
    let results = Results::in_folder(&folder.join("results")).unwrap();
    Tools { store, results, mail, resizer: Resizer::of_this_program(), clock }
}

/// The service with its replaced parts.
pub(crate) struct Testbed {
    pub(crate) app: App<Tasks>,
    parts: Parts,
    millis: Arc<AtomicU64>,
}

impl Deref for Testbed {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.parts
    }
}

/// The two tokens of a response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pair {
    pub(crate) access: String,
    pub(crate) refresh: String,
}

impl Pair {
    pub(crate) fn of(reply: &Reply) -> Self {
        assert_eq!(reply.status, 200, "{}", reply.body);
        let text = |member: &str| reply.json()[member].as_str().unwrap().to_owned();
        Self { access: text("access_token"), refresh: text("refresh_token") }
    }
}

impl Testbed {
    /// A ready service with the default settings.
    pub(crate) async fn new() -> Self {
        Self::with(Setup::default()).await
    }

    /// A ready service.
    pub(crate) async fn with(setup: Setup) -> Self {
        let bed = Self::starting(setup).await;
        bed.start();
        bed
    }

    /// A service that waits for its signing keys.
    pub(crate) async fn starting(setup: Setup) -> Self {
        let millis = Arc::new(AtomicU64::new(NOW * 1000));
        let source = Arc::clone(&millis);
        let clock = Clock::new(move || Duration::from_millis(source.load(Ordering::SeqCst)));
        let context = Context::with_clock(clock);
        let parts = Parts::new().await;
        let (service, document) = (parts.service(&context, &setup), testing::document::<Tasks>());
        let app = App::with_context(service, &document, BODY_TIMEOUT, &context).unwrap();
        Self { app, parts, millis }
    }

    /// Gives the service its signing keys.
    pub(crate) fn start(&self) {
        let issuer = Some(testing::issuer("tasks"));
        self.app.start(Credentials { keys: Keys::Sidecar, issuer });
    }

    /// Moves the clock forward.
    pub(crate) fn advance(&self, time: Duration) {
        self.millis.fetch_add(u64::try_from(time.as_millis()).unwrap(), Ordering::SeqCst);
    }

    /// Sends JSON to an open operation, from this address.
    pub(crate) async fn post_from(&self, address: &str, path: &str, body: &Value) -> Reply {
        let headers = [("content-type", "application/json"), ("x-client-address", address)];
        ask(&self.app, &format!("POST {path}"), &headers, body.to_string()).await
    }

    /// Sends JSON to an open operation.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Reply {
        self.post_from(ADDRESS, path, body).await
    }

    /// Sends a request with an access token. The body is JSON, or nothing.
    pub(crate) async fn bearer(&self, token: &str, head: &str, body: &Value) -> Reply {
        let authorization = format!("Bearer {token}");
        let mut headers = vec![("authorization", &*authorization), ("x-client-address", ADDRESS)];
        let mut bytes = String::new();
        if !body.is_null() {
            headers.push(("content-type", "application/json"));
            bytes = body.to_string();
        }
        ask(&self.app, head, &headers, bytes).await
    }

    /// Reads the caller's user.
    pub(crate) async fn me(&self, token: &str) -> Reply {
        self.bearer(token, "GET /api/v1/users/me", &Value::Null).await
    }

    /// Registers a user with [`PASSWORD`]. Returns the response.
    pub(crate) async fn register(&self, name: &str) -> Value {
        let reply = self.post("/auth/register", &credentials(name, PASSWORD)).await;
        assert_eq!(reply.status, 201, "{}", reply.body);
        reply.json()
    }

    /// Logs a user in.
    pub(crate) async fn login(&self, name: &str, password: &str) -> Reply {
        self.post("/auth/login", &credentials(name, password)).await
    }

    /// Registers a user and logs in.
    pub(crate) async fn user(&self, name: &str) -> Pair {
        self.register(name).await;
        self.session(name).await
    }

    /// Logs a user in with [`PASSWORD`].
    pub(crate) async fn session(&self, name: &str) -> Pair {
        Pair::of(&self.login(name, PASSWORD).await)
    }

    /// Uses a refresh token.
    pub(crate) async fn refresh(&self, token: &str) -> Reply {
        self.post("/auth/refresh", &json!({ "refresh_token": token })).await
    }

    /// Ends the session of a refresh token.
    pub(crate) async fn logout(&self, token: &str) -> Reply {
        self.post("/auth/logout", &json!({ "refresh_token": token })).await
    }

    /// Changes the password of the caller.
    pub(crate) async fn change_password(&self, token: &str, old: &str, new: &str) -> Reply {
        let body = json!({ "old": old, "new": new });
        self.bearer(token, "POST /api/v1/users/me/password", &body).await
    }
}

pub(crate) fn credentials(name: &str, password: &str) -> Value {
    json!({ "username": name, "password": password })
}

/// The body of a problem without its request id, so that two responses can be compared.
pub(crate) fn without_id(reply: &Reply) -> Value {
    let mut problem = reply.json();
    assert!(problem.as_object_mut().unwrap().remove("request_id").is_some());
    problem
}

/// The pointers of all errors of a 422, sorted.
pub(crate) fn pointers(reply: &Reply) -> Vec<String> {
    assert_eq!(reply.status, 422, "{}", reply.body);
    let problem = reply.json();
    assert_eq!(problem["type"], "urn:tasks:problem:invalid-body");
    let errors = problem["errors"].as_array().unwrap().iter();
    let mut pointers: Vec<String> = errors
        .map(|error| {
            assert!(!error["detail"].as_str().unwrap().is_empty());
            error["pointer"].as_str().unwrap().to_owned()
        })
        .collect();
    pointers.sort();
    pointers
}

/// The value of `Retry-After`.
pub(crate) fn retry_after(reply: &Reply) -> u64 {
    reply.header("retry-after").unwrap().parse().unwrap()
}

/// Polls a future once. Returns its result if it has ended.
pub(crate) async fn poll_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    std::future::poll_fn(|context| {
        Poll::Ready(match Pin::new(&mut *future).poll(context) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        })
    })
    .await
}

/// Waits for work of other threads or tasks. The limit is only for a test that fails.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(20), "{what} did not occur");
        tokio::task::yield_now().await;
    }
}
