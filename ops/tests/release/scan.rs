//! Tests the check of a scan with every response of ECR.

use std::fs;
use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};

use super::{aws, calls, release, text};

const OPERATION: &str = "describe-image-scan-findings";

fn digest() -> String {
    format!("r/sum-api/x@sha256:{}", "1".repeat(64))
}

fn answer(status: &str, findings: &Value) -> String {
    json!({
        "repositoryName": "sum-api/x",
        "imageScanStatus": { "status": status, "description": "as ECR says" },
        "imageScanFindings": findings
    })
    .to_string()
}

/// Checks the scan of an image whose Dockerfile has the last stage `FROM base`.
fn scan_with(folder: &Path, base: &str, patience: &str) -> Output {
    let service = folder.join("services/x");
    fs::create_dir_all(&service).unwrap();
    fs::write(service.join("Dockerfile"), format!("FROM rust AS build\nFROM {base}\n")).unwrap();
    let (root, image) = (folder.to_str().unwrap(), format!("services/x/Dockerfile={}", digest()));
    release(folder, &["scan", "--root", root, "--pause", "0", "--patience", patience, &image])
}

fn scan(base: &str, answers: &[(&str, String)]) -> (bool, String) {
    let folder = aws(answers);
    let output = scan_with(folder.path(), base, "0");
    (output.status.success(), text(&output))
}

#[test]
fn serious_findings_are_refused_in_both_scan_types() {
    let basic = json!({ "findings": [
        { "name": "CVE-1", "severity": "LOW" },
        { "name": "CVE-2", "severity": "HIGH", "uri": "https://example.com" }
    ] });
    let enhanced = json!({ "enhancedFindings": [
        { "title": "CVE-3 - openssl", "severity": "CRITICAL" }, { "title": "CVE-4", "severity": "MEDIUM" }
    ] });
    let counted = json!({ "findings": [], "findingSeverityCounts": { "CRITICAL": 2, "LOW": 1 } });
    for (status, findings, named) in [
        ("COMPLETE", &basic, "HIGH CVE-2"),
        ("ACTIVE", &enhanced, "CRITICAL CVE-3 - openssl"),
        ("COMPLETE", &counted, "CRITICAL: 2 findings"),
    ] {
        for base in ["alpine", "scratch"] {
            let (good, said) =
                scan(base, &[(&format!("{OPERATION}.json"), answer(status, findings))]);
            assert!(!good && said.contains(named), "{status} {base}: {said}");
            assert!(!said.contains("CVE-1") && !said.contains("CVE-4"), "{said}");
        }
    }
}

#[test]
fn image_with_only_minor_findings_is_clean() {
    let basic = json!({ "findings": [{ "name": "CVE-1", "severity": "MEDIUM" }] });
    let enhanced = json!({ "enhancedFindings": [{ "title": "CVE-1", "severity": "LOW" }] });
    for (status, findings) in [("COMPLETE", &basic), ("ACTIVE", &enhanced)] {
        for base in ["alpine", "scratch"] {
            let (good, said) =
                scan(base, &[(&format!("{OPERATION}.json"), answer(status, findings))]);
            assert!(good && said.starts_with("ok "), "{status} {base}: {said}");
        }
    }
    let none = answer("COMPLETE", &json!({ "findings": [] }));
    let (good, said) = scan("alpine", &[(&format!("{OPERATION}.json"), none)]);
    assert!(good && said.starts_with("ok "), "{said}");
}

#[test]
fn unscanned_image_from_scratch_is_allowed_but_not_clean() {
    let nothing = json!({ "findings": [] });
    for status in ["COMPLETE", "ACTIVE", "FAILED", "UNSUPPORTED_IMAGE", "PENDING", "LIMIT_EXCEEDED"]
    {
        let answers = [(&*format!("{OPERATION}.json"), answer(status, &nothing))];
        let (good, said) = scan("scratch", &answers);
        assert!(good, "{status}: the API's image must not block a deployment: {said}");
        assert!(said.starts_with("NOT SCANNED: ") && said.lines().count() == 1, "{status}: {said}");
    }
}

#[test]
fn other_unscanned_image_is_refused() {
    for status in [
        "FAILED",
        "UNSUPPORTED_IMAGE",
        "PENDING",
        "IN_PROGRESS",
        "SCAN_ELIGIBILITY_EXPIRED",
        "FINDINGS_UNAVAILABLE",
        "LIMIT_EXCEEDED",
        "IMAGE_ARCHIVED",
        "SOMETHING_NEW",
        "",
    ] {
        let answers = [(&*format!("{OPERATION}.json"), answer(status, &json!({})))];
        let (good, said) = scan("alpine", &answers);
        assert!(!good && said.contains("was not scanned"), "{status}: {said}");
    }
}

#[test]
fn command_waits_for_a_pending_scan() {
    let folder = aws(&[
        (&format!("{OPERATION}.1.json"), answer("PENDING", &json!({}))),
        (&format!("{OPERATION}.2.json"), answer("IN_PROGRESS", &json!({}))),
        (&format!("{OPERATION}.json"), answer("COMPLETE", &json!({ "findings": [] }))),
    ]);
    let output = scan_with(folder.path(), "alpine", "60");
    assert!(output.status.success(), "{}", text(&output));
    assert_eq!(calls(folder.path()).lines().count(), 3);
    assert!(
        calls(folder.path()).contains("--repository-name sum-api/x --image-id imageDigest=sha256:")
    );
}

#[test]
fn missing_scan_counts_as_not_scanned_and_other_errors_fail() {
    let missing = "An error occurred (ScanNotFoundException) when calling the operation".to_owned();
    let (good, said) = scan("alpine", &[(&format!("{OPERATION}.error"), missing.clone())]);
    assert!(!good && said.contains("scan on push"), "{said}");
    let (good, said) = scan("scratch", &[(&format!("{OPERATION}.error"), missing)]);
    assert!(good && said.starts_with("NOT SCANNED: "), "{said}");
    for base in ["alpine", "scratch"] {
        let denied = "An error occurred (AccessDeniedException)".to_owned();
        let (good, said) = scan(base, &[(&format!("{OPERATION}.error"), denied)]);
        assert!(!good && said.contains("AccessDenied"), "{base}: {said}");
    }
}
