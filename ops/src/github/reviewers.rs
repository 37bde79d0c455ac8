//! The people and teams that approve a deployment.

use anyhow::{Context as _, bail, ensure};
use serde_json::{Value, json};

use super::api;

/// GitHub's limit for one environment.
const MOST: usize = 6;

/// A person or a team, with its id on GitHub.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Reviewer {
    kind: Kind,
    id: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    User,
    Team,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Team => "Team",
        }
    }
}

impl Reviewer {
    /// Reads a reviewer from a rule of GitHub.
    pub(super) fn from_rule(rule: &Value) -> Option<Self> {
        let kind = [Kind::User, Kind::Team].into_iter().find(|kind| rule["type"] == kind.name())?;
        Some(Self { kind, id: rule["reviewer"]["id"].as_u64()? })
    }

    pub(super) fn to_json(&self) -> Value {
        json!({ "type": self.kind.name(), "id": self.id })
    }
}

/// Looks up logins and `ORG/TEAM`.
pub(super) fn find(names: &[String]) -> anyhow::Result<Vec<Reviewer>> {
    ensure!(names.len() <= MOST, "{} reviewers: GitHub takes {MOST} at most", names.len());
    names.iter().map(|name| find_one(name)).collect()
}

fn find_one(name: &str) -> anyhow::Result<Reviewer> {
    let is_login = |login: &str| {
        !login.is_empty() && login.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    };
    let (kind, path) = match name.split_once('/') {
        Some((org, team)) if is_login(org) && is_login(team) => {
            (Kind::Team, format!("orgs/{org}/teams/{team}"))
        }
        None if is_login(name) => (Kind::User, format!("users/{name}")),
        _ => bail!("reviewer `{name}`: expected a login or ORG/TEAM"),
    };
    let found = api::get(&path)?;
    let found = found.map_err(|refusal| anyhow::anyhow!("reviewer `{name}`: {refusal}"))?;
    let id = found["id"].as_u64().with_context(|| format!("{path}: GitHub returned no id"))?;
    Ok(Reviewer { kind, id })
}
