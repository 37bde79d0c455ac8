//! A stack in an emulated AWS. It runs the steps of `ops deploy` as the workflows do.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};

use super::filled_runbook;
use crate::checks::equal;
use crate::command::{command, from_line, output, tail};
use crate::emulator::Emulator;
use crate::terraform::{Terraform, config};

/// Fixed, because a new commit during the run would change the plan.
const COMMIT: &str = "0000000000000000000000000000000000000000";

/// The stack, and the environment of the steps.
pub(super) struct Stack {
    root: PathBuf,
    pub(super) folder: PathBuf,
    pub(super) emulator: Emulator,
    environment: BTreeMap<String, String>,
}

/// A step that ended.
#[derive(Debug)]
pub(super) struct Step {
    code: i32,
    stdout: String,
    text: String,
    outputs: String,
    summary: String,
}

/// An image of the service, by a digest of one digit.
pub(super) fn image(container: &str, digit: u8) -> String {
    let digest = digit.to_string().repeat(64);
    format!("123456789012.dkr.ecr.us-east-1.amazonaws.com/sum-api/{container}@sha256:{digest}")
}

pub(super) fn api(digit: u8) -> String {
    image("api", digit)
}

impl Stack {
    /// An empty account, and the environment of the first deployment.
    pub(super) fn new(
        root: &Path,
        terraform: &Terraform,
        folder: PathBuf,
        ops: &Path,
    ) -> anyhow::Result<Self> {
        let emulator = Emulator::start(root, &folder.join("emulator"))?;
        let copy = terraform.ready(&root.join("terraform"), &folder.join("root"))?;
        let example = fs::read_to_string(root.join("terraform/terraform.tfvars.example"))?;
        let zone = emulator.probe("zone", "example.com")?;
        let variables = with_setting(&without_images(&example), &format!("zone_id = \"{zone}\""))?;
        let runbook = filled_runbook(root, &folder)?;
        let mut stack =
            Self { root: root.to_owned(), folder, emulator, environment: BTreeMap::new() };
        for (name, value) in [
            ("SERVICE", "sum"),
            // A local state. The commands of the laptop test the state in a bucket.
            ("TF_BACKEND", "path = \"terraform.tfstate\""),
            ("GITHUB_SHA", COMMIT),
            ("OPS", &ops.to_string_lossy()),
            ("DEPLOY_ROOT", &copy.folder.to_string_lossy()),
            ("TF_CLI_CONFIG_FILE", &config(root).to_string_lossy()),
            ("CHECKPOINT_DISABLE", "1"),
            // The processes live for seconds and spend a quarter of their time on garbage collection.
            ("GOGC", "400"),
            ("REVIEWED", ""),
            ("RUNBOOK", &runbook.to_string_lossy()),
            ("TF_VARS", &variables),
            ("API_IMAGE", &api(1)),
            ("NGINX_IMAGE", &image("nginx", 2)),
        ] {
            stack.set(name, value);
        }
        Ok(stack)
    }

    pub(super) fn set(&mut self, name: &str, value: &str) {
        self.environment.insert(name.to_owned(), value.to_owned());
    }

    pub(super) fn get(&self, name: &str) -> &str {
        self.environment.get(name).map_or("", String::as_str)
    }

    /// Runs a step that must succeed.
    pub(super) fn deploy(&self, step: &str) -> anyhow::Result<Step> {
        self.exits(0, step, &[])
    }

    /// Runs a step with changed variables. It must end with this exit code.
    pub(super) fn exits(
        &self,
        code: i32,
        step: &str,
        changes: &[(&str, &str)],
    ) -> anyhow::Result<Step> {
        let ran = self.run(&format!("cargo ops deploy {step}"), changes)?;
        ensure!(ran.code == code, "exit code {}\n{}", ran.code, tail(&ran.text, 40));
        Ok(ran)
    }

    /// Runs a step that must fail with these words.
    pub(super) fn refuses(
        &self,
        words: &str,
        step: &str,
        changes: &[(&str, &str)],
    ) -> anyhow::Result<()> {
        let ran = self.run(&format!("cargo ops deploy {step}"), changes)?;
        let text = tail(&ran.text, 40);
        ensure!(ran.code != 0, "it succeeded\n{text}");
        ensure!(ran.text.contains(words), "no {words:?} in\n{text}");
        Ok(())
    }

