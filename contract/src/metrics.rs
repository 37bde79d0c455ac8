//! How many requests the API itself has seen.

use crate::connection::Connection;
use crate::http::Request;
use std::net::SocketAddr;

const COUNT: &str = "http_server_request_duration_seconds_count";

/// The requests that the API has answered.
#[derive(Debug, Clone)]
pub struct Metrics(String);

impl Metrics {
    /// Asks the API, past the sidecar.
    #[must_use]
    pub fn of(api: SocketAddr) -> Self {
        let mut connection = Connection::open(api).expect("the API accepts");
        let request = Request::get("/metrics").header("Connection", "close");
        Self(connection.ask(&request).expect("the API answers").expect_status(200).text())
    }

    /// Requests answered on `/sum`, whatever the status.
    #[must_use]
    pub fn sums(&self) -> u64 {
        self.total(|labels| labels.contains(r#"http_route="/sum""#))
    }

    /// Sums that were given.
    #[must_use]
    pub fn sums_ok(&self) -> u64 {
        self.total(|labels| {
            labels.contains(r#"http_route="/sum""#) && labels.contains(r#"status_code="200""#)
        })
    }

    /// Requests answered, but for the harness's own looks at metrics and health.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.total(|labels| {
            !["/metrics", "/healthz", "/readyz"].iter().any(|route| labels.contains(route))
        })
    }

    fn total(&self, wanted: impl Fn(&str) -> bool) -> u64 {
        let value = |line: &str| {
            let (labels, value) = line.strip_prefix(COUNT)?.rsplit_once(' ')?;
            wanted(labels).then(|| value.parse::<u64>().expect("a count"))
        };
        self.0.lines().filter_map(value).sum()
    }
}
