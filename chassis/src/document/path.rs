//! Path templates, and the check that at most one template matches a path.

use super::operation::Operation;
use super::reader::Faults;
use std::fmt;

/// A path template.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Template(Vec<Segment>);

/// One segment: the part between two slashes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Segment {
    /// This text: `A-Z a-z 0-9 . _ ~ -`. It does not begin with `_`.
    Static(String),
    /// A parameter of this name. Its value is 1 to 64 of the same characters, undecoded, and neither `.` nor `..`.
    Parameter(String),
}

/// Whether a segment can contain this byte: the unreserved characters of RFC 3986 (section 2.3).
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._~-".contains(&byte)
}

impl Segment {
    fn parse(text: &str) -> Option<Self> {
        if let Some(name) = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) {
            let valid = (1..=64).contains(&name.len())
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            return valid.then(|| Self::Parameter(name.into()));
        }
        let valid = !text.is_empty()
            && !text.starts_with('_')
            && text != "."
            && text != ".."
            && text.bytes().all(is_unreserved);
        valid.then(|| Self::Static(text.into()))
    }

    /// Whether this segment matches a segment of an undecoded path.
    #[must_use]
    pub fn matches(&self, sent: &str) -> bool {
        match self {
            Self::Static(text) => text == sent,
            Self::Parameter(_) => {
                (1..=64).contains(&sent.len())
                    && sent != "."
                    && sent != ".."
                    && sent.bytes().all(is_unreserved)
            }
        }
    }
}

impl Template {
    /// Reads a template such as `/tasks/{id}`. `None` if it is invalid.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix('/')?;
        if rest.is_empty() {
            return Some(Self(Vec::new()));
        }
        let segments: Vec<Segment> = rest.split('/').map(Segment::parse).collect::<Option<_>>()?;
        let mut names: Vec<&str> = segments
            .iter()
            .filter_map(|segment| match segment {
                Segment::Parameter(name) => Some(name.as_str()),
                Segment::Static(_) => None,
            })
            .collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        (names.len() == count).then_some(Self(segments))
    }

    /// Its segments; none for `/`.
    #[must_use]
    pub fn segments(&self) -> &[Segment] {
        &self.0
    }

    /// Whether it has no parameter.
    #[must_use]
    pub fn is_static(&self) -> bool {
        self.0.iter().all(|segment| matches!(segment, Segment::Static(_)))
    }

    /// Whether this template matches an undecoded path without its query.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        let Some(rest) = path.strip_prefix('/') else { return false };
        if self.0.is_empty() {
            return rest.is_empty();
        }
        let mut sent = rest.split('/');
        self.0.iter().all(|segment| sent.next().is_some_and(|sent| segment.matches(sent)))
            && sent.next().is_none()
    }

    /// The value of a parameter in a path that this template matches.
    #[must_use]
    pub fn parameter<'p>(&self, name: &str, path: &'p str) -> Option<&'p str> {
        let is_it =
            |segment: &Segment| matches!(segment, Segment::Parameter(other) if other == name);
        let place = self.0.iter().position(is_it)?;
        path.strip_prefix('/')?.split('/').nth(place)
    }

    /// Which of two templates takes precedence for a path that both match. `None` if no path matches both.
    fn precedence(&self, other: &Self) -> Option<Precedence> {
        if self.0.len() != other.0.len() {
            return None;
        }
        let mut found = Precedence::Same;
        for (ours, theirs) in self.0.iter().zip(&other.0) {
            let here = match (ours, theirs) {
                (Segment::Static(ours), Segment::Static(theirs)) if ours != theirs => return None,
                (Segment::Static(_), Segment::Parameter(_)) => Precedence::First,
                (Segment::Parameter(_), Segment::Static(_)) => Precedence::Second,
                _ => Precedence::Same,
            };
            found = match (found, here) {
                (found, Precedence::Same) => found,
                (Precedence::Same, here) => here,
                (found, here) if found == here => found,
                _ => Precedence::Neither,
            };
        }
        Some(found)
    }
}

