//! The testbed of the rehearsal and of the drills: the applied stack, and what runs of it.
//!
//! An emulated AWS holds what Terraform applied; a runner starts the tasks that it registered; a
//! stand-in for the balancer sends requests to them; a scheduler does what ECS does with tasks.

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

/// What both commands are told. `scripts/rehearse.sh` fills it in.
#[derive(Debug, Clone, clap::Args)]
pub struct TestbedArgs {
    /// The repository's root.
    #[arg(long, default_value = ".")]
    pub root: PathBuf,
    /// Folder of the service below services/.
    #[arg(long, env = "SERVICE")]
    pub service: String,
    /// Folder with the release builds of the service and of the sidecar, put where their images have them.
    #[arg(long, default_value = "target/release")]
    pub binaries: PathBuf,
    /// Python of the environment that holds the emulator.
    #[arg(long, default_value = ".tools/emulator/bin/python")]
    pub python: PathBuf,
    /// Initialised copy of the Terraform root; its state stays there.
    #[arg(long)]
    pub stack: PathBuf,
    /// Set by the command for itself, once it is inside of its namespaces.
    #[arg(long, hide = true)]
    pub inside: bool,
    /// Set like it: the control group in which tasks get theirs.
    #[arg(long, hide = true)]
    pub cgroup: Option<PathBuf>,
}

/// Runs `play` in namespaces of its own, with a scratch folder: the command starts itself again in there.
/// `Ok(false)` means that it ran and found something wrong.
pub fn run<F>(args: &TestbedArgs, name: &str, play: F) -> anyhow::Result<bool>
where
    F: AsyncFnOnce(&Path, &mut Report) -> anyhow::Result<()>,
{
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("no runtime")?;
    let result = runtime.block_on(async {
        if args.inside { inside(args, name, play).await } else { outside(name).await }
    });
    // A thread may still be waiting for a line on standard input.
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
        report.check(&format!("the {name} goes on to its end"), false, &format!("{error:#}"));
    }
    Ok(report.finish())
}
