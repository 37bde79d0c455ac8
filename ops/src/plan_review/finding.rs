//! What the review has to say: one finding, one sentence.

use serde::Deserialize;

/// How much a reviewer has to care, the most first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Level {
    /// It may break the service, let somebody in, or lose data.
    Danger,
    /// It is meant sometimes, and a mistake at others.
    Caution,
    /// It is what deployments do.
    Note,
}

/// The question that a finding answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Topic {
    /// Who can get in: ingress, IAM, keys, TLS.
    Access,
    /// What is kept, and what would be lost.
    Data,
    /// Whether callers notice.
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
            Self::Access => "Who can get in",
            Self::Data => "What is lost",
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
    /// How much a reviewer has to care.
    pub(super) level: Level,
    /// The question that it answers.
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
