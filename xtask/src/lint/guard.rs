//! Searches all tracked and untracked files for secrets and other forbidden content. Git-ignored files are excluded.
//!
//! A finding is one line `RULE: FILE:LINE`, without the text, because the log must not contain a secret. All exceptions
//! are in the tables of this file.

use std::io::Write as _;

use anyhow::ensure;

use super::Outcome;
use super::tree::Job;

/// A rule about the lines of text files.
struct Rule {
    name: &'static str,
    /// A pattern of `grep -P`. Most rules also examine the text before and after a match.
    pattern: &'static str,
    /// Words. A line that contains one of them, in upper or lower case, is accepted.
    accepted: &'static str,
}

/// Git's pathspecs of files that hold state, a saved plan, a key or settings of one machine.
const PRIVATE: &[&str] = &[
    ":(glob)**/.env",
    ":(glob)**/.env.*",
    ":(glob)**/terraform.tfvars",
    "*.auto.tfvars",
    "*.tfstate",
    "*.tfstate.*",
    "*.tfplan",
    ":(glob)**/id_rsa",
    ":(glob)**/id_ecdsa",
    ":(glob)**/id_ed25519",
    "*.pem",
    "*.key",
    "*.p12",
    "*.pfx",
    "*.jks",
    ":!*.example",
];

const RULES: [Rule; 6] = [
    Rule { name: "a private key", pattern: "-----BEGIN [A-Z ]*PRIVATE KEY-----", accepted: "" },
    // The example accounts of the AWS documentation are allowed. The 12 digits must stand alone, so a hash or a longer
    // number does not match.
    Rule {
        name: "an account id other than those of the AWS documentation",
        pattern: r"(?(DEFINE)(?<id>(?!123456789012|111122223333|444455556666|000000000000)[0-9]{12}))(?<![0-9A-Za-z._:-])(?&id)(?![0-9A-Za-z._-])|arn:aws[a-z-]*:[a-z0-9-]*:[a-z0-9-]*:(?&id):|(?<![0-9A-Za-z])(?&id)\.dkr\.ecr\.",
        accepted: "",
    },
    Rule {
        name: "an AWS access key",
        pattern: "(?<![A-Z0-9])(AKIA|ASIA|AROA|AIDA)(?![A-Z0-9]*EXAMPLE)[A-Z0-9]{16}(?![A-Z0-9])",
        accepted: "",
    },
    Rule {
        name: "a token of GitHub, Slack, npm, PyPI or crates.io",
        pattern: "gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{60}|xox[abprs]-[A-Za-z0-9-]{10}|npm_[A-Za-z0-9]{36}\
                  |pypi-[A-Za-z0-9_-]{50}|cio[A-Za-z0-9]{32}(?![A-Za-z0-9])",
        accepted: "",
    },
    // A key in an assignment. CHANGEME is the key of the laptop. A test key contains a word such as `test`.
    Rule {
        name: "an API key that is neither CHANGEME nor plainly a test key",
        pattern: r#"\bAPI_KEY(_PREVIOUS)?["']?\s*[:=]\s*["']?(?=[A-Za-z0-9._-]*[0-9])(?=[A-Za-z0-9._-]*[A-Za-z])[A-Za-z0-9._:,-]{16,}"#,
        accepted: "changeme test example fake dummy sample not-a rehears drill local 0123456789 abcdef secret-key",
    },
    Rule {
        name: "a path of one machine",
        pattern: r"(?<![\w.:~$}/-])/((root|work)/|home/(?!runner\b|nonroot\b)[a-z]|Users/[A-Za-z])",
        accepted: "",
    },
];

pub(super) fn check(job: &mut Job<'_>) -> anyhow::Result<Outcome> {
    let mut findings = Vec::new();
    for file in job.tree.files(PRIVATE)? {
        findings.push(format!(
            "a file that holds state, a saved plan or settings of one machine: {file}"
        ));
    }
    for rule in &RULES {
        let mut grep = job.command("grep --binary-files=without-match --null -nHP -e");
        let found = grep.arg(rule.pattern).arg("--").args(&job.files).output()?;
        // Exit code 1: no match.
        let complaint = String::from_utf8_lossy(&found.stderr);
        ensure!(matches!(found.status.code(), Some(0 | 1)), "grep: {complaint}");
        for line in String::from_utf8_lossy(&found.stdout).lines() {
            let (file, line) = line.split_once('\0').unwrap_or_default();
            let (number, text) = line.split_once(':').unwrap_or_default();
            let text = text.to_lowercase();
            if !rule.accepted.split_whitespace().any(|word| text.contains(word)) {
                findings.push(format!("{}: {file}:{number}", rule.name));
            }
        }
    }
    for finding in &findings {
        writeln!(job.log, "{finding}")?;
    }
    Ok(Outcome::from_verdict(findings.is_empty(), job.files.len()))
}
