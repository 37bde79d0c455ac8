//! Finds the programs under test.

use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, OnceLock};

/// A binary by its name, such as `sum-api`. The first of these that is set: a variable such as `SUM_API_BIN`, the
/// folder `BINARIES`. Otherwise cargo builds the binary once, in the profile of the test.
pub fn path(name: &str) -> &'static Path {
    static BINARIES: Mutex<BTreeMap<String, &'static Path>> = Mutex::new(BTreeMap::new());
    let mut binaries = BINARIES.lock().expect("a build that fails ends the test");
    binaries.entry(name.to_owned()).or_insert_with(|| {
        let variable = format!("{}_BIN", name.to_ascii_uppercase().replace('-', "_"));
        let built = || env::var_os("BINARIES").map(|folder| Path::new(&folder).join(name));
        let path = env::var_os(variable).map(PathBuf::from).or_else(built);
        let path = path.unwrap_or_else(|| build(name));
        Box::leak(path.into_boxed_path())
    })
}

fn build(name: &str) -> PathBuf {
    let test = env::current_exe().expect("a running program has a path");
    // target/PROFILE/deps/contract-HASH
    let profile = test.ancestors().nth(2).expect("cargo puts test binaries two levels down");
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--quiet", "--package", name, "--bin", name]).current_dir(root());
    if profile.ends_with("release") {
        cargo.arg("--release");
    }
    let status = cargo.status().expect("cargo runs");
    assert!(status.success(), "{name} does not build");
    profile.join(name)
}

/// The version of nginx as (major, minor, patch).
pub fn nginx_version() -> (u32, u32, u32) {
    static VERSION: OnceLock<(u32, u32, u32)> = OnceLock::new();
    *VERSION.get_or_init(|| {
        let program = nginx();
        let output = Command::new(&program).arg("-v").output().unwrap_or_else(|error| {
            panic!(
                "{} does not run ({error}): install nginx (Debian: apt-get install nginx-light)",
                program.display()
            )
        });
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        let version = text.rsplit('/').next().unwrap_or_default();
        let mut parts =
            version.split(|c: char| !c.is_ascii_digit()).map_while(|part| part.parse().ok());
        let mut next = || parts.next().unwrap_or_else(|| panic!("no version in {text:?}"));
        (next(), next(), next())
    })
}

/// Whether nginx supports `max_headers`: 1.29.8 and newer, and some older packages with a backport.
pub fn nginx_counts_headers() -> bool {
    static COUNTS: OnceLock<bool> = OnceLock::new();
    *COUNTS.get_or_init(|| {
        let file = env::temp_dir().join(format!("max-headers-{}.conf", std::process::id()));
        std::fs::write(&file, "events {} http { max_headers 90; }").expect("a file is written");
        let output = Command::new(nginx()).args(["-t", "-e", "stderr", "-c"]).arg(&file).output();
        let _ = std::fs::remove_file(&file);
        let said = output.expect("nginx runs").stderr;
        !String::from_utf8_lossy(&said).contains("unknown directive \"max_headers\"")
    })
}

fn nginx() -> PathBuf {
    env::var_os("NGINX").map_or_else(|| "nginx".into(), PathBuf::from)
}

/// The root of the repository.
#[must_use]
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the repository")
}
