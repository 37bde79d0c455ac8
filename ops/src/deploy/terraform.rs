//! Terraform in a root module, with the backend of one environment.

use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;

use super::fingerprint;

/// A root module.
#[derive(Debug)]
pub(super) struct Terraform {
    root: PathBuf,
    /// Folder for plans and logs. Plans hold values of the whole stack, so only the caller can read the folder.
    pub(super) scratch: PathBuf,
    /// Files with variables.
    variables: Vec<PathBuf>,
    /// Variables on the command line, for a plan and a destroy.
    settings: Vec<String>,
}

/// A saved plan.
#[derive(Debug)]
pub(super) struct Planned {
    file: PathBuf,
    /// The output of `terraform show -json`.
    pub(super) json: String,
    pub(super) json_file: PathBuf,
}

impl Terraform {
    /// `name` is the environment. Its plans and logs are in a folder below `.terraform`.
    pub(super) fn new(root: &Path, name: &str) -> anyhow::Result<Self> {
        let scratch = root.join(".terraform/deploy").join(name);
        DirBuilder::new().recursive(true).mode(0o700).create(&scratch)?;
        Ok(Self {
            root: root.to_owned(),
            scratch: scratch.canonicalize()?,
            variables: Vec::new(),
            settings: Vec::new(),
        })
    }

    /// Adds a file with variables.
    pub(super) fn read_variables(&mut self, file: &Path) -> anyhow::Result<()> {
        self.variables.push(file.canonicalize().with_context(|| file.display().to_string())?);
        Ok(())
    }

    /// Sets a variable. It overrides the files.
    pub(super) fn set(&mut self, variable: &str, value: &str) {
        self.settings.push(format!("-var={variable}={value}"));
    }

    /// Initialises the root module with a backend's configuration, unless it was initialised with the same one.
    ///
    /// The configuration names the state. So a command for one environment cannot reach the state of another one.
    pub(super) fn init(&self, backend: &str) -> anyhow::Result<()> {
        let text = |name| fs::read_to_string(self.root.join(name)).unwrap_or_default();
        // A new module or provider also needs another `init`.
        let parts = [backend, &text(".terraform.lock.hcl"), &text("services.tf")];
        let wanted = fingerprint::hash(&parts);
        let marker = self.root.join(".terraform/backend.sha256");
        if fs::read_to_string(&marker).is_ok_and(|found| found == wanted) {
            return Ok(());
        }
        let file = self.scratch.join("backend.hcl");
        fs::write(&file, backend)?;
        let option = format!("-backend-config={}", file.display());
        self.logged("init", &["-no-color", "-lockfile=readonly", "-reconfigure", &option])?;
        Ok(fs::write(marker, wanted)?)
    }

    /// Runs `terraform init` for another backend, and moves the state there.
    pub(super) fn move_state(&self, options: &[&str]) -> anyhow::Result<()> {
        let own = ["-no-color", "-lockfile=readonly", "-migrate-state", "-force-copy"];
        self.logged("init", &[&own, options].concat()).map(drop)
    }

    /// Plans into `scratch`, and reads the plan.
    pub(super) fn plan(&self, name: &str, options: &[&str]) -> anyhow::Result<Planned> {
        let file = self.scratch.join(name);
        let out = format!("-out={}", file.display());
        let own = ["-no-color", "-compact-warnings", "-lock-timeout=5m", &out];
        self.logged_with_variables("plan", name, &[&own, options].concat())?;
        let json = self.output("show", &["-json", &file.to_string_lossy()])?;
        let json_file = file.with_extension("json");
        fs::write(&json_file, &json)?;
        Ok(Planned { file, json, json_file })
    }

    /// Applies exactly this plan. Terraform prints its progress.
    pub(super) fn apply(&self, plan: &Planned) -> anyhow::Result<()> {
        let mut apply = self.command("apply");
        apply.args(["-no-color", "-compact-warnings", "-lock-timeout=5m"]).arg(&plan.file);
        let status = apply.stdin(Stdio::null()).status().context("cannot run terraform")?;
        ensure!(status.success(), "terraform apply: {status}");
        Ok(())
    }

    /// The outputs of the state, by name.
    pub(super) fn outputs(&self) -> anyhow::Result<Value> {
        let text = self.output("output", &["-json"])?;
        serde_json::from_str(&text).context("terraform output")
    }

    /// The addresses in the state.
    pub(super) fn addresses(&self) -> anyhow::Result<Vec<String>> {
        let text = self.output("state", &["list"])?;
        Ok(text.lines().map(str::to_owned).collect())
    }

    /// The number of resources in the state.
    pub(super) fn resources(&self) -> anyhow::Result<usize> {
        Ok(self.state()?["resources"].as_array().map_or(0, Vec::len))
    }

    /// Whether the state has a resource of this type.
    pub(super) fn holds(&self, kind: &str) -> anyhow::Result<bool> {
        let state = self.state()?;
        let mut resources = state["resources"].as_array().into_iter().flatten();
        Ok(resources.any(|resource| resource["type"] == kind && resource["mode"] == "managed"))
    }

    /// The state; `null` when it does not exist yet.
    fn state(&self) -> anyhow::Result<Value> {
        let text = self.output("state", &["pull"])?;
        if text.trim().is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_str(&text).context("terraform state pull")
    }

    /// The output of a subcommand, which must succeed.
    pub(super) fn output(&self, command: &str, options: &[&str]) -> anyhow::Result<String> {
        let mut terraform = self.command(command);
        terraform.args(options).stdin(Stdio::null()).stderr(Stdio::inherit());
        let output = terraform.output().context("cannot run terraform")?;
        ensure!(output.status.success(), "terraform {command}: {}", output.status);
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Runs a subcommand with the variables. Its output goes to a log. If it fails, the error has the last 40 lines.
    pub(super) fn logged_with_variables(
        &self,
        command: &str,
        log: &str,
        options: &[&str],
    ) -> anyhow::Result<()> {
        let files = self.variables.iter().map(|file| format!("-var-file={}", file.display()));
        let variables: Vec<String> = files.chain(self.settings.iter().cloned()).collect();
        let variables: Vec<&str> = variables.iter().map(String::as_str).collect();
        self.run(command, log, &[&variables, options].concat())
    }

    fn logged(&self, command: &str, options: &[&str]) -> anyhow::Result<()> {
        self.run(command, command, options)
    }

    fn run(&self, command: &str, log: &str, options: &[&str]) -> anyhow::Result<()> {
        let path = self.scratch.join(log).with_extension("log");
        let log = File::create(&path)?;
        let mut terraform = self.command(command);
        terraform.args(options).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let status = terraform.status().context("cannot run terraform: is it installed?")?;
        if !status.success() {
            let said = fs::read_to_string(&path)?;
            let lines: Vec<&str> = said.lines().collect();
            let end = lines[lines.len().saturating_sub(40)..].join("\n");
            bail!("terraform {command}: {status}\n{end}");
        }
        Ok(())
    }

    fn command(&self, command: &str) -> Command {
        let mut terraform = Command::new("terraform");
        terraform.arg(format!("-chdir={}", self.root.display())).arg(command);
        terraform.env("TF_IN_AUTOMATION", "1").env("TF_INPUT", "0");
        terraform
    }
}
