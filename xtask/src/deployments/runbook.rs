//! Runs every command of docs/runbook.md against the emulated AWS, as a person pastes it.
//!
//! Each command runs once, in bash, after the variables and helpers of the page. It must succeed, print nothing to
//! stderr and print at most 15 lines. [`crate::runbook::NOT_RUN`] lists the commands that the emulator cannot answer.
//! The check fails if the emulator answers a listed command, or if a line of the list matches no command.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context as _, ensure};

use super::stack::Stack;
use crate::checks::{Checks, equal};
use crate::runbook::page::{Page, helper};
use crate::runbook::{NOT_RUN, not_run, table};

/// Failures must not be retried.
const CLIENT: [(&str, &str); 1] = [("AWS_MAX_ATTEMPTS", "1")];
/// The emulator needs no waiting. Version 1 of the AWS CLI ignores the endpoint variable for SQS.
const STAND_INS: &str = r#"
sleep() { :; }
aws() {
  if [ "$1" = sqs ]; then command aws --endpoint-url "$AWS_ENDPOINT_URL" "$@"; else command aws "$@"; fi
}
"#;
/// More lines do not fit on the screen.
const MOST_LINES: usize = 15;

/// Creates resources of an incident that the emulator does not create: two tasks, one of them stopped, log lines, an
/// alarm and objects. Also creates resources of features that are off in this stack. The last lines print the values
/// for the placeholders of the page.
const INCIDENT: &str = r#"
value() { aws "$@" --output text; }
group=$(value elbv2 describe-target-groups --names "$ID" --query 'TargetGroups[0].TargetGroupArn')
balancer=$(value elbv2 describe-load-balancers --names "$ID" --query 'LoadBalancers[0].LoadBalancerArn')
bucket=$(value elbv2 describe-load-balancer-attributes --load-balancer-arn "$balancer" --query "Attributes[?Key=='access_logs.s3.bucket'].Value")
network=$(aws ecs describe-services --cluster "$ID" --services "$ID" --query 'services[0].networkConfiguration' --output json)
value ecs register-task-definition --family incident --network-mode awsvpc --container-definitions '[{"name":"api","image":"x","memory":64}]' --query x >/dev/null
start() { value ecs run-task --cluster "$ID" --task-definition incident --launch-type FARGATE --network-configuration "$network" --query 'tasks[0].taskArn'; }
task=$(start)
value ecs stop-task --cluster "$ID" --task "$(start)" --query x >/dev/null
address=$(value ecs describe-tasks --cluster "$ID" --tasks "$task" --query "tasks[0].attachments[0].details[?name=='privateIPv4Address'].value")
aws elbv2 register-targets --target-group-arn "$group" --targets "Id=$address"
aws logs create-log-group --log-group-name "aws-waf-logs-$ID"
for name in "$LOG" "aws-waf-logs-$ID"; do
  aws logs create-log-stream --log-group-name "$name" --log-stream-name incident
  value logs put-log-events --log-group-name "$name" --log-stream-name incident --log-events "timestamp=$(date +%s)000,message='{\"status\":500,\"action\":\"BLOCK\"}'" --query x >/dev/null
done
aws cloudwatch set-alarm-state --alarm-name "$ID-slo-availability-fast" --state-value ALARM --state-reason incident
value s3api put-object --bucket "$bucket" --key access/incident --query x >/dev/null
value s3api create-bucket --bucket "sum-api-state-123456789012-$AWS_REGION" --query x >/dev/null
value s3api put-object --bucket "sum-api-state-123456789012-$AWS_REGION" --key sum-api/production/terraform.tfstate --query x >/dev/null
value ecr create-repository --repository-name "${ID%-*}/api" --query x >/dev/null
value route53 create-health-check --caller-reference incident --health-check-config Type=HTTPS,FullyQualifiedDomainName=sum.example.com --query x >/dev/null
echo "TASK=$task"
echo "ADDRESS=$address"
echo "CERTIFICATE_ARN=$(value acm list-certificates --query 'CertificateSummaryList[0].CertificateArn')"
echo "ZONE_ID=$(value route53 list-hosted-zones --query 'HostedZones[0].Id')"
echo "REVISION_ARN=$(value ecs list-service-deployments --cluster "$ID" --service "$ID" --query 'serviceDeployments[0].targetServiceRevisionArn')"
echo "TASK_DEFINITION_ARN=$(value ecs describe-services --cluster "$ID" --services "$ID" --query 'services[0].taskDefinition')"
echo "COUNT=3"
echo "VERSION=1"
echo "CLIENT=runbook"
"#;

/// Preconditions: the beginning of a command, and the command that must run before it.
const BEFORE: [(&str, &str); 1] =
    [("cargo ops key rotate", "cargo ops key add CLIENT --no-deploy")];

/// The words that commands must print in an incident.
const PRINTS: [(&str, &str); 4] = [
    ("alarms", "sum-api-production-slo-availability-fast"),
    ("targets", "ADDRESS"),
    ("task_of ADDRESS", "TASK"),
    ("stopped", "api"),
];

