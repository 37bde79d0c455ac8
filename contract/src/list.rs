//! Lists that an assertion goes through.
//!
//! "Every line is clean" also holds for no line at all. So a list is counted before it is looked at: one that is
//! empty, or shorter than the test knows it to be, fails the test.

/// The items, of which there must be so many or more.
///
/// The minimum is what the list is known to hold: raise it when the list grows.
#[track_caller]
#[must_use]
pub fn at_least<I: IntoIterator>(minimum: usize, items: I) -> Vec<I::Item> {
    let items: Vec<I::Item> = items.into_iter().collect();
    assert!(minimum > 0, "a list that may be empty is not checked");
    assert!(items.len() >= minimum, "{} items, at least {minimum} are known", items.len());
    items
}

#[cfg(test)]
mod tests {
    use super::at_least;

    #[test]
    fn a_list_of_the_known_length_or_longer_passes() {
        assert_eq!(at_least(2, ["a", "b"]), ["a", "b"]);
        assert_eq!(at_least(1, &[1, 2]), [&1, &2]);
    }

    #[test]
    #[should_panic(expected = "1 items, at least 2 are known")]
    fn a_shorter_list_fails() {
        let _ = at_least(2, ["a"]);
    }

    #[test]
    #[should_panic(expected = "0 items, at least 1 are known")]
    fn an_empty_list_fails() {
        let _ = at_least(1, Vec::<u8>::new());
    }

    #[test]
    #[should_panic(expected = "may be empty")]
    fn a_minimum_of_nothing_is_no_check() {
        let _ = at_least(0, ["a"]);
    }
}
