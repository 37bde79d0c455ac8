//! The stage that the rehearsal and the drills play on: the applied stack, and what runs of it.
//!
//! An emulated AWS holds what Terraform applied; a runner starts the tasks that it registered; a
//! stand-in for the balancer sends requests to them; a scheduler does what ECS does with tasks.

pub mod address;
mod applying;
pub mod certificate;
pub mod emulator;
pub mod enclosure;
pub mod key;
pub mod load;
pub mod report;
pub mod service;
mod setup;

pub use setup::{Stage, Variables};

use std::path::PathBuf;

use anyhow::Context as _;
use enclosure::Wanted;

use crate::task::cgroup;

/// What both commands are told. `scripts/rehearse.sh` fills it in.
#[derive(Debug, Clone, clap::Args)]
pub struct StageArgs {
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
    /// How much of Fargate's isolation to build.
    #[arg(long, value_enum, default_value_t = Wanted::Best)]
    pub walls: Wanted,
    /// Set by the command for itself, once it is inside of its namespaces.
    #[arg(long, hide = true)]
    pub enclosed: Option<Wanted>,
    /// Set like it: the control group in which tasks get theirs.
    #[arg(long, hide = true)]
    pub cgroup: Option<PathBuf>,
}

/// Runs `act` inside of as many walls as the system allows: the command starts itself again in there.
pub fn on_stage<F>(args: &StageArgs, act: impl FnOnce(Wanted) -> F) -> anyhow::Result<bool>
where
    F: Future<Output = anyhow::Result<bool>>,
{
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("no runtime")?;
    let result = runtime.block_on(async {
        let Some(level) = args.enclosed else {
            let level = enclosure::choose(args.walls).await;
            let base = (level == Wanted::Full).then(cgroup::make_base).flatten();
            let result = enclosure::run_inside(level, base.as_deref()).await;
            base.as_deref().inspect(|base| cgroup::remove_base(base));
            return result;
        };
        if level != Wanted::None {
            enclosure::furnish().await?;
        }
        act(level).await
    });
    // A thread may still be waiting for a line on standard input.
    runtime.shutdown_background();
    result
}
