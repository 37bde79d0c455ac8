//! Environment variables.

/// The value of an environment variable. An empty one counts as missing, because a workflow passes a missing input as
/// an empty text.
pub(crate) fn given(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
