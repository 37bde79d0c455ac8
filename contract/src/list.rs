//! A minimum length for lists in assertions.
//!
//! An assertion about every item also holds for an empty list. Therefore a list that is empty or shorter than the known
//! length fails the test.

/// Returns the items. Fails the test if there are fewer than `minimum`.
///
/// The minimum is the known length of the list. Raise it when the list grows.
#[track_caller]
#[must_use]
pub fn at_least<I: IntoIterator>(minimum: usize, items: I) -> Vec<I::Item> {
    let items: Vec<I::Item> = items.into_iter().collect();
    assert!(minimum > 0, "the minimum must be at least 1, because the list may be empty");
    assert!(items.len() >= minimum, "{} items, at least {minimum} are known", items.len());
    items
}

#[cfg(test)]
mod tests {
    use super::at_least;

    #[test]
    fn list_with_known_length_or_longer_passes() {
        assert_eq!(at_least(2, ["a", "b"]), ["a", "b"]);
        assert_eq!(at_least(1, &[1, 2]), [&1, &2]);
    }

    #[test]
    #[should_panic(expected = "1 items, at least 2 are known")]
    fn shorter_list_fails() {
        let _ = at_least(2, ["a"]);
    }

    #[test]
    #[should_panic(expected = "0 items, at least 1 are known")]
    fn empty_list_fails() {
        let _ = at_least(1, Vec::<u8>::new());
    }

    #[test]
    #[should_panic(expected = "may be empty")]
    fn minimum_of_zero_fails() {
        let _ = at_least(0, ["a"]);
    }
}
