//! The alarms of the real stack: their changes of state in scenarios, and the references of alarms, dashboard, queries
//! and runbook.
//!
//! `cargo xtask plan-json` makes the plan. Without Terraform or its provider, the tests that need the plan print
//! `SKIPPED: name: reason`.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails, in its helpers too")]

mod dashboard;
mod lines;
mod page;
mod queries;
mod records;
mod runbook;
mod scenarios;
mod stack;
mod wiring;
