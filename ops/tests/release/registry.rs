//! Tests the calls of the workflow `build` to Docker, ECR and `gh attestation`.
//!
//! Fake programs in `PATH` record their calls, and refuse what the real programs refuse.

use std::fs;

use serde_json::json;
use tempfile::TempDir;

use super::{aws, calls, program, release_with, text};

/// It builds for `BUILDS_FOR`, or otherwise for the given platform. It refuses a push without a login.
const DOCKER: &str = r#"#!/bin/sh
cd "$(dirname "$0")" || exit 1
echo "docker $* [${BUILDX_NO_DEFAULT_ATTESTATIONS:-}]" >>calls
case $1 in
  build) while [ "$1" != --platform ]; do shift; done; echo "${BUILDS_FOR:-$2}" >platform ;;
  login) [ "$(cat)" = the-password ] && touch logged-in ;;
  push) [ -e logged-in ] || { echo 'no basic auth credentials' >&2; exit 1; } ;;
  image) case "$*" in *Architecture*) cat platform ;; *) for image; do :; done; echo "${image%:*}@$PUSHES" ;; esac ;;
esac
"#;

/// `gh attestation verify oci://` calls the registry with Docker's login.
const GH: &str = r#"#!/bin/sh
cd "$(dirname "$0")" || exit 1
echo "gh $*" >>calls
[ -e logged-in ] || { echo 'authentication required' >&2; exit 1; }
"#;

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
const REGISTRY: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com";
const SCAN: &str = "describe-image-scan-findings.json";
const DESCRIBE: &str = "describe-images";

fn digest(digit: &str) -> String {
    format!("sha256:{}", digit.repeat(64))
}

/// An image in the registry, by its digest.
fn image(name: &str) -> String {
    format!("{REGISTRY}/sum-api/{name}@{}", digest("1"))
}

/// A runner of GitHub with fake programs.
struct Machine {
    folder: TempDir,
    environment: Vec<(&'static str, &'static str)>,
}

impl Machine {
    /// A runner whose registry has no image of the commit.
    fn new(environment: &[(&'static str, &'static str)]) -> Self {
        let missing = "An error occurred (ImageNotFoundException) when calling DescribeImages";
        let answers = [
            ("get-login-password.json", "the-password\n".to_owned()),
            (&*format!("{DESCRIBE}.error"), missing.to_owned()),
        ];
        let folder = aws(&answers);
        program(folder.path(), "docker", DOCKER);
        program(folder.path(), "gh", GH);
        Self { folder, environment: environment.to_vec() }
    }

    fn answer(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).unwrap();
    }

    /// The outputs or the summary of a step.
    fn handed_on(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(name)).unwrap()
    }

    fn run(&self, arguments: &[&str]) -> (bool, String) {
        let file = |name| self.folder.path().join(name).to_str().unwrap().to_owned();
        let (output, summary, pushes) = (file("output"), file("summary"), digest("1"));
        let [api, nginx] = ["api", "nginx"].map(|name| format!("{REGISTRY}/sum-api/{name}"));
        let mut environment = vec![
            ("GITHUB_SHA", COMMIT),
            ("GITHUB_REPOSITORY", "owner/name"),
            ("GITHUB_OUTPUT", &output),
            ("GITHUB_STEP_SUMMARY", &summary),
            ("PUSHES", &pushes),
            ("SERVICE", "sum"),
            ("PLATFORM", ""),
            ("API_REPOSITORY", &api),
            ("NGINX_REPOSITORY", &nginx),
        ];
        environment.extend(&self.environment);
        let output = release_with(self.folder.path(), arguments, &environment);
        (output.status.success(), text(&output))
    }

    fn passes(&self, arguments: &[&str]) {
        let (passed, said) = self.run(arguments);
        assert!(passed, "{arguments:?}: {said}");
    }

    fn refuses(&self, arguments: &[&str], words: &str) {
        let (passed, said) = self.run(arguments);
        assert!(!passed && said.contains(words), "{arguments:?}: {said}");
    }

    /// Number of calls of the fake programs that contain these words.
    fn asked(&self, words: &str) -> usize {
        calls(self.folder.path()).lines().filter(|call| call.contains(words)).count()
    }
}

#[test]
fn both_images_are_built_for_the_default_architecture() {
    let machine = Machine::new(&[]);
    machine.passes(&["build"]);
    assert_eq!(machine.asked("--platform linux/amd64"), 2);
    assert_eq!(machine.asked(&format!("--build-arg SERVICE_REVISION={COMMIT}")), 2);
    assert_eq!(machine.asked(&format!("--tag sum-api-api:{COMMIT}-amd64 ")), 1);
    assert_eq!(machine.asked(&format!("--tag sum-api-nginx:{COMMIT}-amd64 ")), 1);
    // This setting prevents an index, which ECR cannot scan.
    assert_eq!(machine.asked(" . [1]"), 2);
}

