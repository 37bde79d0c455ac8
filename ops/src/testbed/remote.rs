//! A copy of the applied root whose state is in a bucket, as in an account. What a killed run of Terraform leaves shows only
//! there: a lock on this machine ends with the process that holds it.

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

/// Where `init` has put them.
const PROVIDERS: &str = ".terraform/providers";

/// In place of the copied one, which keeps the state on this machine.
const OVERRIDE: &str = "provider \"aws\" {\n  max_retries = 3\n}\n";

/// Every alarm names the runbook, so another address of it changes each of them and nothing else.
const CHANGE: &str = "-var=runbook_url=https://example.com/moved/docs/runbook.md";

/// Changes after which an apply is killed. There are some thirty.
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
        // The providers of the root are its only source: nothing is downloaded here.
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
    /// An apply that is killed midway. How many changes it had planned.
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
            ensure!(goes_on, "terraform was not cut off: {text}");
            sleep(Duration::from_millis(100)).await;
        };
        // Ends it by SIGKILL, and its provider with it.
        drop(group);
        terraform.wait().await?;
        number_before(&text, " to change").context("the plan has no number of changes")
    }

    /// Whether a plan changes something.
    ///
    /// # Errors
    ///
    /// What Terraform says, when it cannot plan: the state is locked.
    pub async fn plans_changes(&self) -> anyhow::Result<bool> {
        let output = self.terraform("plan").arg("-detailed-exitcode").output().await?;
        match output.status.code() {
            Some(0) => Ok(false),
            Some(2) => Ok(true),
            _ => bail!("{}", String::from_utf8_lossy(&output.stderr).trim()),
        }
    }

    /// Takes a lock away.
    ///
    /// # Errors
    ///
    /// There is no lock with this id.
    pub async fn unlock(&self, id: &str) -> anyhow::Result<()> {
        let unlock = ["force-unlock", "-no-color", "-force", id];
        self.run(self.emulator.terraform(&self.folder).args(unlock)).await.map(drop)
    }

    /// Applies what is left. How many resources it changed.
    ///
    /// # Errors
    ///
    /// What Terraform says.
    pub async fn apply(&self) -> anyhow::Result<u32> {
        let said = self.run(self.terraform("apply").arg("-auto-approve")).await?;
        number_before(&said, " changed, ").context("terraform apply printed no summary")
    }

    /// A command of Terraform that takes variables.
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

/// The last number that stands right before these words.
fn number_before(text: &str, words: &str) -> Option<u32> {
    let (before, _) = text.rsplit_once(words)?;
    before.rsplit([' ', ',']).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_of_a_lock_is_not_that_of_a_request() {
        let said = "Error: Error acquiring the state lock\n\nStatusCode: 412, RequestID:\n7Y26, HostID:\n9Gjj,\nLock Info:\n  ID:        7a491014-1921\n  Path:      b/k\n";
        assert_eq!(lock_id(said), Some("7a491014-1921"));
        assert_eq!(lock_id("StatusCode: 412, RequestID: 7Y26"), None);
    }

    #[test]
    fn terraform_says_how_much_it_changes() {
        let plan = "Plan: 0 to add, 31 to change, 0 to destroy.";
        assert_eq!(number_before(plan, " to change"), Some(31));
        let applied = "Apply complete! Resources: 0 added, 26 changed, 0 destroyed.";
        assert_eq!(number_before(applied, " changed, "), Some(26));
        assert_eq!(number_before("No changes.", " changed, "), None);
    }
}
