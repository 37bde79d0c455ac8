//! The header fields that the chassis uses, collected in one pass.
//!
//! A lookup by name would hash each of these names for every request. A head has few other fields, so one pass is
//! cheaper.

use hyper::header::{HeaderMap, HeaderValue};

/// The header fields that the chassis uses.
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
    /// `Expect`: the caller may wait for "100 Continue" before it sends its body.
    pub(crate) expects: bool,
}

/// A header field that a request must have at most once.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) enum HeaderField<'a> {
    /// The request does not have it.
    #[default]
    Absent,
    /// The single value.
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

    /// Whether there is exactly one `Content-Type` with this media type. Parameters are ignored: JSON is always UTF-8
    /// (RFC 8259, section 8.1), with any `charset`.
    pub(crate) fn are_of_type(&self, expected: &str) -> bool {
        let Some(value) = self.content_type.single() else { return false };
        // Nearly every caller sends the plain type. Comparing it is cheaper than parsing the value.
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
    fn absent_field_has_no_value() {
        let headers = headers(&[("host", "x"), ("x-api-keys", "CHANGEME")]);
        let fields = RequestHeaders::from_map(&headers);
        assert!(fields.request_id.is_none() && !fields.expects);
        assert_eq!((fields.api_key.single(), fields.content_type.single()), (None, None));
    }

    #[test]
    fn repeated_field_has_no_value() {
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
