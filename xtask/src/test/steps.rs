//! The steps of `make test`.

use std::path::{Path, PathBuf};

/// One proof, or one suite of them.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    /// The name on the command line, and of the log.
    pub name: &'static str,
    /// The steps that it runs after.
    pub lane: Lane,
    /// The shell's, from the root of the repository.
    pub command: &'static str,
}

/// Steps that run one after another, beside the other lanes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// What computes.
    Main,
    /// These wait more than they compute: for the polls of an emulator, and for the minutes of a drill.
    Terraform,
    /// The drills.
    Drill,
    /// Deployments, then the rehearsal.
    Deploy,
}

impl Lane {
    pub(super) const ALL: [Self; 4] = [Self::Main, Self::Terraform, Self::Drill, Self::Deploy];
}

impl Step {
    pub(super) fn log(&self, root: &Path) -> PathBuf {
        root.join(".run/test").join(self.name).with_extension("log")
    }
}

const fn step(name: &'static str, lane: Lane, command: &'static str) -> Step {
    Step { name, lane, command }
}

/// The tests of every service, whatever its name.
const SERVICES: &str = "cargo test --locked --workspace --exclude chassis --exclude contract --exclude loadgen \
    --exclude ops --exclude parcels --exclude sidecar --exclude xtask -- --show-output";

/// The contract tests that depend on the version of nginx, with a newer nginx than Debian's. The sidecar passes on a
/// list of headers only from nginx 1.23 on, and the image has such a one.
const NEWER_NGINX: &str = "cargo xtask tools nginx || {
    echo 'SKIPPED: newer-nginx: the nginx of tools/nginx.toml could not be built (log: .tools/log/nginx.log)'
    exit 0
}
export NGINX=$PWD/.tools/nginx
\"$NGINX\" -v
exec cargo test --locked -p contract --test contract -- --show-output forwarding credentials own::table keys::";

/// Roughly from the quickest verdict to the slowest.
pub const STEPS: [Step; 21] = [
    step("format", Lane::Main, "cargo fmt --all --check"),
    step("clippy", Lane::Main, "cargo clippy --locked --workspace --all-targets -- -D warnings"),
    step(
        "docs",
        Lane::Main,
        "RUSTDOCFLAGS='-D warnings' cargo doc --locked --workspace --no-deps --document-private-items",
    ),
    step("lint", Lane::Main, "cargo xtask lint"),
    step("xtask", Lane::Main, "cargo test --locked -p xtask -- --show-output"),
    step(
        "chassis",
        Lane::Main,
        "cargo test --locked -p chassis --features test-support -- --show-output",
    ),
    step("sidecar", Lane::Main, "cargo test --locked -p sidecar -- --show-output"),
    step("api", Lane::Main, SERVICES),
    step("service", Lane::Main, "cargo xtask service"),
    step("contract", Lane::Main, "cargo test --locked -p contract -- --show-output"),
    step("newer-nginx", Lane::Main, NEWER_NGINX),
    step("terraform", Lane::Terraform, "cargo xtask terraform"),
    step("ops", Lane::Main, "cargo test --locked -p ops -p loadgen -- --show-output"),
    step("gates", Lane::Main, "cargo xtask gates"),
    step("dashboard", Lane::Main, "scripts/dashboard.sh check"),
    step("diagram", Lane::Main, "scripts/diagram.sh check"),
    step("deploy", Lane::Deploy, "cargo xtask deployments"),
    step("rehearse", Lane::Deploy, "scripts/rehearse.sh"),
    step("drill", Lane::Drill, "scripts/rehearse.sh drill"),
    step("containers", Lane::Main, "cargo xtask containers"),
    step("readme", Lane::Main, "scripts/readme.sh"),
];
