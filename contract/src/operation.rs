//! The operation behind the contract, as far as the harness must know it: a path, a body that is accepted and
//! its answer. Who puts another operation in its place begins here; the tables in `data` follow.

/// The path.
pub const PATH: &str = "/sum";
/// A body that is accepted.
pub const GOOD: &str = r#"{"a":2,"b":40}"#;
/// The answer to [`GOOD`].
pub const ANSWER: &str = r#"{"sum":42}"#;

/// A body and its answer that are different for each number, so that no caller takes another one's answer for
/// its own.
#[must_use]
pub fn numbered(number: u64) -> (String, String) {
    (format!(r#"{{"a":{number},"b":1}}"#), format!(r#"{{"sum":{}}}"#, number + 1))
}
