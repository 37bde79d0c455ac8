//! The number of requests that the API has received.

use crate::connection::Connection;
use crate::http::Request;
use std::net::SocketAddr;

const COUNT: &str = "http_server_request_duration_seconds_count";

/// The metrics of the API.
#[derive(Debug, Clone)]
pub struct Metrics(String);

impl Metrics {
    /// Reads the metrics from the private listener of the API.
    #[must_use]
    pub fn at(private: SocketAddr) -> Self {
        let mut connection = Connection::open(private).expect("the API accepts");
        let request = Request::get("/metrics").header("Connection", "close");
        let text = connection.ask(&request).expect("the API answers").expect_status(200).text();
        // A renamed metric would always count as 0. The harness has sent probes before, so the metric must exist.
        assert!(text.contains(COUNT), "no {COUNT} in:\n{text}");
        Self(text)
    }

    /// Requests to a route with any response status.
    #[must_use]
    pub fn calls(&self, route: &str) -> u64 {
        self.total(|labels| is_call(labels, route))
    }

    /// Requests to a route with a 2xx response.
    #[must_use]
    pub fn calls_served(&self, route: &str) -> u64 {
        self.total(|labels| is_call(labels, route) && labels.contains(r#"status_code="2"#))
    }

    /// Requests in flight.
    #[must_use]
    pub fn active(&self) -> u64 {
        self.gauge("http_server_active_requests")
    }

    /// Open streams.
    #[must_use]
    pub fn streams(&self) -> u64 {
        self.gauge("http_server_open_streams")
    }

    fn gauge(&self, name: &str) -> u64 {
        let value = |line: &str| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok();
        self.0.lines().find_map(value).unwrap_or_else(|| panic!("no {name} in:\n{}", self.0))
    }

    /// Answered requests, without the probes of the harness.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.total(|labels| !["/healthz", "/readyz"].iter().any(|route| labels.contains(route)))
    }

    fn total(&self, wanted: impl Fn(&str) -> bool) -> u64 {
        let value = |line: &str| {
            let (labels, value) = line.strip_prefix(COUNT)?.rsplit_once(' ')?;
            wanted(labels).then(|| value.parse::<u64>().expect("a count"))
        };
        self.0.lines().filter_map(value).sum()
    }
}

fn is_call(labels: &str, route: &str) -> bool {
    labels.contains(&format!("http_route=\"{route}\""))
}
