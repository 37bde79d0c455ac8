//! What the workflows call and no emulator has: Docker, ECR's login, GitHub's signatures and environments.
//!
//! Stand-ins take their places on the path, write down what they were asked, and refuse what the real ones refuse.

#![expect(clippy::unwrap_used, reason = "an unwrap that fails fails its test")]

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use tempfile::TempDir;
use xtask::command::from_line;

/// It builds for the platform that it is told, or for `BUILDS_FOR`; it pushes to a registry that it is logged in to.
const DOCKER: &str = r#"#!/bin/sh
echo "docker $* [${BUILDX_NO_DEFAULT_ATTESTATIONS:-}]" >>"$STAND_INS/calls"
case $1 in
  build) while [ "$1" != --platform ]; do shift; done; echo "${BUILDS_FOR:-$2}" >"$STAND_INS/platform" ;;
  login) [ "$(cat)" = the-password ] && touch "$STAND_INS/logged-in" ;;
  push) [ -e "$STAND_INS/logged-in" ] || { echo 'no basic auth credentials' >&2; exit 1; } ;;
  image) case "$*" in *Architecture*) cat "$STAND_INS/platform" ;; *) for image; do :; done; echo "${image%:*}@sha256:feed" ;; esac ;;
esac
"#;

/// ECR holds no image, or `PUSHED`; its scan has ended without a finding.
const AWS: &str = r#"#!/bin/sh
echo "aws $*" >>"$STAND_INS/calls"
case $2 in
  get-login-password) echo the-password ;;
  describe-images) [ -n "${PUSHED:-}" ] && echo "$PUSHED" ;;
  describe-image-scan-findings) echo '{"imageScanStatus":{"status":"COMPLETE"},"imageScanFindings":{"findings":[]}}' ;;
esac
"#;

/// `gh attestation verify oci://` asks the registry with Docker's login; `gh api` shows an environment's `RULES`, if any.
const GH: &str = r#"#!/bin/sh
echo "gh $*" >>"$STAND_INS/calls"
case $1 in
  attestation) [ -e "$STAND_INS/logged-in" ] || { echo 'authentication required' >&2; exit 1; } ;;
  api) [ -n "${RULES+set}" ] || { echo 'Not Found (HTTP 404)' >&2; exit 1; }; echo "$RULES" ;;
esac
"#;

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
const REGISTRY: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com";
const PREFLIGHT: &str = env!("CARGO_BIN_EXE_xtask");

/// An image in the registry, by its digest.
fn image(name: &str) -> String {
    format!("{REGISTRY}/sum-api/{name}@sha256:{}", "1".repeat(64))
}

/// A machine of GitHub's with stand-ins, and what it was asked.
struct Machine {
    folder: TempDir,
    environment: Vec<(&'static str, &'static str)>,
}

