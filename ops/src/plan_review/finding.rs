//! The findings of the review. Each finding is one sentence about one resource.

use serde::Deserialize;

/// The severity of a finding, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Level {
    /// It can break the service, give somebody access, or lose data.
    Danger,
    /// It is sometimes intended and sometimes a mistake.
    Caution,
    /// It is part of each normal deployment.
    Note,
}

/// The topic of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Topic {
    /// Ingress, IAM, keys, TLS.
    Access,
    /// Stored data, and its loss.
    Data,
    /// Effects on callers.
    Availability,
    /// Rate limits, alarms, logs.
    Limits,
}

impl Topic {
    /// In the order in which they are shown.
    pub(super) const ALL: [Self; 4] = [Self::Access, Self::Data, Self::Availability, Self::Limits];

    /// The topic as a heading.
    #[must_use]
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Access => "Access",
            Self::Data => "Data loss",
            Self::Availability => "Availability",
            Self::Limits => "Limits, alarms, logs",
        }
    }
}

impl Level {
    /// The mark in front of a finding.
    #[must_use]
    pub(super) const fn mark(self) -> &'static str {
        match self {
            Self::Danger => "🔴",
            Self::Caution => "🟡",
            Self::Note => "⚪",
        }
    }
}

/// One sentence about one resource.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Finding {
    /// Its severity.
    pub(super) level: Level,
    /// Its topic.
    pub(super) topic: Topic,
    /// The resource.
    pub(super) address: String,
    /// The sentence.
    pub(super) text: String,
}

impl Finding {
    /// A finding about a resource.
    #[must_use]
    pub(super) fn new(level: Level, topic: Topic, address: &str, text: String) -> Self {
        Self { level, topic, address: address.to_owned(), text }
    }
}
