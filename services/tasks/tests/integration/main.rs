//! Tests of the service: each sentence of the contract about users and sessions is a row of a test.
//!
//! Most tests call the service without a socket, on a database in memory, and move its clock. `process` and `settings`
//! start the real binary.

#![expect(clippy::unwrap_used, reason = "a panic makes a test fail, also in a helper of tests")]

mod buckets;
mod doubles;
mod failed_logins;
mod hashing;
mod headers;
mod login;
mod openapi;
mod order;
mod refresh;
mod registration;
mod support;
mod tokens;