#[test]
fn invalid_service_is_not_built() {
    for service in ["", "nginx", "no-such-service"] {
        let machine = Machine::new(&[("SERVICE", service)]);
        machine.refuses(&["build"], "must be a folder of services/");
        assert_eq!(machine.asked("docker"), 0);
    }
}

#[test]
fn image_must_have_the_requested_architecture() {
    let arm = Machine::new(&[("PLATFORM", "linux/arm64")]);
    arm.passes(&["build"]);
    assert_eq!(arm.asked("--platform linux/arm64"), 2);
    let words = "was built for linux/arm64, not for linux/amd64";
    Machine::new(&[("BUILDS_FOR", "linux/arm64")]).refuses(&["build"], words);
    let words = "expected linux/amd64 or linux/arm64";
    Machine::new(&[("PLATFORM", "linux/riscv64")]).refuses(&["build"], words);
}

#[test]
fn push_and_verify_need_a_login() {
    let machine = Machine::new(&[]);
    machine.refuses(&["push"], "no basic auth credentials");
    machine.refuses(&["verify", &image("api")], "authentication required");
}

#[test]
fn login_uses_the_registry_and_hides_the_password() {
    let machine = Machine::new(&[]);
    machine.passes(&["login", &image("api")]);
    let login = format!("docker login --username AWS --password-stdin {REGISTRY} []");
    assert_eq!(machine.asked(&login), 1);
    assert_eq!(machine.asked("the-password"), 0);
}

#[test]
fn images_are_pushed_and_verified_after_a_login() {
    let machine = Machine::new(&[]);
    machine.passes(&["login", &image("api")]);
    machine.passes(&["push"]);
    assert_eq!(machine.asked(&format!("docker push --quiet {REGISTRY}/")), 2);
    let (api, nginx, digest) = (image("api"), image("nginx"), digest("1"));
    let outputs = format!(
        "api_digest={digest}\napi_image={api}\namd64_api_image={api}\nnginx_digest={digest}\nnginx_image={nginx}\namd64_nginx_image={nginx}\n"
    );
    assert_eq!(machine.handed_on("output"), outputs);
    machine.passes(&["verify", &api, &nginx]);
    let signer = "--source-ref refs/heads/main --deny-self-hosted-runners --signer-workflow owner/name/.github/workflows/build.yml";
    assert_eq!(machine.asked(signer), 2);
    let tag = format!("{REGISTRY}/sum-api/api:latest");
    machine.refuses(&["verify", &tag], "is not named by its digest");
    machine.refuses(&["verify"], "required");
}

#[test]
fn pushed_image_is_not_pushed_again() {
    let machine = Machine::new(&[]);
    fs::remove_file(machine.folder.path().join(format!("{DESCRIBE}.error"))).unwrap();
    let described = json!({ "imageDetails": [{ "imageDigest": digest("2") }] });
    machine.answer(&format!("{DESCRIBE}.json"), &described.to_string());
    machine.passes(&["push"]);
    assert_eq!(machine.asked("ecr describe-images"), 2);
    assert_eq!(machine.asked("docker push"), 0);
    assert!(machine.handed_on("output").contains(&digest("2")));
}

#[test]
fn denied_registry_call_is_an_error() {
    let machine = Machine::new(&[]);
    machine.answer(&format!("{DESCRIBE}.error"), "An error occurred (AccessDeniedException)");
    machine.refuses(&["push"], "AccessDeniedException");
    assert_eq!(machine.asked("docker"), 0);
}

#[test]
fn unscanned_image_is_not_reported_as_clean() {
    let machine = Machine::new(&[]);
    let findings = json!({ "imageScanStatus": { "status": "COMPLETE" }, "imageScanFindings": { "findings": [] } });
    machine.answer(SCAN, &findings.to_string());
    let [api, nginx] = [("services/Dockerfile", "api"), ("services/nginx/Dockerfile", "nginx")]
        .map(|(file, name)| format!("{file}={}", image(name)));
    machine.passes(&["scan", &api, &nginx]);
    let summary = machine.handed_on("summary");
    assert!(summary.contains(&format!("NOT SCANNED: {}", image("api"))), "{summary}");
    assert!(summary.contains(&format!("ok      {}", image("nginx"))), "{summary}");
}
