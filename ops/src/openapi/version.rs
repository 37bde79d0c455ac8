//! Versions, and whether one announces a breaking change (Semantic Versioning 2.0.0, points 4 and 8).

use std::str::FromStr;

use anyhow::Context as _;

/// `info.version`: major, minor and patch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(u64, u64, u64);

impl FromStr for Version {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let numbers: Option<Vec<u64>> = text.split('.').map(|part| part.parse().ok()).collect();
        match numbers.as_deref() {
            Some([major, minor, patch]) => Ok(Self(*major, *minor, *patch)),
            _ => Err(anyhow::anyhow!("`{text}` is no version such as 1.2.3")),
        }
        .context("/info/version")
    }
}

impl Version {
    /// Whether a document of this version may break callers of the older one: its first number is higher, or
    /// before 1.0.0 its second.
    #[must_use]
    pub fn announces_a_break_since(self, older: Self) -> bool {
        self.0 > older.0 || (self.0 == 0 && older.0 == 0 && self.1 > older.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_higher_first_number_announces_a_break_and_before_1_a_higher_second() {
        for (older, newer, announces) in [
            ("1.2.3", "2.0.0", true),
            ("1.2.3", "1.3.0", false),
            ("1.2.3", "1.2.4", false),
            ("2.0.0", "1.9.9", false),
            ("0.1.0", "0.2.0", true),
            ("0.1.0", "0.1.1", false),
            ("0.1.0", "0.1.0", false),
            ("0.9.0", "1.0.0", true),
            ("1.0.0", "0.9.0", false),
        ] {
            let version = |text: &str| text.parse::<Version>().unwrap();
            assert_eq!(
                version(newer).announces_a_break_since(version(older)),
                announces,
                "{older} {newer}"
            );
        }
    }

    #[test]
    fn what_is_no_version_is_refused() {
        for text in ["", "1", "1.2", "1.2.3.4", "1.2.x", "v1.2.3", "1.2.3-rc.1", "-1.0.0"] {
            assert!(text.parse::<Version>().is_err(), "{text}");
        }
    }
}
