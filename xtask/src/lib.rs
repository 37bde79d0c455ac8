//! The development commands of this repository.
//!
//! Code that decides, parses or counts is Rust, so that tests can plant a defect and check that it is found. The
//! commands call cargo, linters, Terraform and scripts as separate programs.

pub mod checks;
pub mod cleanup;
pub mod cli;
pub mod command;
pub mod containers;
pub mod deployments;
pub mod emulator;
pub mod gates;
pub mod lint;
pub mod ops;
pub mod packages;
pub mod plan;
pub mod reproducible;
pub mod runbook;
pub mod service;
pub mod terraform;
pub mod test;
pub mod tools;

use std::path::PathBuf;

/// The root of this repository at run time: the parent of the folder of this crate.
#[must_use]
pub fn root() -> PathBuf {
    let folder = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let mut root = folder.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")));
    root.pop();
    root
}
