//! The API from outside: as a library that is called without sockets, over an in-memory connection whose time
//! is paused, and as the process that it becomes.

mod app;
mod cli;
mod corpus;
mod decimals;
mod drain;
mod key_lists;
mod openapi;
mod problems;
mod process;
mod ssm;
mod support;
mod wire;
