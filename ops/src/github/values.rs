//! Variables and secrets.

use serde_json::json;

use super::api::Repository;
use super::report::{Done, Feature, Report};

/// Sets the variables that differ. `place` is the path below the repository: `actions`, or an environment.
pub(super) fn set_variables(
    repository: &Repository,
    report: &mut Report,
    (place, label): (&str, &str),
    wanted: &[(&str, &str)],
) -> anyhow::Result<()> {
    if wanted.is_empty() {
        return Ok(());
    }
    let path = format!("{place}/variables");
    let there = match repository.list(&path, Some("variables"))? {
        Ok(there) => there,
        Err(refusal) => {
            report.refused(&format!("{label}: variables"), Feature::Environments, &refusal);
            return Ok(());
        }
    };
    for (name, value) in wanted {
        let what = format!("{label}: variable {name}");
        let body = json!({ "name": name, "value": value });
        match there.iter().find(|variable| variable["name"] == *name) {
            Some(variable) if variable["value"] == *value => report.ok(&what),
            Some(_) => {
                report.write(Done::Changed, &what, Feature::Environments, || {
                    repository.send("PATCH", &format!("{path}/{name}"), &body)
                })?;
            }
            None => {
                report.write(Done::Set, &what, Feature::Environments, || {
                    repository.send("POST", &path, &body)
                })?;
            }
        }
    }
    Ok(())
}

/// Sets the secrets of an environment that have a value. GitHub returns no values of secrets, so a given value is
/// always written. All secrets are optional, because the first keys exist only after the first deployment.
pub(super) fn set_secrets(
    repository: &Repository,
    report: &mut Report,
    environment: &str,
    wanted: &[(&str, Option<String>)],
) -> anyhow::Result<()> {
    if wanted.is_empty() {
        return Ok(());
    }
    let path = format!("environments/{environment}/secrets");
    let there = match repository.list(&path, Some("secrets"))? {
        Ok(there) => there,
        Err(refusal) => {
            report.refused(&format!("{environment}: secrets"), Feature::Environments, &refusal);
            return Ok(());
        }
    };
    for (name, value) in wanted {
        let what = format!("{environment}: secret {name}");
        let is_there = there.iter().any(|secret| secret["name"] == *name);
        match value {
            Some(value) => {
                let done = if is_there { Done::Changed } else { Done::Set };
                report.write(done, &what, Feature::Environments, || {
                    repository.set_secret(environment, name, value)
                })?;
            }
            None if is_there => report.ok(&what),
            None => println!(
                "optional {what}: export {name} in the shell that runs this command, and repeat it"
            ),
        }
    }
    Ok(())
}
