//! Tests of the service: each sentence of the contract about users and sessions is a row of a test.
//!
//! Most tests call the service without a socket, on a database in memory, and move its clock. `jobs`, `process`,
//! `settings` and `postgres` start the real binary.

#![expect(clippy::unwrap_used, reason = "a panic makes a test fail, also in a helper of tests")]

mod any_text;
mod audit;
mod buckets;
mod docs;
mod doubles;
mod events;
mod failed_logins;
mod follower;
mod hashing;
mod headers;
mod inputs;
mod isolation;
mod jobs;
mod login;
mod matrix;
mod openapi;
mod order;
mod payloads;
mod postgres;
mod process;
mod readiness;
mod recipients;
mod refresh;
mod registration;
mod running;
mod settings;
mod support;
mod task_answers;
mod tokens;
mod workers;
