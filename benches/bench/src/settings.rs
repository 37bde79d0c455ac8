//! The autoscaling settings, read from where they are set: the simulation must not have a copy.

use std::fs;

use anyhow::{Context, Result};
use probe::program::root;

/// What decides how many tasks there are.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Fewest tasks.
    pub least: u32,
    /// Most tasks.
    pub most: u32,
    /// Requests a minute for each task that the first policy aims at.
    pub requests_per_target: f64,
    /// CPU in percent that the second policy aims at.
    pub cpu_percent: f64,
    /// Seconds after a scale-out in which only a larger one counts.
    pub out_cooldown: f64,
    /// Seconds after any change in which nothing is taken away.
    pub in_cooldown: f64,
    /// vCPUs of a task.
    pub vcpus: f64,
}

impl Settings {
    /// From `autoscaling.tf` and the defaults in `variables.tf` of the module `terraform/service/`.
    pub fn read() -> Result<Self> {
        let policies = terraform("autoscaling.tf")?;
        let variables = terraform("variables.tf")?;
        let cpu =
            policies.split_once("\"cpu\"").context("autoscaling.tf has a policy named cpu")?.1;
        let scaling =
            variables.split_once("variable \"scaling\"").context("there is a variable scaling")?.1;
        let size = variables
            .split_once("variable \"task_size\"")
            .context("there is a variable task_size")?
            .1;
        let scaling = after(scaling, "default")?;
        let size = after(size, "default")?;
        Ok(Self {
            least: number(scaling, "min")? as u32,
            most: number(scaling, "max")? as u32,
            requests_per_target: number(scaling, "requests_per_target")?,
            cpu_percent: number(cpu, "target_value")?,
            out_cooldown: number(&policies, "scale_out_cooldown")?,
            in_cooldown: number(&policies, "scale_in_cooldown")?,
            vcpus: number(size, "cpu")? / 1024.0,
        })
    }
}

fn terraform(name: &str) -> Result<String> {
    let path = root().join("terraform/service").join(name);
    fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))
}

fn after<'a>(text: &'a str, word: &str) -> Result<&'a str> {
    Ok(text.split_once(word).with_context(|| format!("no `{word}`"))?.1)
}

/// The number in the first `name = number`.
fn number(text: &str, name: &str) -> Result<f64> {
    let mut rest = text;
    while let Some((before, found)) = rest.split_once(name) {
        rest = found;
        let whole_word = !before.ends_with(|last: char| last.is_alphanumeric() || last == '_');
        let Some(value) = found.trim_start().strip_prefix('=') else { continue };
        let digits: String = value
            .trim_start()
            .chars()
            .take_while(|one| one.is_ascii_digit() || *one == '.')
            .collect();
        if let (true, Ok(value)) = (whole_word, digits.parse()) {
            return Ok(value);
        }
    }
    anyhow::bail!("no `{name} = number`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_settings_are_found() {
        let settings = Settings::read().unwrap();
        assert!(settings.least >= 1 && settings.most >= settings.least);
        assert!(settings.vcpus >= 0.25 && settings.cpu_percent < 100.0);
        assert!((number("max_x = 3 max = 4", "max").unwrap() - 4.0).abs() < 1e-9);
    }
}
