//! Paths and keys as patterns for nginx.
//!
//! nginx matches the bytes of the request line, never a decoded path. A pattern is made only from a parsed template, so
//! all of its text is checked.

use chassis::document::{Segment, Template};
use std::fmt::Write as _;

/// The pattern of a parameter: 1 to 64 unreserved characters (RFC 3986, section 2.3), and neither `.` nor `..`.
const PARAMETER: &str = r"(?!\.\.?(?:[/?]|\z))[A-Za-z0-9._~-]{1,64}";
/// nginx reads at most 4,096 bytes for one parameter of its configuration.
const LONGEST: usize = 3000;

/// A pattern that matches the paths of a template, without an anchor.
#[must_use]
pub fn path(template: &Template) -> String {
    let segments = template.segments();
    if segments.is_empty() {
        return "/".into();
    }
    let mut pattern = String::new();
    for segment in segments {
        match segment {
            Segment::Static(text) => drop(write!(pattern, "/{}", literal(text))),
            Segment::Parameter(_) => drop(write!(pattern, "/{PARAMETER}")),
        }
    }
    pattern
}

/// Patterns that match a text that contains one of the keys.
#[must_use]
pub fn keys<'a>(keys: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut patterns: Vec<String> = Vec::new();
    for key in keys {
        match patterns.last_mut().filter(|pattern| pattern.len() < LONGEST) {
            Some(pattern) => drop(write!(pattern, "|{}", literal(key))),
            None => patterns.push(literal(key)),
        }
    }
    patterns
}

/// Escapes a key or segment. The dot is their only character with a meaning in a pattern.
fn literal(text: &str) -> String {
    text.replace('.', "[.]")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_pattern_consists_of_its_segments() {
        for (template, expected) in [
            ("/", "/"),
            ("/sum", "/sum"),
            ("/openapi.json", "/openapi[.]json"),
            ("/a-b_c~d", "/a-b_c~d"),
            ("/tasks/{id}", &format!("/tasks/{PARAMETER}")),
            ("/{a}/b/{c}", &format!("/{PARAMETER}/b/{PARAMETER}")),
        ] {
            assert_eq!(path(&Template::parse(template).unwrap()), expected);
        }
    }

    #[test]
    fn key_patterns_fit_into_nginx_limit() {
        assert_eq!(keys(["one.key_1", "two-key-2"].into_iter()), ["one[.]key_1|two-key-2"]);
        assert_eq!(keys([].into_iter()), Vec::<String>::new());
        let many: Vec<String> = (0..100).map(|n| format!("{n:03}{}", ".".repeat(125))).collect();
        let patterns = keys(many.iter().map(String::as_str));
        assert!(patterns.len() > 1 && patterns.iter().all(|pattern| pattern.len() < 4000));
        let count: usize = patterns.iter().map(|pattern| pattern.split('|').count()).sum();
        assert_eq!(count, 100);
    }
}