/// Which of two templates is more specific.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Precedence {
    First,
    Second,
    /// They have the same shape.
    Same,
    /// Each is more specific in one place.
    Neither,
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("/");
        }
        for segment in &self.0 {
            match segment {
                Segment::Static(text) => write!(f, "/{text}")?,
                Segment::Parameter(name) => write!(f, "/{{{name}}}")?,
            }
        }
        Ok(())
    }
}

/// Reports two templates that can match one path, if neither of them is more specific in every segment. Also reports
/// templates that differ only in case: they match different paths, but people and tables of names confuse them.
pub(super) fn refuse_ambiguity(operations: &[Operation], faults: &mut Faults) {
    let mut paths: Vec<&Template> = Vec::new();
    for operation in operations {
        if !paths.contains(&&operation.path) {
            paths.push(&operation.path);
        }
    }
    for (number, second) in paths.iter().enumerate() {
        for first in &paths[..number] {
            let (earlier, later) = (first.to_string(), second.to_string());
            let at = || format!("/paths/{}", later.replace('~', "~0").replace('/', "~1"));
            if matches!(first.precedence(second), Some(Precedence::Same | Precedence::Neither)) {
                faults.add(&at(), format!("can match a path that {earlier} matches too"));
            } else if earlier.eq_ignore_ascii_case(&later) {
                faults.add(&at(), format!("differs from {earlier} in upper and lower case only"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(text: &str) -> Template {
        Template::parse(text).unwrap_or_else(|| panic!("{text}"))
    }

    #[test]
    fn template_round_trips_as_text() {
        for text in ["/", "/sum", "/openapi.json", "/tasks/{id}", "/a/{b}/c/{d_2}", "/~a-b_c"] {
            assert_eq!(template(text).to_string(), text);
        }
    }

    #[test]
    fn invalid_template_is_refused() {
        for text in [
            "",
            "sum",
            "//",
            "/sum/",
            "/a//b",
            "/_internal",
            "/a/_b",
            "/a b",
            "/a%20b",
            "/a;b",
            "/a{b}",
            "/{b}c",
            "/{}",
            "/{a-b}",
            "/{a}/{a}",
            "/.",
            "/a/..",
            "/a\"b",
            "/a$b",
            "/a?b",
            "/a#b",
            "/é",
        ] {
            assert_eq!(Template::parse(text), None, "{text}");
        }
    }

    #[test]
    fn parameter_matches_one_undecoded_segment() {
        let tasks = template("/tasks/{id}");
        let longest = "x".repeat(64);
        for id in ["a", "A-z.0_9~", "...", &longest] {
            assert!(tasks.matches(&format!("/tasks/{id}")), "{id}");
        }
        let longer = "x".repeat(65);
        for id in
            ["", ".", "..", "%2e", "%61", "a/b", "a/", "a;b", "a b", "é", "a\n", "a\0", &longer]
        {
            assert!(!tasks.matches(&format!("/tasks/{id}")), "{id:?}");
        }
        for path in ["/tasks", "/TASKS/a", "//tasks/a", "/tasks//a", "tasks/a", "/x/tasks/a"] {
            assert!(!tasks.matches(path), "{path}");
        }
        assert!(template("/").matches("/") && !template("/").matches("//"));
    }

    #[test]
    fn more_specific_template_comes_first() {
        for (one, two, expected) in [
            ("/tasks/mine", "/tasks/{id}", Some(Precedence::First)),
            ("/tasks/{id}", "/tasks/mine", Some(Precedence::Second)),
            ("/{a}/b/c", "/{a}/{b}/c", Some(Precedence::First)),
            ("/a/b", "/a/c", None),
            ("/a", "/a/{b}", None),
            ("/a/{b}/c", "/a/{b}/d", None),
            ("/a/{b}", "/a/{c}", Some(Precedence::Same)),
            ("/a/{b}", "/{a}/b", Some(Precedence::Neither)),
        ] {
            assert_eq!(template(one).precedence(&template(two)), expected, "{one} {two}");
        }
    }
}
