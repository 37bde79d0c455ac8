//! Tests of the chassis with the sample service of `contract/parcels`: as a library without sockets, over in-memory
//! connections with a paused clock, and as a process.

#![expect(clippy::unwrap_used, reason = "a panic makes a test fail, also in a helper of tests")]

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