pub(super) fn check(root: &Path, stack: &Stack, checks: &Checks) -> anyhow::Result<()> {
    let page = Page::read(root)?;
    let shell = page.section("Prepare a shell").context("no section \"Prepare a shell\"")?;
    let shell = format!("set -u -o pipefail\n{}\n{STAND_INS}", shell.commands.join("\n"));
    let run = |script: &str| stack.run(&format!("{shell}\n{script}"), &CLIENT);
    let incident = run(INCIDENT)?;
    incident.ends_with(0).context("the incident")?;
    let words: Vec<(&str, &str)> =
        incident.printed().lines().filter_map(|line| line.split_once('=')).collect();
    let filled = |text: &str| fill(text, &words);

    let mut seen = BTreeSet::new();
    let mut listed: BTreeMap<(&str, &str), u32> = BTreeMap::new();
    for section in &page.sections {
        let mut variables = String::new();
        for command in section.commands.iter().filter(|command| helper(command).is_none()) {
            if is_assignment(command) {
                variables = format!("{variables}{command}\n");
            }
            // Commands that differ only in digits, such as a number of minutes, are equal.
            if !seen.insert(without_digits(command)) {
                continue;
            }
            let name = format!("runbook: {}: {command}", section.heading);
            if let Some((beginning, reason)) = not_run(command) {
                *listed.entry((beginning, reason)).or_default() += 1;
                if command.starts_with("aws ") {
                    let answered = run(&filled(command))?.succeeded();
                    checks.check(format!("{name}: not answered: {reason}"), || {
                        ensure!(!answered, "the emulator answers it: remove it from the list");
                        Ok(())
                    });
                }
                continue;
            }
            checks.check(name, || {
                for (_, before) in BEFORE.iter().filter(|(b, _)| command.starts_with(b)) {
                    run(&filled(before))?;
                }
                let ran = run(&filled(&format!("{variables}{command}")))?;
                ran.ends_with(0)?;
                let complaint = ran.complaint();
                // `ops` logs its steps to stderr.
                ensure!(complaint.is_empty() || command.starts_with("cargo "), "{complaint}");
                let lines = ran.printed().lines().count();
                ensure!(lines <= MOST_LINES, "{lines} lines\n{}", ran.printed());
                for (_, words) in PRINTS.iter().filter(|(wanted, _)| wanted == command) {
                    let words = filled(words);
                    ensure!(ran.printed().contains(&words), "no {words} in\n{}", ran.printed());
                }
                Ok(())
            });
        }
    }
    checks.check("runbook: every line of the list of commands that are not run is needed", || {
        let all: BTreeSet<_> = NOT_RUN.into_iter().collect();
        equal(&all, &listed.keys().copied().collect())
    });
    let reasons = listed
        .iter()
        .map(|((beginning, reason), count)| format!("{count} × `{beginning}` ({reason})"));
    let reasons: Vec<String> = reasons.collect();
    checks.skip(
        &format!("runbook: commands that are not run: {}", reasons.join("; ")),
        listed.values().sum(),
    );
    println!("\n{}", table(&page));
    Ok(())
}

/// Replaces the placeholders of the page, which are words in capitals.
fn fill(command: &str, words: &[(&str, &str)]) -> String {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut filled = String::new();
    let mut rest = command;
    while let Some(start) = rest.find(is_part) {
        let (before, from) = rest.split_at(start);
        let (word, after) = from.split_at(from.find(|c| !is_part(c)).unwrap_or(from.len()));
        let known = words.iter().find(|(name, _)| *name == word && !before.ends_with('$'));
        filled.push_str(before);
        filled.push_str(known.map_or(word, |(_, value)| value));
        rest = after;
    }
    filled + rest
}

/// Whether the command only sets variables.
fn is_assignment(command: &str) -> bool {
    let name = command.split('=').next().unwrap_or_default();
    name.len() < command.len() && name.chars().all(|c| c.is_ascii_uppercase())
}

fn without_digits(command: &str) -> String {
    command.chars().filter(|c| !c.is_ascii_digit()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fill_replaces_placeholders_but_no_variables() {
        let words = [("TASK", "t/1"), ("ID", "no")];
        assert_eq!(fill("stop TASK TASK_ARN $ID (TASK)", &words), "stop t/1 TASK_ARN $ID (t/1)");
        assert_eq!(fill("", &words), "");
    }

    #[test]
    fn assignment_differs_from_query() {
        assert!(is_assignment("ACCOUNT=123456789012"));
        for command in ["aws x --query 'a=b'", "alarms", "export A=1"] {
            assert!(!is_assignment(command), "{command}");
        }
    }

    #[test]
    fn commands_with_preconditions_are_run() {
        for (beginning, _) in BEFORE {
            assert_eq!(not_run(beginning), None, "{beginning}");
        }
    }
}
