//! The API from outside: as a library that is called without sockets, over an in-memory connection whose time
//! is paused, and as the process that it becomes.

#![expect(clippy::unwrap_used, reason = "in a helper of tests, too, a panic is how a test fails")]

mod app;
mod bodies;
mod cli;
mod corpus;
mod decimals;
mod drain;
mod key_lists;
mod moto;
mod openapi;
mod problems;
mod process;
mod ssm;
mod support;
mod wire;
mod wire_drain;
mod wire_idle;
