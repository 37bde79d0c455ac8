//! The binary `ops`, for chores that call it often or in another folder: `cargo ops` would wait while another lane compiles.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::command::{from_line, said};

/// Builds it, and puts a copy into this folder.
///
/// # Errors
/// When it does not compile.
pub fn build(root: &Path, folder: &Path) -> anyhow::Result<PathBuf> {
    said(from_line("cargo build --quiet --locked --package ops").current_dir(root))?;
    let ops = folder.join("ops");
    // A copy that runs cannot be written, but it can be replaced.
    let _ = fs::remove_file(&ops);
    fs::copy(target(root).join("debug/ops"), &ops).context("target/debug/ops")?;
    Ok(ops)
}

/// Cargo's target folder.
#[must_use]
pub fn target(root: &Path) -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from)
}
