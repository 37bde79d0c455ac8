//! The binary `ops`, for commands that call it often or in another folder. `cargo ops` would wait while another lane
//! compiles.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::command::{from_line, said};

/// Copies `ops` into this folder: the binary of `make test` if there is one, otherwise a new build.
///
/// # Errors
/// When it does not compile.
pub fn build(root: &Path, folder: &Path) -> anyhow::Result<PathBuf> {
    if let Some(ops) = env::var_os("OPS") {
        return copy(Path::new(&ops), folder);
    }
    said(from_line("cargo build --quiet --locked --package ops").current_dir(root))?;
    compiled(root, folder)
}

/// Copies the compiled binary into this folder.
///
/// # Errors
/// When there is none.
pub fn compiled(root: &Path, folder: &Path) -> anyhow::Result<PathBuf> {
    copy(&target(root).join("debug/ops"), folder)
}

fn copy(binary: &Path, folder: &Path) -> anyhow::Result<PathBuf> {
    let ops = folder.join("ops");
    // A running binary cannot be overwritten, but it can be replaced.
    let _ = fs::remove_file(&ops);
    fs::copy(binary, &ops).with_context(|| binary.display().to_string())?;
    Ok(ops)
}

/// Cargo's target folder.
#[must_use]
pub fn target(root: &Path) -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from)
}
