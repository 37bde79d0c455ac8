//! A copy of the applied root with its state in a bucket, as in an account. A killed run of Terraform leaves a lock
//! only in a bucket: a local lock ends with the process that holds it.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;
use tokio::process::Command;
use tokio::time::sleep;

use super::Testbed;
use super::emulator::{Emulator, REGION};
use crate::group::Group;

const BUCKET: &str = "drill-state";

/// The folder in which `init` has installed the providers.
const PROVIDERS: &str = ".terraform/providers";

/// Replaces the copied override, which keeps the state on this machine.
const OVERRIDE: &str = "provider \"aws\" {\n  max_retries = 3\n}\n";

/// Every alarm contains the address of the runbook, so this variable changes all alarms and nothing else.
const CHANGE: &str = "-var=runbook_url=https://example.com/moved/docs/runbook.md";

/// Number of changes, of about thirty, after which an apply is killed.
const DONE: usize = 5;

/// Longer than an apply takes.
const PATIENCE: Duration = Duration::from_mins(2);

/// The copy.
#[derive(Debug)]
pub struct Remote {
    emulator: Arc<Emulator>,
    folder: PathBuf,
}

impl Testbed {
    /// Copies the root with its state, and moves the state of the copy into a bucket.
    pub async fn remote(&self) -> anyhow::Result<Remote> {
        let folder = self.emulator.stack().with_file_name("remote");
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        let mut copy = Command::new("cp");
        copy.arg("-R").arg(self.emulator.stack()).arg(&folder);
        ensure!(copy.status().await?.success(), "the root cannot be copied");
        fs::write(folder.join("emulator_override.tf"), OVERRIDE)?;
        self.client.call::<Value>(&["s3api", "create-bucket", "--bucket", BUCKET]).await?;
        let remote = Remote { emulator: self.emulator.clone(), folder };
        let backend = [("bucket", BUCKET), ("key", "terraform.tfstate"), ("region", REGION)]
            .map(|(name, value)| format!("-backend-config={name}={value}"));
        // The copy uses the installed providers of the root, and downloads nothing.
        let providers = fs::canonicalize(self.emulator.stack().join(PROVIDERS))?;
        let _ = fs::remove_file(remote.folder.join(PROVIDERS));
        let plugins = format!("-plugin-dir={}", providers.display());
        let init = ["init", "-no-color", "-migrate-state", "-force-copy", "-lockfile=readonly"];
        let mut terraform = remote.emulator.terraform(&remote.folder);
        remote.run(terraform.args(init).arg(plugins).args(backend)).await?;
        Ok(remote)
    }
}

impl Remote {
    /// Kills an apply before its end. Returns the number of planned changes.
    ///
    /// # Errors
    ///
    /// Terraform ended before it was killed.
    pub async fn cut_off(&self) -> anyhow::Result<u32> {
        let file = self.folder.join("cut-off.log");
        let log = File::create(&file)?;
        let mut command = self.terraform("apply");
        command.args(["-auto-approve", "-refresh=false", "-parallelism=1"]);
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let mut terraform = command.process_group(0).spawn().context("cannot run terraform")?;
        let group = Group::from_leader(terraform.id());
        let begun = Instant::now();
        let text = loop {
            let text = fs::read_to_string(&file)?;
            if text.matches("Modifications complete").count() >= DONE {
                break text;
            }
            let goes_on = terraform.try_wait()?.is_none() && begun.elapsed() < PATIENCE;
            ensure!(goes_on, "terraform ended or took too long before it was killed: {text}");
            sleep(Duration::from_millis(100)).await;
        };
        // This sends SIGKILL to Terraform and its provider.
        drop(group);
        terraform.wait().await?;
        number_before(&text, " to change").context("the plan has no number of changes")
    }

    /// Whether a plan contains changes.
    ///
    /// # Errors
    ///
    /// Terraform cannot plan, for example because the state is locked. The error is Terraform's output.
    pub async fn plans_changes(&self) -> anyhow::Result<bool> {
        let output = self.terraform("plan").arg("-detailed-exitcode").output().await?;
        match output.status.code() {
            Some(0) => Ok(false),
            Some(2) => Ok(true),
            _ => bail!("{}", String::from_utf8_lossy(&output.stderr).trim()),
        }
    }

    /// Removes a lock.
    ///
    /// # Errors
    ///
    /// There is no lock with this id.
    pub async fn unlock(&self, id: &str) -> anyhow::Result<()> {
        let unlock = ["force-unlock", "-no-color", "-force", id];
        self.run(self.emulator.terraform(&self.folder).args(unlock)).await.map(drop)
    }

    /// Applies the remaining changes. Returns the number of changed resources.
    ///
    /// # Errors
    ///
    /// Terraform failed. The error is its output.
    pub async fn apply(&self) -> anyhow::Result<u32> {
        let said = self.run(self.terraform("apply").arg("-auto-approve")).await?;
        number_before(&said, " changed, ").context("terraform apply printed no summary")
    }

    /// A command of Terraform that needs variables.
    fn terraform(&self, command: &str) -> Command {
        let mut terraform = self.emulator.terraform(&self.folder);
        terraform.args([command, "-no-color", "-compact-warnings"]);
        let files = ["-var-file=terraform.tfvars.example", "-var-file=testbed.tfvars.json"];
        terraform.args(files).arg(CHANGE).stdin(Stdio::null());
        terraform
    }

    async fn run(&self, command: &mut Command) -> anyhow::Result<String> {
        let output = command.stdin(Stdio::null()).output().await.context("cannot run terraform")?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "terraform: {}", said.trim());
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

/// The id of the lock that Terraform could not acquire.
#[must_use]
pub fn lock_id(said: &str) -> Option<&str> {
    said.lines()
        .find_map(|line| line.trim_start_matches(['│', ' ']).strip_prefix("ID:"))
        .map(str::trim)
}

/// The last number directly before these words.
fn number_before(text: &str, words: &str) -> Option<u32> {
    let (before, _) = text.rsplit_once(words)?;
    before.rsplit([' ', ',']).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lock_id_differs_from_request_id() {
        let said = "Error: Error acquiring the state lock\n\nStatusCode: 412, RequestID:\n7Y26, HostID:\n9Gjj,\nLock Info:\n  ID:        7a491014-1921\n  Path:      b/k\n";
        assert_eq!(lock_id(said), Some("7a491014-1921"));
        assert_eq!(lock_id("StatusCode: 412, RequestID: 7Y26"), None);
    }

    #[test]
    fn number_of_changes_is_read_from_terraform_output() {
        let plan = "Plan: 0 to add, 31 to change, 0 to destroy.";
        assert_eq!(number_before(plan, " to change"), Some(31));
        let applied = "Apply complete! Resources: 0 added, 26 changed, 0 destroyed.";
        assert_eq!(number_before(applied, " changed, "), Some(26));
        assert_eq!(number_before("No changes.", " changed, "), None);
    }
}
