//! The steps of `make test`.

use std::path::{Path, PathBuf};

/// One suite of tests or proofs.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    /// The name on the command line and of the log.
    pub name: &'static str,
    /// The lane in which it runs.
    pub lane: Lane,
    /// A shell command. It runs in the root of the repository, with `xtask` on the path.
    pub command: &'static str,
}

/// Steps of a lane run one after another. Lanes run in parallel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// The steps that use the processor most.
    Main,
    /// Terraform, then the rehearsal. This lane and the following ones mostly wait: for the polls of an emulator, or
    /// for the minutes of a drill.
    Terraform,
    /// The drills.
    Drill,
    /// Deployments.
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

/// Tests the release binaries, because they are deployed. Without Schemathesis, its test is skipped.
const CONTRACT: &str = "xtask tools schemathesis
cargo build --quiet --locked --release --workspace \
    --exclude contract --exclude loadgen --exclude ops --exclude xtask || exit 1
BINARIES=$PWD/target/release exec xtask suites contract";

/// The contract tests that depend on the version of nginx, with a newer nginx than Debian's. The sidecar forwards a fixed
/// list of headers only with nginx 1.23 and newer. The image has such an nginx.
const NEWER_NGINX: &str = "xtask tools nginx || {
    echo 'SKIPPED: newer-nginx: the nginx of tools/nginx.toml could not be built (log: .tools/log/nginx.log)'
    exit 0
}
export NGINX=$PWD/.tools/nginx
\"$NGINX\" -v
BINARIES=$PWD/target/release exec xtask suites contract -- forwarding credentials own::table keys::";

/// Approximately ordered by duration, fastest first.
pub const STEPS: [Step; 21] = [
    step("format", Lane::Main, "cargo fmt --all --check"),
    step("clippy", Lane::Main, "cargo clippy --locked --workspace --all-targets -- -D warnings"),
    step(
        "docs",
        Lane::Main,
        "RUSTDOCFLAGS='-D warnings' cargo doc --locked --workspace --no-deps --document-private-items",
    ),
    step("lint", Lane::Main, "xtask lint"),
    step("xtask", Lane::Main, "xtask suites xtask"),
    step("chassis", Lane::Main, "xtask suites chassis"),
    step("sidecar", Lane::Main, "xtask suites services/nginx"),
    step("api", Lane::Main, "xtask suites services"),
    step("service", Lane::Main, "xtask service"),
    step("contract", Lane::Main, CONTRACT),
    step("newer-nginx", Lane::Main, NEWER_NGINX),
    step("terraform", Lane::Terraform, "xtask terraform"),
    step("ops", Lane::Main, "xtask suites ops loadgen"),
    step("gates", Lane::Main, "xtask gates"),
    step("dashboard", Lane::Main, "scripts/dashboard.sh check"),
    step("diagram", Lane::Main, "scripts/diagram.sh check"),
    step("deploy", Lane::Deploy, "xtask deployments"),
    step("rehearse", Lane::Terraform, "scripts/rehearse.sh"),
    step("drill", Lane::Drill, "scripts/rehearse.sh drill"),
    step("containers", Lane::Main, "xtask containers"),
    step("readme", Lane::Main, "scripts/readme.sh"),
];
