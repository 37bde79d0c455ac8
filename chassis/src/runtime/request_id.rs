//! The ids that connect the log lines of one request: its own id, and the trace ids in its headers.
//!
//! A valid `X-Request-Id` of the caller is kept, so that the caller, the sidecar and the service use one id.
//! Otherwise the service makes a new id of 32 hexadecimal digits, the same form that nginx uses.

use crate::keys::is_client_name;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};

/// The request's id.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const X_AMZN_TRACE_ID: HeaderName = HeaderName::from_static("x-amzn-trace-id");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const X_API_CLIENT: HeaderName = HeaderName::from_static("x-api-client");

/// The two hexadecimal digits of each byte.
const HEX: [[u8; 2]; 256] = {
    let digits = *b"0123456789abcdef";
    let mut hex = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        hex[byte] = [digits[byte >> 4], digits[byte & 0xf]];
        byte += 1;
    }
    hex
};

/// Longest id that is accepted from a caller, in characters.
const MAX_ID: usize = 128;
/// Longest `X-Amzn-Trace-Id` that is logged, in characters.
const MAX_AMZN_TRACE: usize = 256;

/// An id that is safe in a header, in a JSON string and in a log: 1 to 128 of `A-Z a-z 0-9 . _ -`.
#[derive(Debug, Clone)]
pub struct RequestId(HeaderValue);

impl RequestId {
    /// The caller's id if it is valid, otherwise a new one.
    #[must_use]
    pub fn from_caller(given: Option<&HeaderValue>) -> Self {
        match given {
            Some(value) if is_sane(value.as_bytes()) => Self(value.clone()),
            _ => Self::fresh(),
        }
    }

    fn fresh() -> Self {
        let mut id = [0; 32];
        let random = fastrand::u128(..).to_ne_bytes();
        for (digits, byte) in id.as_chunks_mut().0.iter_mut().zip(random) {
            *digits = HEX[usize::from(byte)];
        }
        Self(HeaderValue::from_bytes(&id).expect("hexadecimal is visible ASCII"))
    }

    /// As text.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "the expectation cannot fail")]
    pub fn as_str(&self) -> &str {
        self.0.to_str().expect("only visible ASCII is let in")
    }

    /// As the value of `X-Request-Id`.
    #[must_use]
    pub fn into_header(self) -> HeaderValue {
        self.0
    }
}

/// Whether an id may contain a byte. It is a table, because the id of every request is checked byte by byte.
const SANE: [bool; 256] = {
    let mut sane = [false; 256];
    let mut byte = 0_u8;
    while byte < u8::MAX {
        sane[byte as usize] = byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        byte += 1;
    }
    sane
};

fn is_sane(id: &[u8]) -> bool {
    // Without an early exit, because an invalid id is rare.
    let all_sane = id.iter().fold(true, |sane, byte| sane & SANE[usize::from(*byte)]);
    (1..=MAX_ID).contains(&id.len()) && all_sane
}

/// The trace ids and the client in the headers. They are read only when a line is logged about the request.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Origin<'a> {
    /// `X-Amzn-Trace-Id`, as the load balancer set it.
    pub amzn_trace_id: Option<&'a str>,
    /// W3C `traceparent`.
    pub traceparent: Option<&'a str>,
    /// The client's name, as the sidecar set it.
    pub client: Option<&'a str>,
}

impl<'a> Origin<'a> {
    /// Takes the well-formed values and ignores the others.
    #[must_use]
    pub fn from_headers(headers: &'a HeaderMap) -> Self {
        let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        Self {
            amzn_trace_id: text(X_AMZN_TRACE_ID).filter(|id| is_amzn_trace_id(id)),
            traceparent: text(TRACEPARENT).filter(|value| is_traceparent(value)),
            client: text(X_API_CLIENT).filter(|name| is_client_name(name)),
        }
    }
}

/// Fields such as `Root=1-67891233-abcdef012345678912345678;Sampled=1`.
fn is_amzn_trace_id(value: &str) -> bool {
    value.len() <= MAX_AMZN_TRACE
        && value.contains('=')
        && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"=;:-_.".contains(&byte))
}

/// `version-traceid-parentid-flags` in lower-case hexadecimal (W3C Trace Context, section 3.2).
fn is_traceparent(value: &str) -> bool {
    let fields: Vec<&str> = value.split('-').collect();
    let lengths: Vec<usize> = fields.iter().map(|field| field.len()).collect();
    lengths == [2, 32, 16, 2]
        && fields
            .iter()
            .all(|field| field.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')))
        && fields[0] != "ff"
        && fields[1..3].iter().all(|id| id.bytes().any(|byte| byte != b'0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap()))
            .collect()
    }

    #[test]
    fn valid_id_is_kept() {
        for id in ["a", "0123-ABC.def_9", &"x".repeat(128)] {
            let given = HeaderValue::from_str(id).unwrap();
            assert_eq!(RequestId::from_caller(Some(&given)).as_str(), id);
        }
    }

    #[test]
    fn invalid_id_is_replaced() {
        for id in ["", "a b", "a\"b", "a,b", "naïve", &"x".repeat(129)] {
            let given = HeaderValue::from_str(id).unwrap();
            let (one, two) = (RequestId::from_caller(Some(&given)), RequestId::from_caller(None));
            assert_eq!(one.as_str().len(), 32, "{id:?}");
            assert!(one.as_str().bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')));
            assert_ne!(one.as_str(), two.as_str());
        }
    }

    #[test]
    fn only_well_formed_origins_are_taken() {
        let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let good = headers(&[
            (X_AMZN_TRACE_ID, "Root=1-67891233-abcdef012345678912345678"),
            (TRACEPARENT, trace),
            (X_API_CLIENT, "web-1"),
        ]);
        assert_eq!(
            Origin::from_headers(&good),
            Origin {
                amzn_trace_id: Some("Root=1-67891233-abcdef012345678912345678"),
                traceparent: Some(trace),
                client: Some("web-1"),
            }
        );
        for bad in [
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
        ] {
            let bad = headers(&[
                (X_AMZN_TRACE_ID, "{\"x\":1}"),
                (TRACEPARENT, bad),
                (X_API_CLIENT, "Web"),
            ]);
            assert_eq!(Origin::from_headers(&bad), Origin::default());
        }
    }
}
