//! A moment, as the database and the API show it: milliseconds since 1970, and RFC 3339 in UTC.

use serde::{Serialize, Serializer};
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// 9999-12-31T23:59:59.999Z: RFC 3339 has years of four digits.
const LATEST: i64 = 253_402_300_799_999;

/// Milliseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// A moment, in milliseconds since 1970.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Reads RFC 3339 with any offset. Digits below a millisecond are cut. A leap second, which a count of milliseconds
    /// does not have, becomes the last millisecond before it ends. `None` for another text and for a time before 1970.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let time = OffsetDateTime::parse(text, &Rfc3339).ok()?;
        let millis = time.unix_timestamp_nanos().div_euclid(1_000_000);
        i64::try_from(millis).ok().filter(|millis| (0..=LATEST).contains(millis)).map(Self)
    }

    /// In milliseconds since 1970.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// In whole seconds since 1970; 0 before that.
    #[must_use]
    pub fn as_secs(self) -> u64 {
        u64::try_from(self.0 / 1000).unwrap_or(0)
    }

    /// The moment this much later.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }

    /// The moment this much earlier, but not before 1970.
    #[must_use]
    pub fn before(self, duration: Duration) -> Self {
        let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Self(self.0.saturating_sub(millis).max(0))
    }

    /// The time from `earlier` to this moment; zero if `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl From<Duration> for Timestamp {
    /// The moment at this time since 1970.
    fn from(since: Duration) -> Self {
        Self(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

/// RFC 3339 in UTC with milliseconds.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let since = Duration::from_millis(u64::try_from(self.0).unwrap_or(0));
        humantime::format_rfc3339_millis(UNIX_EPOCH + since).fmt(f)
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        time.duration_since(UNIX_EPOCH).unwrap_or_default().into()
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamp_is_shown_in_utc_with_milliseconds() {
        let shown = Timestamp::from_millis(1_800_000_000_007).to_string();
        assert_eq!(shown, "2027-01-15T08:00:00.007Z");
    }

    #[test]
    fn text_of_any_offset_is_read() {
        for (text, expected) in [
            ("2027-01-15T08:00:00Z", Some("2027-01-15T08:00:00.000Z")),
            ("2027-01-15t08:00:00z", Some("2027-01-15T08:00:00.000Z")),
            ("2027-01-15T09:30:00.1239+01:30", Some("2027-01-15T08:00:00.123Z")),
            ("2027-01-14T20:15:00-11:45", Some("2027-01-15T08:00:00.000Z")),
            ("2016-12-31T23:59:60Z", Some("2016-12-31T23:59:59.999Z")),
            ("1970-01-01T00:00:00Z", Some("1970-01-01T00:00:00.000Z")),
            ("9999-12-31T23:59:59.999Z", Some("9999-12-31T23:59:59.999Z")),
            ("9999-12-31T23:59:59-00:01", None),
            ("1969-12-31T23:59:59.999Z", None),
            ("2027-02-29T08:00:00Z", None),
            ("2027-01-15T24:00:00Z", None),
            ("2027-01-15T08:00:00", None),
            ("2027-01-15", None),
            ("1800000000", None),
            ("", None),
        ] {
            let shown = Timestamp::parse(text).map(|time| time.to_string());
            assert_eq!(shown.as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn difference_of_two_moments_is_never_negative() {
        let (early, late) = (Timestamp::from_millis(1), Timestamp::from_millis(1001));
        assert_eq!(late.since(early), Duration::from_secs(1));
        assert_eq!(early.since(late), Duration::ZERO);
        assert_eq!(early.after(Duration::from_secs(1)), late);
    }
}
