//! The chores of this repository as typed commands.
//!
//! A chore that decides, parses or counts is Rust, so that tests can plant a defect and see it found. What a chore
//! calls (cargo, linters, Terraform, scripts) stays a program of its own.

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

/// The root of this repository: above the folder of this crate, wherever the repository is at run time.
#[must_use]
pub fn root() -> PathBuf {
    let folder = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let mut root = folder.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")));
    root.pop();
    root
}
