//! Tests of the sum: its arithmetic, its problems, and its document. The tests of the chassis cover everything that the
//! chassis does for every service.

#![expect(clippy::unwrap_used, reason = "a panic makes a test fail, also in a helper of tests")]

mod corpus;
mod decimals;
mod openapi;
mod problems;
mod support;
