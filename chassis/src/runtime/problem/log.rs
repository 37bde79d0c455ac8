//! The log line of a request that failed in the service.

use crate::request_id::{Origin, RequestId};
use hyper::StatusCode;
use hyper::http::request::Parts;

/// Logs one line for each request that failed in the service. A refused request has only a line in the sidecar's
/// access log.
pub(crate) fn log(route: &str, parts: &Parts, id: &RequestId, status: StatusCode, cause: &str) {
    let origin = Origin::from_headers(&parts.headers);
    tracing::error!(
        request_id = id.as_str(),
        amzn_trace_id = origin.amzn_trace_id,
        traceparent = origin.traceparent,
        client = origin.client,
        method = %parts.method,
        route,
        status = status.as_u16(),
        cause,
        "request failed"
    );
}
