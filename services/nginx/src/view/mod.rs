//! The values of the template, calculated from the document and the settings.
//!
//! The template only repeats and places values. Names of paths and their patterns contain characters that have a
//! meaning for nginx. They are made from parsed templates and marked as safe. Every other text is checked when it is
//! written.

mod headers;
mod operation;

use crate::keys::Entry;
use crate::nginx::User;
use crate::settings::Settings;
use crate::{Failure, declaration, pattern};
use chassis::document::{Access, Document, Limit, LimitBy, STANDARD_LIMITS, Segment, Template};
use headers::Header;
use operation::{OperationView, PathView};
use serde::Serialize;

/// Most idle connections to the service that a worker keeps.
const MOST_IDLE: u32 = 256;

/// All values of the template.
#[derive(Debug, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "the template uses each one by its name")]
pub struct View {
    service: String,
    service_name: String,
    metrics_namespace: String,
    operation_metrics: bool,
    user: Option<User>,
    worker_processes: u32,
    connections: u32,
    hash_bucket: usize,
    listen: String,
    api_address: String,
    upstream_keepalive: u32,
    upstream_keepalive_timeout: String,
    trusted_proxies: Vec<String>,
    keys: Vec<KeyView>,
    key_patterns: Vec<String>,
    forwards_key: bool,
    /// Whether an operation needs a token.
    bearer: bool,
    joins_equal_headers: bool,
    headers: Vec<Header>,
    cookies: Vec<String>,
    limits: Vec<LimitView>,
    paths: Vec<PathView>,
    matched_paths: Vec<PathView>,
    operations: Vec<OperationView>,
}

#[derive(Debug, Serialize)]
struct KeyView {
    client: String,
    number: usize,
    key: String,
}

#[derive(Debug, Clone, Serialize)]
struct LimitView {
    name: String,
    variable: String,
    /// Whether it is neither `client` nor `address`.
    named: bool,
    by_client: bool,
    rate: u32,
    burst: u32,
    memory: &'static str,
}

impl View {
    /// Calculates all values. `joins_equal_headers` is a property of the nginx that reads the configuration.
    pub fn new(
        document: &Document,
        settings: &Settings,
        keys: &[Entry],
        user: Option<User>,
        joins_equal_headers: bool,
    ) -> Result<Self, Failure> {
        let service = &document.service;
        let limits: Vec<LimitView> =
            declaration::limits(document, settings)?.iter().map(limit).collect();
        let operations = document
            .operations
            .iter()
            .map(|declared| OperationView::new(declared, document, &limits))
            .collect();
        let mut paths: Vec<(&Template, PathView)> = document
            .paths()
            .into_iter()
            .map(|(path, declared)| (path, PathView::new(path, &declared, &limits)))
            .collect();
        let declared = paths.iter().map(|(_, view)| view.clone()).collect();
        // The document checker accepts two paths for one request only if one of them is more specific. That path has
        // fewer parameters.
        paths.sort_by_key(|(path, _)| parameters(path));
        let name = |set: &Option<String>| set.clone().unwrap_or_else(|| service.name.clone());
        let listen = || format!("0.0.0.0:{}", service.sidecar_port);
        let api_address = || format!("127.0.0.1:{}", service.port);
        Ok(Self {
            service: service.name.clone(),
            service_name: name(&settings.service_name),
            metrics_namespace: name(&settings.metrics_namespace),
            operation_metrics: document.operations.iter().any(|o| o.objectives.is_some()),
            user,
            worker_processes: settings.worker_processes,
            connections: service.connections,
            hash_bucket: hash_bucket(document),
            listen: settings.listen.map_or_else(listen, |address| address.to_string()),
            api_address: settings
                .api_address
                .as_ref()
                .map_or_else(api_address, ToString::to_string),
            upstream_keepalive: idle(service.connections, settings.worker_processes),
            upstream_keepalive_timeout: settings.upstream_keepalive_timeout.clone(),
            trusted_proxies: settings.trusted_proxies.iter().map(ToString::to_string).collect(),
            keys: keys.iter().map(key).collect(),
            key_patterns: pattern::keys(keys.iter().map(Entry::text)),
            forwards_key: settings.require_api_key && document.requires(Access::ApiKey),
            bearer: document.requires(Access::Bearer),
            joins_equal_headers,
            headers: headers::forwarded(document),
            cookies: headers::cookies(document),
            limits,
            paths: declared,
            matched_paths: paths.into_iter().map(|(_, view)| view).collect(),
            operations,
        })
    }
}

fn key(entry: &Entry) -> KeyView {
    KeyView { client: entry.client.clone(), number: entry.number, key: entry.text().into() }
}

fn limit(limit: &Limit) -> LimitView {
    LimitView {
        name: limit.name.clone(),
        variable: limit.name.replace('-', "_"),
        named: !STANDARD_LIMITS.contains(&limit.name.as_str()),
        by_client: limit.by == LimitBy::Client,
        rate: limit.rate,
        burst: limit.burst,
        memory: if limit.name == "client" { "1m" } else { "10m" },
    }
}

fn parameters(path: &Template) -> usize {
    path.segments().iter().filter(|segment| matches!(segment, Segment::Parameter(_))).count()
}

/// Idle connections of each worker. All workers together keep at most as many as the service accepts.
fn idle(connections: u32, workers: u32) -> u32 {
    (2 * connections / workers).clamp(1, MOST_IDLE)
}

/// The size for the longest key of a map: a method with the name of a path, and nginx's overhead.
fn hash_bucket(document: &Document) -> usize {
    let longest = document.operations.iter().map(|o| o.path.to_string().len()).max().unwrap_or(0);
    (longest + 40).next_power_of_two().max(128)
}
