//! Runs the task that Terraform registered on this machine, as Fargate would run it.
//!
//! The steps are:
//!
//! 1. apply the stack against an emulated AWS, and read the registered task definition;
//! 2. run its tasks, and call them through an emulated balancer;
//! 3. deploy a new image under load;
//! 4. rotate the keys with `ops key` under load.
//!
//! docs/rehearsal.md lists what the rehearsal proves and what it cannot prove.

mod calls;
mod contract;
mod deploys;
mod ends;
mod isolation;
mod registered;
mod roles;
mod started;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use contract::Contract;

use crate::testbed::report::Report;
use crate::testbed::{self, Testbed};

/// Arguments of the command.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    testbed: testbed::TestbedArgs,
    /// Test program of the crate `contract`, run against a task.
    #[arg(long)]
    contract: Option<PathBuf>,
}

/// Runs the command; `Ok(false)` means that a check failed.
pub fn run(args: &Args) -> anyhow::Result<bool> {
    testbed::run(&args.testbed, "rehearsal", async |folder, report| {
        play(args, folder, report).await
    })
}

/// Number of callers of the load. Each stays below its rate limit.
const CALLERS: usize = 8;

async fn play(args: &Args, folder: &Path, report: &mut Report) -> anyhow::Result<()> {
    report.part("the stack, applied with the real provider");
    let (mut testbed, mut variables) = Testbed::up(&args.testbed, folder, report).await?;

    report.part("the registered task definition, balancer and roles");
    let definition = testbed.definition().await?;
    registered::check(&testbed, &definition, report)?;
    roles::check(&testbed, &definition, report).await?;
    let callers = (0..CALLERS).map(|n| format!("caller-{n}"));
    let clients: Vec<String> = callers.chain(["probe".to_owned()]).collect();
    let mut keys = testbed.add_keys(&clients).await?;
    let probe = keys.pop().context("no key was made")?;
    report.note(&format!("`ops key add` made a key for each of {} clients", clients.len()));

    report.part("the first deployment");
    let contract = Contract::start(&testbed, &definition, args.contract.as_ref(), &probe, report);
    let deployed = testbed.service.deploy(&definition).await?;
    report.note(&format!(
        "healthy after {:.1} s, in service after {:.1} s",
        deployed.running.as_secs_f32(),
        deployed.healthy.as_secs_f32()
    ));
    started::check(&testbed, &definition, report);
    isolation::check(&testbed, &keys, report).await;

    report.attempt("terraform apply succeeds", testbed.applied().await);

    report.part("calls through the balancer");
    calls::check(&testbed, &probe, report).await?;

    deploys::check(&mut testbed, &mut variables, &keys, report).await?;

    if let Some(contract) = contract {
        contract.end(report).await;
    }
    report.part("the end of all tasks");
    ends::check(&mut testbed, report).await;
    report.note(&format!("{:.0} s in total", report.seconds()));
    Ok(())
}
