//! The only list of the variables and secrets that the workflows read from GitHub.
//!
//! The setup writes them, docs/ci.md lists them, and a test compares the list with the workflows.

use std::fmt::Write as _;

/// The place of a setting: a GitHub environment, by its AWS role, or the repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The environment that can push images.
    Publish,
    /// The environment that can read the stack and plan.
    Plan,
    /// The environment that can change the stack. Reviewers approve its deployments.
    Apply,
    /// The repository, for jobs without an environment.
    Repository,
}

/// A variable or a secret.
#[derive(Debug)]
pub struct Setting {
    /// The name in the workflows.
    pub name: &'static str,
    /// The places that need it.
    pub scopes: &'static [Scope],
    /// Whether GitHub stores it as a secret, which cannot be read again.
    pub secret: bool,
    /// Whether the repository works without it.
    pub optional: bool,
    /// Description of the value, for the documentation.
    pub value: &'static str,
}

use Scope::{Apply, Plan, Publish, Repository};

const fn variable(name: &'static str, scopes: &'static [Scope], value: &'static str) -> Setting {
    Setting { name, scopes, secret: false, optional: false, value }
}

/// Every variable and secret.
pub const SETTINGS: [Setting; 9] = [
    variable("AWS_ROLE", &[Publish, Plan, Apply], "the AWS role of this environment"),
    variable("AWS_REGION", &[Publish, Plan, Apply], "the region"),
    variable("REGISTRY", &[Publish], "the host of the image repositories"),
    variable("TF_BACKEND", &[Plan, Apply], "the backend of the states: the output `backend`"),
    Setting {
        optional: true,
        ..variable(
            "TF_VARS",
            &[Plan, Apply],
            "the values of the environment, if they are not in the repository",
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
            "`accepted`, with `--accept-unreviewed` only: deployments need no approval",
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
