//! The task that Terraform registered, run on this machine as Fargate would run it.
//!
//! Apply against an emulated AWS, read back what was registered, run it, call it through a stand-in
//! for the balancer, deploy a new image under load, rotate the keys by `ops key` under load. What it proves and
//! what it cannot: docs/rehearsal.md.

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
    /// Test program of the crate `contract`, run through the balancer.
    #[arg(long)]
    contract: Option<PathBuf>,
}

/// Runs the command; `Ok(false)` means that it ran and found something wrong.
pub fn run(args: &Args) -> anyhow::Result<bool> {
    testbed::run(&args.testbed, "rehearsal", async |folder, report| {
        play(args, folder, report).await
    })
}

/// Callers of the load, each below its limit.
const CALLERS: usize = 8;

async fn play(args: &Args, folder: &Path, report: &mut Report) -> anyhow::Result<()> {
    report.part("the stack, applied with the real provider");
    let (mut testbed, mut variables) = Testbed::up(&args.testbed, folder, report).await?;

    report.part("what was registered");
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

    report.attempt("terraform apply ends well", testbed.applied().await);

    report.part("calls through the balancer");
    calls::check(&testbed, &probe, report).await?;

    deploys::check(&mut testbed, &mut variables, &keys, report).await?;

    if let Some(contract) = contract {
        contract.end(report).await;
    }
    report.part("the way out");
    ends::check(&mut testbed, report).await;
    report.note(&format!("{:.0} s in all", report.seconds()));
    Ok(())
}
