//! Variables of the environment.

/// The value of a variable. An empty one counts as missing: a workflow passes an input that nobody gave as an empty
/// text.
pub(crate) fn given(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
