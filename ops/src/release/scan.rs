//! Checks the registry's scan of images before a deployment.
//!
//! ECR has two kinds of scans:
//!
//! - Basic scanning ends with `COMPLETE` and lists `findings`.
//! - Enhanced scanning stays `ACTIVE` and lists `enhancedFindings`.
//!
//! Neither can scan an image that is built `FROM scratch`: the status is `FAILED`, `UNSUPPORTED_IMAGE`, or `COMPLETE`
//! without a finding. So such an image is never reported as clean. Every other image that was not scanned is refused.
//!
//! <https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-troubleshooting.html>

use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde::Deserialize;

use super::github;
use crate::aws;

/// Arguments of the command.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Images as DOCKERFILE=IMAGE, where IMAGE is named by its digest
    #[arg(required = true)]
    images: Vec<String>,
    /// Maximum seconds to wait for a scan; a tenth of it for an image FROM scratch
    #[arg(long, default_value_t = 600)]
    patience: u64,
    /// Seconds between two calls of ECR
    #[arg(long, default_value_t = 5)]
    pause: u64,
    /// The repository's root
    #[arg(long, default_value = ".")]
    root: PathBuf,
}

/// The used part of `DescribeImageScanFindings`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Report {
    image_scan_status: Status,
    image_scan_findings: Scan,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Status {
    status: String,
    description: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Scan {
    findings: Vec<Finding>,
    enhanced_findings: Vec<Finding>,
    finding_severity_counts: std::collections::BTreeMap<String, u64>,
}

#[derive(Debug, Deserialize)]
struct Finding {
    /// In enhanced scanning it is the title.
    #[serde(alias = "title")]
    name: String,
    severity: String,
    #[serde(default)]
    uri: String,
}

/// The result for an image.
#[derive(Debug, PartialEq)]
enum Verdict {
    /// It was scanned, and has no critical and no high finding.
    Clean,
    /// Its critical and high findings.
    Refused(Vec<String>),
    /// It was not scanned, and the reason.
    NotScanned(String),
    /// The scan has not ended.
    Pending(String),
}

/// Runs the command; `Ok(false)` means that an image is refused.
pub(super) fn run(args: &Args) -> anyhow::Result<bool> {
    let mut good = true;
    for named in &args.images {
        let (name, image) = named
            .split_once('=')
            .with_context(|| format!("`{named}`: expected DOCKERFILE=REPOSITORY@sha256:DIGEST"))?;
        let scratch = from_scratch(&args.root.join(name))?;
        let verdict = ended(args, image, scratch)?;
        github::summary(&message(image, scratch, &verdict))?;
        good &= allows(scratch, &verdict);
    }
    Ok(good)
}

/// Waits for the end of the scan. After the maximum time, the verdict is [`Verdict::NotScanned`].
fn ended(args: &Args, image: &str, scratch: bool) -> anyhow::Result<Verdict> {
    let patience = Duration::from_secs(if scratch { args.patience / 10 } else { args.patience });
    let begun = Instant::now();
    loop {
        let verdict = look(image, scratch)?;
        match verdict {
            Verdict::Pending(reason) if begun.elapsed() >= patience => {
                let waited = format!("{reason}, after {} s", patience.as_secs());
                return Ok(Verdict::NotScanned(waited));
            }
            Verdict::Pending(_) => sleep(Duration::from_secs(args.pause)),
            ended => return Ok(ended),
        }
    }
}

fn look(image: &str, scratch: bool) -> anyhow::Result<Verdict> {
    let (repository, digest) = image.split_once('@').context("an image by digest")?;
    let (_, name) = repository.split_once('/').context("an image of a registry")?;
    let id = format!("imageDigest={digest}");
    let answer: anyhow::Result<Report> = aws::call(&[
        "ecr",
        "describe-image-scan-findings",
        "--repository-name",
        name,
        "--image-id",
        &id,
    ]);
    match answer {
        Ok(report) => Ok(judge(&report, scratch)),
        Err(error) if error.to_string().contains("ScanNotFoundException") => {
            Ok(Verdict::Pending("ECR has no scan of it (is scan on push off?)".to_owned()))
        }
        Err(error) => Err(error),
    }
}

fn judge(report: &Report, scratch: bool) -> Verdict {
    let found = &report.image_scan_findings;
    let serious = |severity: &str| matches!(severity, "CRITICAL" | "HIGH");
    let findings = found.findings.iter().chain(&found.enhanced_findings);
    let mut refused: Vec<String> = findings
        .filter(|finding| serious(&finding.severity))
        .map(|finding| format!("{} {} {}", finding.severity, finding.name, finding.uri))
        .collect();
    if refused.is_empty() {
        let counts = found.finding_severity_counts.iter();
        let counts = counts.filter(|(severity, count)| serious(severity) && **count > 0);
        refused.extend(counts.map(|(severity, count)| format!("{severity}: {count} findings")));
    }
    if !refused.is_empty() {
        return Verdict::Refused(refused);
    }
    let Status { status, description } = &report.image_scan_status;
    let nothing = found.findings.is_empty() && found.enhanced_findings.is_empty();
    match status.as_str() {
        "PENDING" | "IN_PROGRESS" => Verdict::Pending(format!("the scan is {status}")),
        // A scan that recognises no package has the same result as a scan without a vulnerability.
        "COMPLETE" | "ACTIVE" if scratch && nothing => {
            Verdict::NotScanned(format!("{status}, without any finding"))
        }
        "COMPLETE" | "ACTIVE" => Verdict::Clean,
        _ => Verdict::NotScanned(format!("{status} {description}").trim().to_owned()),
    }
}

/// The verdict as text.
fn message(image: &str, scratch: bool, verdict: &Verdict) -> String {
    match verdict {
        Verdict::Clean => format!("ok      {image}: no critical and no high finding"),
        Verdict::Refused(findings) => {
            format!("FAILED  {image} has findings:\n        {}", findings.join("\n        "))
        }
        Verdict::NotScanned(reason) | Verdict::Pending(reason) if scratch => format!(
            "NOT SCANNED: {image}: {reason}. The registry cannot scan an image FROM scratch. docs/supply-chain.md lists the other checks of it"
        ),
        Verdict::NotScanned(reason) | Verdict::Pending(reason) => format!(
            "FAILED  {image} was not scanned: {reason}. Use a base image that the registry's scanner supports, or enable enhanced scanning"
        ),
    }
}

/// Whether the image may be deployed.
fn allows(scratch: bool, verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Clean) || (scratch && matches!(verdict, Verdict::NotScanned(_)))
}

/// Whether the last stage of a Dockerfile is `FROM scratch`.
fn from_scratch(dockerfile: &Path) -> anyhow::Result<bool> {
    let text =
        std::fs::read_to_string(dockerfile).with_context(|| dockerfile.display().to_string())?;
    let base = text.lines().filter_map(|line| line.strip_prefix("FROM ")).next_back();
    ensure!(base.is_some(), "{}: no FROM", dockerfile.display());
    Ok(base.map(str::trim) == Some("scratch"))
}
