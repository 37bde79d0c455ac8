//! The report of the setup: one line for each setting.

use super::api::Refusal;

/// The result for a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Done {
    /// GitHub had it already.
    Ok,
    /// GitHub did not have it.
    Set,
    /// GitHub had another value.
    Changed,
    /// GitHub had it, but must not.
    Removed,
}

/// A feature of every public repository. A private repository needs a paid plan for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feature {
    /// Environments with variables, secrets and a branch restriction.
    Environments,
    /// Reviewers who approve deployments to an environment.
    Reviewers,
    /// Rulesets.
    Rulesets,
}

impl Feature {
    /// Every feature, in the order of the table in docs/ci.md.
    pub const ALL: [Self; 3] = [Self::Environments, Self::Reviewers, Self::Rulesets];

    /// The feature's name in the table, and the plans that include it for a private repository.
    #[must_use]
    pub fn plan(self) -> (&'static str, &'static str) {
        match self {
            Self::Environments => (
                "environments with secrets and a branch restriction",
                "GitHub Pro, Team or Enterprise",
            ),
            Self::Reviewers => ("required reviewers of an environment", "GitHub Enterprise"),
            Self::Rulesets => ("rulesets and protected branches", "GitHub Pro, Team or Enterprise"),
        }
    }
}

/// Counts the printed lines.
#[derive(Debug)]
pub(super) struct Report {
    /// Compare only, and write nothing.
    check: bool,
    /// Whether the repository is private. Then the plan can be the reason of a refusal.
    private: bool,
    done: [u32; 4],
    missing: u32,
}

impl Report {
    pub(super) fn new(check: bool, private: bool) -> Self {
        Self { check, private, done: [0; 4], missing: 0 }
    }

    /// A setting that GitHub has.
    pub(super) fn ok(&mut self, what: &str) {
        self.line(Done::Ok, what);
    }

    /// Writes a setting that differs, except with `--check`. Returns whether GitHub has it now.
    pub(super) fn write<T>(
        &mut self,
        done: Done,
        what: &str,
        feature: Feature,
        write: impl FnOnce() -> anyhow::Result<Result<T, Refusal>>,
    ) -> anyhow::Result<bool> {
        if self.check {
            let differs = match done {
                Done::Removed => "exists, but must not",
                Done::Changed => "differs",
                Done::Ok | Done::Set => "is not set",
            };
            self.missing(what, differs);
            return Ok(false);
        }
        match write()? {
            Ok(_) => {
                self.line(done, what);
                Ok(true)
            }
            Err(refusal) => {
                self.refused(what, feature, &refusal);
                Ok(false)
            }
        }
    }

    /// A setting that GitHub refuses to return or to accept.
    pub(super) fn refused(&mut self, what: &str, feature: Feature, refusal: &Refusal) {
        let (_, plan) = feature.plan();
        let paid = format!(
            ". In a private repository this needs {plan} (docs/ci.md, \"Features of a paid plan\")"
        );
        self.missing(what, &format!("{refusal}{}", if self.private { &paid } else { "" }));
    }

    /// A setting that GitHub does not have after this run.
    pub(super) fn missing(&mut self, what: &str, reason: &str) {
        self.missing += 1;
        println!("missing  {what}: {reason}");
    }

    /// Prints the counts. Returns whether nothing is missing.
    pub(super) fn finish(self) -> bool {
        let [ok, set, changed, removed] = self.done;
        let missing = self.missing;
        println!("{ok} ok, {set} set, {changed} changed, {removed} removed, {missing} missing");
        missing == 0
    }

    fn line(&mut self, done: Done, what: &str) {
        self.done[done as usize] += 1;
        let word = match done {
            Done::Ok => "ok",
            Done::Set => "set",
            Done::Changed => "changed",
            Done::Removed => "removed",
        };
        println!("{word:<8} {what}");
    }
}
