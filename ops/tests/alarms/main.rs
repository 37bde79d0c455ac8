//! The alarms of the real stack: what they do in scenarios, and whether all that they, the dashboard,
//! the queries and the runbook refer to exists.
//!
//! The plan is made by `cargo xtask plan-json`. Without Terraform or its provider the tests that need
//! it say `SKIPPED: name: reason`.

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
