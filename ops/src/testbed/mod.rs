//! The testbed of the rehearsal and of the drills: the applied stack with running tasks.
//!
//! - An emulated AWS stores what Terraform applied.
//! - A runner starts the registered tasks.
//! - An emulated balancer sends requests to them.
//! - A scheduler replaces tasks as ECS does.

pub mod address;
mod applying;
pub mod certificate;
pub mod emulator;
pub mod key;
pub mod load;
pub mod namespaces;
pub mod remote;
pub mod report;
pub mod service;
mod setup;

pub use setup::{Testbed, Variables};

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use report::Report;

use crate::task::cgroup;

/// Arguments of both commands. `scripts/rehearse.sh` sets them.
#[derive(Debug, Clone, clap::Args)]
pub struct TestbedArgs {
    /// The repository's root.
    #[arg(long, default_value = ".")]
    pub root: PathBuf,
    /// Folder of the service below services/.
    #[arg(long, env = "SERVICE")]
    pub service: String,
    /// Folder with the release builds of the service and of the sidecar. They are mounted at their paths in the images.
    #[arg(long, default_value = "target/release")]
    pub binaries: PathBuf,
    /// Python of the environment with the emulator.
    #[arg(long, default_value = ".tools/emulator/bin/python")]
    pub python: PathBuf,
    /// Initialised copy of the Terraform root; its state stays there.
    #[arg(long)]
    pub stack: PathBuf,
    /// Set by the command for the process in its namespaces.
    #[arg(long, hide = true)]
    pub inside: bool,
    /// Set by the command: the control group that contains those of the tasks.
    #[arg(long, hide = true)]
    pub cgroup: Option<PathBuf>,
}

/// Runs `play` in its own namespaces, with a scratch folder: the command starts itself again in the namespaces.
/// `Ok(false)` means that a check failed.
pub fn run<F>(args: &TestbedArgs, name: &str, play: F) -> anyhow::Result<bool>
where
    F: AsyncFnOnce(&Path, &mut Report) -> anyhow::Result<()>,
{
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("no runtime")?;
    let result = runtime.block_on(async {
        if args.inside { inside(args, name, play).await } else { outside(name).await }
    });
    // A thread can still wait for standard input, so do not wait for the threads.
    runtime.shutdown_background();
    result
}

async fn outside(name: &str) -> anyhow::Result<bool> {
    if let Some(reason) = namespaces::refused().await? {
        let mut report = Report::default();
        report.skip(name, &reason);
        let _ = report.finish();
        return Ok(true);
    }
    let base = cgroup::make_base();
    let result = namespaces::run_inside(base.as_deref()).await;
    base.as_deref().inspect(|base| cgroup::remove_base(base));
    result
}

async fn inside<F>(args: &TestbedArgs, name: &str, play: F) -> anyhow::Result<bool>
where
    F: AsyncFnOnce(&Path, &mut Report) -> anyhow::Result<()>,
{
    namespaces::prepare(args.cgroup.is_some()).await?;
    let prefix = format!("{name}-");
    let folder = tempfile::Builder::new().prefix(&prefix).tempdir().context("no scratch folder")?;
    let mut report = Report::default();
    let ended = tokio::select! {
        played = play(folder.path(), &mut report) => played,
        stopped = namespaces::stopped() => stopped,
    };
    if let Err(error) = ended {
        report.check(&format!("the {name} ran to its end"), false, &format!("{error:#}"));
    }
    Ok(report.finish())
}
