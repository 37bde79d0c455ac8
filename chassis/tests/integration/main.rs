//! The chassis from outside, with the throw-away service of `contract/parcels`: as a library that is called without
//! sockets, over an in-memory connection whose time is paused, and as the process that it becomes.

#![expect(clippy::unwrap_used, reason = "in a helper of tests, too, a panic is how a test fails")]

mod app;
mod bearer;
mod bodies;
mod cli;
mod document;
mod drain;
mod headers;
mod key_lists;
mod moto;
mod private;
mod problems;
mod process;
mod requests;
mod ssm;
mod streams;
mod support;
mod tokens;
mod wire;
mod wire_drain;
mod wire_idle;
