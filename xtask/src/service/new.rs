//! Creates a new service and checks its files, tests, contract, plan and start.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::thread;
use std::time::Instant;

use anyhow::{Context as _, ensure};

use super::scratch::Scratch;
use super::{check_changed, check_package, report};
use crate::checks::{Checks, equal};
use crate::cleanup::Cleanup;
use crate::command::{output, said};
use crate::terraform::Terraform;

const NAME: &str = "my-orders";
const SHARED: [&str; 3] = ["Cargo.lock", "docker-compose.yaml", "terraform/services.tf"];
const OWN: [&str; 7] = [
    "Cargo.toml",
    "contract/greet.json",
    "nginx.conf",
    "openapi.json",
    "src/lib.rs",
    "src/main.rs",
    "tests/integration/main.rs",
];
const RESOURCES: [&str; 5] = [
    "aws_ecs_service",
    "aws_lb",
    "aws_cloudwatch_metric_alarm",
    "aws_cloudwatch_dashboard",
    "aws_cloudwatch_query_definition",
];
const ANSWER: &str = r#"{"greeting":"Hello, Ada!"}"#;

pub(super) fn check(root: &Path, copy: &Scratch, checks: &Checks) -> anyhow::Result<()> {
    let started = Instant::now();
    let make = |line: &str| said(&mut copy.command(&format!("make --no-print-directory {line}")));
    checks.check(format!("make service NAME={NAME}"), || make(&format!("service NAME={NAME}")));
    let own = OWN.iter().map(|file| format!("services/{NAME}/{file}"));
    let mut written: Vec<String> = SHARED.iter().map(|&file| file.to_owned()).chain(own).collect();
    written.sort_unstable();
    let name = "it writes only the folder of the service and the generated files";
    check_changed(copy, checks, name, &written);
    checks
        .check("the generated files match the documents", || said(&mut copy.ops("service check")));
    checks.check("Compose has both containers", || {
        let compose = fs::read_to_string(copy.folder.join("docker-compose.yaml"))?;
        let place = |line: &str| compose.find(line).with_context(|| line.to_owned());
        ensure!(place(&format!("\n  {NAME}:\n"))? < place(&format!("\n  {NAME}-nginx:\n"))?);
        Ok(())
    });
    check_package(copy, checks, "the new service", NAME);
    let contract = thread::scope(|scope| {
        // The contract tests mostly wait for limits and deadlines, so they run in parallel with the next checks.
        let contract = scope.spawn(|| copy.contract(NAME));
        check_plan(root, copy, checks);
        let start = check_start(copy, checks);
        start.and_then(|()| contract.join().ok().context("the contract panicked"))
    })?;
    checks.check("the contract holds for the new service", || contract);
    report(copy, NAME, "the new service", started);
    check_changed(copy, checks, "after the tests, no other file has changed", &written);
    Ok(())
}

/// Plans an environment with only this service, with a mocked provider.
fn check_plan(root: &Path, copy: &Scratch, checks: &Checks) {
    let mut planned = String::new();
    checks.check("terraform plans the new service", || {
        planned = plan(root, copy)?;
        Ok(())
    });
    for resource in RESOURCES {
        checks.check(format!("the plan has {resource} of the service"), || {
            let start = format!("  # module.{NAME}[0].{resource}.");
            ensure!(planned.lines().any(|line| line.starts_with(&start)), "no {start}");
            Ok(())
        });
    }
}

fn plan(root: &Path, copy: &Scratch) -> anyhow::Result<String> {
    let terraform = Terraform::find(root)?.map_err(anyhow::Error::msg)?;
    let folder = copy.folder.join(".run/plan/terraform");
    let stack = terraform.ready(&copy.folder.join("terraform"), &folder)?;
    let image = |container: &str, digit: &str| {
        let registry = "123456789012.dkr.ecr.us-east-1.amazonaws.com";
        format!("\"{registry}/{NAME}/{container}@sha256:{}\"", digit.repeat(64))
    };
    let certificate =
        "arn:aws:acm:us-east-1:123456789012:certificate/00000000-0000-0000-0000-000000000000";
    let test = format!(
        r#"mock_provider "aws" {{
  source = "./tests/mocks"
}}
mock_provider "aws" {{
  alias  = "us_east_1"
  source = "./tests/mocks"
}}
variables {{
  pager_connected = true
  images   = {{ {NAME} = {{ api = {}, nginx = {} }} }}
  services = {{ {NAME} = {{ certificate_arn = "{certificate}" }} }}
}}
run "new" {{
  command = plan
}}
"#,
        image("api", "1"),
        image("nginx", "2"),
    );
    fs::write(stack.folder.join("tests/new.tftest.hcl"), test)?;
    stack.run(&[
        "test",
        "-no-color",
        "-verbose",
        "-filter=tests/new.tftest.hcl",
        "-var-file=terraform.tfvars.example",
    ])
}

/// Starts the service on free ports, calls it with the suggested command, and stops it.
fn check_start(copy: &Scratch, checks: &Checks) -> anyhow::Result<()> {
    let listeners = [0; 3].map(|any| TcpListener::bind(("127.0.0.1", any)));
    let mut ports = Vec::new();
    for (name, listener) in ["API_PORT", "SIDECAR_PORT", "METRICS_PORT"].into_iter().zip(listeners)
    {
        ports.push((name, listener?.local_addr()?.port().to_string()));
    }
    let make = |target: &str| {
        let mut make = copy.command(&format!("make --no-print-directory {target} SERVICE={NAME}"));
        make.envs(ports.clone());
        make
    };
    let stop = format!("make --no-print-directory down SERVICE={NAME}");
    let _cleanup = Cleanup::new(&stop, |shell| copy.connect(shell))?;
    checks.check(format!("make up SERVICE={NAME}"), || said(&mut make("up")));
    checks.check("the suggested command returns the example response of the document", || {
        let text = output(&mut make("up"))?;
        let curl = text.lines().find(|line| line.starts_with("  curl ")).context(text.clone())?;
        let answer = output(copy.command("bash -c").arg(format!("{curl} --silent --show-error")))?;
        equal(ANSWER, answer.trim())
    });
    checks.check(format!("make down SERVICE={NAME}"), || said(&mut make("down")));
    Ok(())
}