    /// Runs lines of the shell as the workflows run a step.
    pub(super) fn run(&self, script: &str, changes: &[(&str, &str)]) -> anyhow::Result<Step> {
        let [outputs, summary] = ["output", "summary"].map(|name| self.folder.join(name));
        File::create(&outputs)?;
        File::create(&summary)?;
        let mut shell = command("bash");
        self.emulator.connect(&mut shell);
        let script = script.replace("cargo ops", "\"$OPS\"");
        shell.args(["-e", "-c", &script]).current_dir(&self.root).envs(&self.environment);
        shell.env("GITHUB_OUTPUT", &outputs).env("GITHUB_STEP_SUMMARY", &summary);
        let ran =
            shell.envs(changes.iter().copied()).stdin(std::process::Stdio::null()).output()?;
        let [stdout, stderr] =
            [ran.stdout, ran.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        Ok(Step {
            code: ran.status.code().context("a signal ended the step")?,
            text: format!("{stdout}{stderr}"),
            stdout,
            outputs: fs::read_to_string(outputs)?,
            summary: fs::read_to_string(summary)?,
        })
    }

    /// Plans this image of the API, and applies the plan as reviewed.
    pub(super) fn release(&mut self, api: &str) -> anyhow::Result<Step> {
        self.set("API_IMAGE", api);
        self.set("NGINX_IMAGE", &image("nginx", 2));
        self.plan()?;
        self.run("cargo ops deploy apply", &[])
    }

    /// Plans, and marks the plan as reviewed.
    pub(super) fn plan(&mut self) -> anyhow::Result<Step> {
        let planned = self.deploy("plan")?;
        self.set("REVIEWED", planned.output("fingerprint"));
        Ok(planned)
    }

    /// Checks that ECS runs this image of the API.
    pub(super) fn runs(&self, api: &str) -> anyhow::Result<()> {
        let images = self.deploy("images")?.stdout;
        equal(&*format!("api_image={api}\nnginx_image={}\n", image("nginx", 2)), &*images)
    }

    /// Checks that the parameter, which new tasks read, contains this list of keys.
    pub(super) fn has_keys(&self, list: &str) -> anyhow::Result<()> {
        let found = self.emulator.probe("parameter", "/sum-api/production/api-key")?;
        ensure!(found == format!("SecureString {list}"), "another list");
        Ok(())
    }

    /// The number of deployments in ECS.
    pub(super) fn deployments(&self) -> anyhow::Result<usize> {
        let names = "--cluster sum-api-production --service sum-api-production";
        let query = "--query length(serviceDeployments)";
        Ok(self.ecs(&format!("list-service-deployments {names} {query}"))?.parse()?)
    }

    /// The grace period that the module gives its tasks.
    pub(super) fn grace_seconds(&self) -> anyhow::Result<u64> {
        let timing = fs::read(self.root.join("terraform/service/timing.json"))?;
        let timing: serde_json::Value = serde_json::from_slice(&timing)?;
        timing["grace_seconds"].as_u64().context("no grace_seconds")
    }

    /// Reads or changes the ECS service without Terraform.
    pub(super) fn ecs(&self, line: &str) -> anyhow::Result<String> {
        let mut aws = from_line(&format!("aws ecs {line}"));
        self.emulator.connect(&mut aws);
        Ok(output(aws.env("AWS_PAGER", ""))?.trim().to_owned())
    }
}

impl Step {
    /// The output of the step with this name, or an empty text.
    pub(super) fn output(&self, name: &str) -> &str {
        let mut outputs = self.outputs.lines().filter_map(|line| line.split_once('='));
        outputs.find(|(known, _)| *known == name).map_or("", |(_, value)| value)
    }

    /// The images in the outputs with this prefix.
    pub(super) fn images(&self, prefix: &str) -> [&str; 2] {
        ["api", "nginx"].map(|container| self.output(&format!("{prefix}{container}_image")))
    }

    pub(super) fn summarizes(&self, words: &str) -> anyhow::Result<()> {
        ensure!(self.summary.contains(words), "no {words:?} in\n{}", self.summary);
        Ok(())
    }

    /// Whether it succeeded.
    pub(super) fn succeeded(&self) -> bool {
        self.code == 0
    }

    /// The text on stderr.
    pub(super) fn complaint(&self) -> &str {
        &self.text[self.stdout.len()..]
    }

    /// The text on stdout.
    pub(super) fn printed(&self) -> &str {
        self.stdout.trim_end()
    }

    pub(super) fn ends_with(&self, code: i32) -> anyhow::Result<()> {
        ensure!(self.code == code, "exit code {}\n{}", self.code, self.text);
        Ok(())
    }
}

/// Variables without the block `images`, which a deployment sets.
fn without_images(variables: &str) -> String {
    let mut in_images = false;
    let keep = |line: &&str| {
        in_images |= *line == "images = {";
        let keep = !in_images;
        in_images &= *line != "}";
        keep
    };
    variables.lines().filter(keep).flat_map(|line| [line, "\n"]).collect()
}

/// Variables with a setting of the service, such as `scaling = { … }`. It replaces the setting with the same name.
pub(super) fn with_setting(variables: &str, setting: &str) -> anyhow::Result<String> {
    let start = variables.find("\n  sum = {\n").context("no service sum")? + "\n  sum = {\n".len();
    let (head, body) = variables.split_at(start);
    let name = setting.split(' ').next().unwrap_or_default();
    let is_old = |line: &&str| line.trim_start().split(' ').next() == Some(name);
    let body = body.lines().filter(|line| !is_old(line));
    let body: String = body.flat_map(|line| [line, "\n"]).collect();
    Ok(format!("{head}    {setting}\n{body}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const VARIABLES: &str = "region = \"x\"\nimages = {\n  sum = {\n  }\n}\nservices = {\n  sum = {\n    zone_id = \"a\"\n  }\n}\n";

    #[test]
    fn variables_omit_images_and_replace_a_setting() {
        let variables = without_images(VARIABLES);
        assert_eq!(
            variables,
            "region = \"x\"\nservices = {\n  sum = {\n    zone_id = \"a\"\n  }\n}\n"
        );
        let other = with_setting(&variables, "zone_id = \"b\"").unwrap();
        assert_eq!(other, variables.replace("\"a\"", "\"b\""));
        with_setting("services = {}\n", "zone_id = \"b\"").unwrap_err();
    }
}
