//! How many requests the API itself has seen.

use crate::connection::Connection;
use crate::http::Request;
use crate::operation;
use std::net::SocketAddr;

const COUNT: &str = "http_server_request_duration_seconds_count";

/// The requests that the API has answered.
#[derive(Debug, Clone)]
pub struct Metrics(String);

impl Metrics {
    /// Asks the private listener of the API.
    #[must_use]
    pub fn of(private: SocketAddr) -> Self {
        let mut connection = Connection::open(private).expect("the API accepts");
        let request = Request::get("/metrics").header("Connection", "close");
        let text = connection.ask(&request).expect("the API answers").expect_status(200).text();
        // A count under another name would be 0 for ever. The harness has asked for the API's health before.
        assert!(text.contains(COUNT), "no {COUNT} in:\n{text}");
        Self(text)
    }

    /// Requests to the operation, whatever the answer's status.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.total(is_call)
    }

    /// Those that were answered with 200.
    #[must_use]
    pub fn calls_served(&self) -> u64 {
        self.total(|labels| is_call(labels) && labels.contains(r#"status_code="200""#))
    }

    /// Requests in flight.
    #[must_use]
    pub fn active(&self) -> u64 {
        let value = |line: &str| line.strip_prefix("http_server_active_requests ")?.parse().ok();
        self.0.lines().find_map(value).expect("the API counts the requests in flight")
    }

    /// Requests answered, but for the harness's own looks at its health.
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

fn is_call(labels: &str) -> bool {
    labels.contains(&format!("http_route=\"{}\"", operation::PATH))
}
