//! The one list of what the workflows read from GitHub.
//!
//! The set-up writes it, docs/ci.md prints it, and a test compares it with the workflows.

use std::fmt::Write as _;

/// Where a setting stands: in a GitHub environment, by the role of AWS that the environment gives, or in the repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The environment that may push images.
    Publish,
    /// The environment that may read the stack and plan.
    Plan,
    /// The environment that may change the stack. People approve what it does.
    Apply,
    /// The repository, for jobs without an environment.
    Repository,
}

/// A variable or a secret.
#[derive(Debug)]
pub struct Setting {
    /// The name, as the workflows read it.
    pub name: &'static str,
    /// Where it stands.
    pub scopes: &'static [Scope],
    /// Whether nobody may read it again.
    pub secret: bool,
    /// Whether the repository works without it.
    pub optional: bool,
    /// What the value is, for the documentation.
    pub value: &'static str,
}

use Scope::{Apply, Plan, Publish, Repository};

const fn variable(name: &'static str, scopes: &'static [Scope], value: &'static str) -> Setting {
    Setting { name, scopes, secret: false, optional: false, value }
}

/// Every variable and secret.
pub const SETTINGS: [Setting; 9] = [
    variable("AWS_ROLE", &[Publish, Plan, Apply], "the role of AWS that this environment gives"),
    variable("AWS_REGION", &[Publish, Plan, Apply], "the region"),
    variable("REGISTRY", &[Publish], "the host of the image repositories"),
    variable("TF_BACKEND", &[Plan, Apply], "where the states are: the output `backend`"),
    Setting {
        optional: true,
        ..variable(
            "TF_VARS",
            &[Plan, Apply],
            "the values of the environment, for those who keep them outside of the repository",
        )
    },
    Setting {
        optional: true,
        ..variable(
            "PLATFORM",
            &[Plan],
            "the architecture that `TF_VARS` names: `linux/arm64`, or `linux/amd64` without it",
        )
    },
    Setting {
        secret: true,
        optional: true,
        ..variable(
            "SMOKE_API_KEYS",
            &[Apply],
            "environment variable of that name: a JSON object with one key of each service by folder, such as `{\"sum\":\"KEY\"}`",
        )
    },
    variable("ENVIRONMENTS", &[Repository], "the environments of the stack, as a JSON list"),
    Setting {
        optional: true,
        ..variable(
            "UNREVIEWED_DEPLOYMENTS",
            &[Repository],
            "`accepted`, with `--accept-unreviewed` only: nobody has to approve",
        )
    },
];

impl Scope {
    /// The scope of a role of terraform/bootstrap.
    #[must_use]
    pub fn from_role(role: &str) -> Option<Self> {
        match role {
            "publish" => Some(Publish),
            "plan" => Some(Plan),
            "apply" => Some(Apply),
            _ => None,
        }
    }
}

/// The settings as a Markdown table, a row for each.
#[must_use]
pub fn table() -> String {
    let mut table = String::from(
        "| setting | `publish` | `plan` | `production` | value |\n|---|---|---|---|---|\n",
    );
    for Setting { name, scopes, secret, value, .. } in &SETTINGS {
        let kind = if *secret { "secret" } else { "variable" };
        let cells = [Publish, Plan, Apply].map(|scope| match scopes {
            _ if scopes.contains(&scope) => kind,
            _ => "–",
        });
        let [publish, plan, apply] = cells;
        let place = if *scopes == [Repository] { " (variable of the repository)" } else { "" };
        let _ = writeln!(table, "| `{name}`{place} | {publish} | {plan} | {apply} | {value} |");
    }
    table
}