impl Machine {
    fn new(environment: &[(&'static str, &'static str)]) -> Self {
        let machine = Self { folder: TempDir::new().unwrap(), environment: environment.to_vec() };
        for (name, script) in [("docker", DOCKER), ("aws", AWS), ("gh", GH)] {
            let path = machine.file(name);
            fs::write(&path, script).unwrap();
            fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
        }
        machine
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs a command of a workflow; whether it succeeds, and what it prints.
    fn run(&self, line: &str) -> (bool, String) {
        let path = std::env::var("PATH").unwrap();
        let output = from_line(line)
            .current_dir(xtask::root())
            .env("PATH", format!("{}:{path}", self.folder.path().display()))
            .env("STAND_INS", self.folder.path())
            .env("GITHUB_SHA", COMMIT)
            .env("GITHUB_REPOSITORY", "owner/name")
            .env("GITHUB_STEP_SUMMARY", self.file("summary"))
            .env("SERVICE", "sum")
            .env("API_REPOSITORY", format!("{REGISTRY}/sum-api/api"))
            .env("NGINX_REPOSITORY", format!("{REGISTRY}/sum-api/nginx"))
            .envs(self.environment.iter().copied())
            .output()
            .unwrap();
        (
            output.status.success(),
            String::from_utf8([output.stdout, output.stderr].concat()).unwrap(),
        )
    }

    fn passes(&self, line: &str) -> String {
        let (passed, said) = self.run(line);
        assert!(passed, "{line}: {said}");
        said
    }

    fn refuses(&self, line: &str, words: &str) {
        let (passed, said) = self.run(line);
        assert!(!passed && said.contains(words), "{line}: {said}");
    }

    /// How many calls of the stand-ins contain these words.
    fn asked(&self, words: &str) -> usize {
        let calls = fs::read_to_string(self.file("calls")).unwrap();
        calls.lines().filter(|call| call.contains(words)).count()
    }
}

#[test]
fn both_images_are_built_for_the_architecture_of_the_task() {
    let machine = Machine::new(&[]);
    machine.passes("scripts/images.sh build");
    assert_eq!(machine.asked("--platform linux/amd64"), 2);
    assert_eq!(machine.asked(&format!("--build-arg SERVICE_REVISION={COMMIT}")), 2);
    assert_eq!(machine.asked("--tag sum-api-"), 2);
    // Without an index, which ECR cannot scan.
    assert_eq!(machine.asked(" . [1]"), 2);
}

#[test]
fn without_a_service_nothing_is_built() {
    Machine::new(&[("SERVICE", "")])
        .refuses("scripts/images.sh build", "must be a folder of services/");
}

#[test]
fn the_image_gives_the_commit_to_the_compiler() {
    let text = fs::read_to_string(xtask::root().join("services/Dockerfile")).unwrap();
    let mut lines = text.lines().skip_while(|line| *line != "ARG SERVICE_REVISION=unknown").skip(1);
    assert!(lines.next().unwrap().starts_with("RUN "));
    assert!(lines.next().unwrap().contains("cargo build"));
}

#[test]
fn another_architecture_is_built_on_request_only() {
    let arm = Machine::new(&[("PLATFORM", "linux/arm64")]);
    arm.passes("scripts/images.sh build");
    assert_eq!(arm.asked("--platform linux/arm64"), 2);
    let words = "was built for linux/arm64, not for linux/amd64";
    Machine::new(&[("BUILDS_FOR", "linux/arm64")]).refuses("scripts/images.sh build", words);
    let words = "expected linux/amd64 or linux/arm64";
    Machine::new(&[("PLATFORM", "linux/riscv64")]).refuses("scripts/images.sh build", words);
}

#[test]
fn without_a_login_nothing_is_pushed_or_verified() {
    let machine = Machine::new(&[]);
    machine.refuses("scripts/images.sh push", "no basic auth credentials");
    machine
        .refuses(&format!("scripts/images.sh verify {}", image("api")), "authentication required");
}

#[test]
fn a_login_is_for_the_registry_and_hides_its_password() {
    let machine = Machine::new(&[]);
    machine.passes(&format!("scripts/images.sh login {}", image("api")));
    assert_eq!(
        machine.asked(&format!("docker login --username AWS --password-stdin {REGISTRY} []")),
        1
    );
    assert_eq!(machine.asked("the-password"), 0);
}

#[test]
fn after_a_login_images_are_pushed_and_verified() {
    let machine = Machine::new(&[]);
    machine.passes(&format!("scripts/images.sh login {}", image("api")));
    machine.passes("scripts/images.sh push");
    assert_eq!(machine.asked(&format!("docker push --quiet {REGISTRY}/")), 2);
    machine.passes(&format!("scripts/images.sh verify {} {}", image("api"), image("nginx")));
    let signer = "--source-ref refs/heads/main --deny-self-hosted-runners --signer-workflow owner/name/.github/workflows/build.yml";
    assert_eq!(machine.asked(signer), 2);
    let tag = format!("scripts/images.sh verify {REGISTRY}/sum-api/api:latest");
    machine.refuses(&tag, "is not named by its digest");
}

#[test]
fn an_image_that_was_pushed_before_is_taken_as_it_is() {
    let machine = Machine::new(&[("PUSHED", "sha256:beef")]);
    machine.passes("scripts/images.sh push");
    assert_eq!(machine.asked("aws ecr describe-images"), 2);
    assert_eq!(machine.asked("docker push"), 0);
}

#[test]
fn an_image_that_was_not_scanned_is_not_called_clean() {
    let machine = Machine::new(&[]);
    machine.passes(&format!("scripts/images.sh scan {} {}", image("api"), image("nginx")));
    let summary = fs::read_to_string(machine.file("summary")).unwrap();
    assert!(summary.contains(&format!("NOT SCANNED: {}", image("api"))), "{summary}");
    assert!(summary.contains(&format!("ok      {}", image("nginx"))), "{summary}");
}

/// Runs the command `preflight` for an environment with these rules, or without one.
fn preflight(environment: &[(&'static str, &'static str)]) -> (bool, String) {
    Machine::new(environment).run(&format!("{PREFLIGHT} preflight"))
}

#[test]
fn without_an_environment_or_its_reviewers_nothing_is_built() {
    let (passed, said) = preflight(&[]);
    assert!(!passed && said.contains("no environment production"), "{said}");
    let (passed, said) = preflight(&[("RULES", "branch_policy")]);
    assert!(!passed && said.contains("no required reviewers"), "{said}");
}

#[test]
fn that_nobody_approves_can_be_accepted() {
    let (passed, said) = preflight(&[("RULES", ""), ("UNREVIEWED_DEPLOYMENTS", "accepted")]);
    assert!(passed && said.contains("::warning title=Unreviewed deployment"), "{said}");
}

#[test]
fn with_reviewers_a_deployment_begins() {
    let rules = ("RULES", "branch_policy\nrequired_reviewers");
    assert_eq!(preflight(&[rules, ("PRIVATE", "false")]), (true, String::new()));
    let (passed, said) = preflight(&[rules, ("PRIVATE", "true")]);
    assert!(passed && said.contains("GitHub Enterprise"), "{said}");
}
