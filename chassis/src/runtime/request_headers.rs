//! What the head of a request says that matters here, gathered in one pass.
//!
//! Looking each field up by its name would hash every name for every request; there are four of them, and
//! hardly more in the head.

use hyper::header::{HeaderMap, HeaderValue};

/// The header fields that decide something.
#[derive(Debug, Default)]
pub(crate) struct RequestHeaders<'a> {
    /// The first `X-Request-Id`.
    pub(crate) request_id: Option<&'a HeaderValue>,
    /// `X-Api-Key`
    pub(crate) api_key: HeaderField<'a>,
    /// `Authorization`
    pub(crate) authorization: HeaderField<'a>,
    /// `Content-Type`
    pub(crate) content_type: HeaderField<'a>,
    /// `Expect`: the caller may be waiting for a word before it sends its body.
    pub(crate) expects: bool,
}

/// A header field that a request has at most once.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) enum HeaderField<'a> {
    /// The request does not have it.
    #[default]
    Absent,
    /// The one value.
    Single(&'a HeaderValue),
    /// The request has it more than once.
    Repeated,
}

impl<'a> HeaderField<'a> {
    fn and(self, value: &'a HeaderValue) -> Self {
        match self {
            Self::Absent => Self::Single(value),
            Self::Single(_) | Self::Repeated => Self::Repeated,
        }
    }

    /// The value, when there is exactly one.
    pub(crate) fn single(self) -> Option<&'a [u8]> {
        match self {
            Self::Single(value) => Some(value.as_bytes()),
            Self::Absent | Self::Repeated => None,
        }
    }
}

impl<'a> RequestHeaders<'a> {
    /// Reads a head.
    pub(crate) fn from_map(headers: &'a HeaderMap) -> Self {
        let mut fields = Self::default();
        for (name, value) in headers {
            match name.as_str() {
                "x-request-id" => fields.request_id = fields.request_id.or(Some(value)),
                "x-api-key" => fields.api_key = fields.api_key.and(value),
                "authorization" => fields.authorization = fields.authorization.and(value),
                "content-type" => fields.content_type = fields.content_type.and(value),
                "expect" => fields.expects = true,
                _ => {}
            }
        }
        fields
    }

    /// Whether there is one `Content-Type`, and it is this one. Its parameters do not matter: JSON is UTF-8 (RFC 8259,
    /// section 8.1), whatever a `charset` says.
    pub(crate) fn are_of_type(&self, expected: &str) -> bool {
        let Some(value) = self.content_type.single() else { return false };
        // Nearly every caller sends the plain type, and comparing it is cheaper than taking a value apart.
        if value == expected.as_bytes() {
            return true;
        }
        let essence = value.split(|byte| *byte == b';').next().unwrap_or_default();
        essence.trim_ascii().eq_ignore_ascii_case(expected.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderName;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn what_is_not_there_is_never_given() {
        let headers = headers(&[("host", "x"), ("x-api-keys", "CHANGEME")]);
        let fields = RequestHeaders::from_map(&headers);
        assert!(fields.request_id.is_none() && !fields.expects);
        assert_eq!((fields.api_key.single(), fields.content_type.single()), (None, None));
    }

    #[test]
    fn a_field_given_twice_has_no_value() {
        let headers = headers(&[
            ("x-api-key", "CHANGEME"),
            ("content-type", "application/json"),
            ("expect", "100-continue"),
            ("content-type", "application/json"),
            ("x-request-id", "one"),
            ("x-request-id", "two"),
        ]);
        let fields = RequestHeaders::from_map(&headers);
        assert_eq!(fields.api_key.single(), Some(b"CHANGEME".as_slice()));
        assert_eq!(fields.content_type.single(), None);
        assert!(fields.expects);
        assert_eq!(fields.request_id.unwrap(), "one");
    }
}
