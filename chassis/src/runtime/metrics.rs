//! The metrics of `/metrics`, named by OpenTelemetry's conventions for HTTP servers.
//!
//! One histogram contains the count and the duration of requests by method, route and status. Its `_count` is
//! the number of requests, as in the conventions. The buckets start at 10 µs, because a sum takes microseconds. The
//! buckets of the conventions start at 5 ms and would put every request into the first one.
//!
//! The series of 200 responses are created at start, so that a request needs no lookup. They start at zero, so
//! that a rate over the first minutes of a task exists.

use crate::router::{Endpoint, Route, Router};
use crate::service::Build;
use hyper::{Method, StatusCode};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The media type of [`Exposition::encode`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Upper bounds, in seconds. 10 µs to 1 ms cover the work itself. The others cover waiting, up to the body's
/// deadline.
const BUCKETS: [f64; 16] = [
    0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025,
    0.1, 0.25, 1.0, 2.5, 5.0,
];

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Labels {
    http_request_method: &'static str,
    /// Empty for an unknown route. Prometheus treats an empty label as absent.
    http_route: String,
    /// Empty if no operation was found.
    operation: String,
    http_response_status_code: u16,
}

type Durations = Family<Labels, Histogram, fn() -> Histogram>;

/// The text of all metrics of a process.
#[derive(Debug)]
pub struct Exposition {
    registry: Registry,
    own: Arc<Mutex<Registry>>,
}

impl Exposition {
    /// The build that runs, and the metrics `own` that the service counts itself.
    #[must_use]
    pub fn new(service: &str, build: Build, own: Arc<Mutex<Registry>>) -> Self {
        let mut registry = Registry::default();
        let revision = build.revision.unwrap_or("unknown");
        let info = Info::new([("version", build.version), ("revision", revision)]);
        registry.register(format!("{}_build", prefix(service)), "What is running", info);
        Self { registry, own }
    }

    /// The text format of `OpenMetrics`, which Prometheus reads.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "the expectation cannot fail")]
    pub fn encode(&self) -> String {
        let mut text = String::new();
        let own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        encode_registry(&mut text, &self.registry)
            .and_then(|()| encode_registry(&mut text, &own))
            .and_then(|()| encode_eof(&mut text))
            .expect("writing to a string cannot fail");
        text
    }
}

/// The beginning of the names of the process's own metrics.
fn prefix(service: &str) -> String {
    service.replace('-', "_")
}

/// The metrics of requests and connections.
#[derive(Debug)]
pub struct Metrics {
    exposition: Arc<Exposition>,
    durations: Durations,
    /// The histogram of 200 responses of each endpoint, by the endpoint's number.
    successes: Vec<Histogram>,
    active: Gauge,
    streams: Gauge,
    connections: Gauge,
}

impl Metrics {
    /// The metrics of a service. `own` are those that the service counts itself.
    #[must_use]
    pub fn new<O: Copy>(
        service: &str,
        build: Build,
        router: &Router<O>,
        own: Arc<Mutex<Registry>>,
    ) -> Self {
        let durations = Durations::new_with_constructor(|| Histogram::new(BUCKETS));
        let [active, streams, connections] = [(); 3].map(|()| Gauge::default());
        let mut exposition = Exposition::new(service, build, own);
        let registry = &mut exposition.registry;
        registry.register_with_unit(
            "http_server_request_duration",
            "Time from a request's head to its response",
            Unit::Seconds,
            durations.clone(),
        );
        registry.register("http_server_active_requests", "Requests in flight", active.clone());
        registry.register("http_server_open_streams", "Responses that stream", streams.clone());
        let open = format!("{}_open_connections", prefix(service));
        registry.register(open, "Connections open", connections.clone());
        let mut endpoints: Vec<_> = router.endpoints().collect();
        endpoints.sort_by_key(|(_, endpoint)| endpoint.number);
        let success = |(route, endpoint): &(&Route<O>, &Endpoint<O>)| {
            durations.get_or_create_owned(&Labels {
                http_request_method: method_label(endpoint.method()),
                http_route: route.label.clone(),
                operation: endpoint.id.clone(),
                http_response_status_code: StatusCode::OK.as_u16(),
            })
        };
        let successes = endpoints.iter().map(success).collect();
        let exposition = Arc::new(exposition);
        Self { exposition, durations, successes, active, streams, connections }
    }

    /// Counts a request as in flight until the guard is dropped, also when its connection breaks.
    #[must_use]
    pub fn enter(&self) -> InFlight<'_> {
        self.active.inc();
        InFlight(&self.active)
    }

    /// Counts a stream as open until the guard is dropped. Its request was counted with its head, because the length
    /// of a stream does not show the speed of the service.
    #[must_use]
    pub fn open_stream(&self) -> OpenStream {
        self.streams.inc();
        OpenStream(self.streams.clone())
    }

    /// Sets the number of open connections.
    pub fn connections(&self, open: usize) {
        self.connections.set(i64::try_from(open).unwrap_or(i64::MAX));
    }

    /// Counts an answered request.
    pub fn observe<O>(
        &self,
        method: &Method,
        route: Option<&Route<O>>,
        endpoint: Option<&Endpoint<O>>,
        status: StatusCode,
        took: Duration,
    ) {
        let took = took.as_secs_f64();
        if let Some(endpoint) = endpoint
            && status == StatusCode::OK
            && endpoint.is_for(method)
        {
            self.successes[endpoint.number].observe(took);
            return;
        }
        let labels = Labels {
            http_request_method: method_label(method),
            http_route: route.map_or_else(String::new, |route| route.label.clone()),
            operation: endpoint.map_or_else(String::new, |endpoint| endpoint.id.clone()),
            http_response_status_code: status.as_u16(),
        };
        self.durations.get_or_create(&labels).observe(took);
    }

    /// The text of these and all other metrics of the process.
    #[must_use]
    pub fn exposition(&self) -> &Arc<Exposition> {
        &self.exposition
    }
}

/// All other methods share one value, so that a caller cannot create any number of series.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::PATCH => "PATCH",
        Method::OPTIONS => "OPTIONS",
        Method::CONNECT => "CONNECT",
        Method::TRACE => "TRACE",
        _ => "_OTHER",
    }
}

/// A request in flight.
#[derive(Debug)]
pub struct InFlight<'a>(&'a Gauge);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// An open stream.
#[derive(Debug)]
pub struct OpenStream(Gauge);

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.0.dec();
    }
}
