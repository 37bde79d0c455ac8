//! What is the sum's own: its arithmetic against the tables, its problems, and its document against its answers. What
//! the chassis does for every service has its tests there.

#![expect(clippy::unwrap_used, reason = "in a helper of tests, too, a panic is how a test fails")]

mod corpus;
mod decimals;
mod openapi;
mod problems;
mod support;
