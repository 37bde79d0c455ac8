//! The contract of every service, held against the real service behind the real nginx.
//!
//! This library is the harness, `tests/contract` are the tests, `data` are the tables they share.
//!
//! * [`stack`] starts both processes on free ports; [`target`] is either that or a stack that runs already
//! * [`http`] and [`connection`] speak HTTP/1.1 byte by byte, because half of the contract is about bytes that
//!   no well-behaved client can send
//! * [`service`] finds the services and reads their documents; [`call`] is the valid case of an operation, with the
//!   [`values`] that a service's setup gives
//! * [`shape`] knows what every answer looks like, errors above all
//! * [`list`] counts what an assertion goes through
//! * [`load`] sends requests all the time while something is being replaced
//! * [`stub`] is an API that misbehaves
//!
//! Everything blocks and uses threads: a test reads from top to bottom, and the harness can be trusted
//! without knowing a runtime.
#![expect(clippy::missing_panics_doc, reason = "a panic is how the harness fails the test")]

pub mod binary;
pub mod call;
pub mod connection;
pub mod http;
pub mod keyed;
pub mod list;
pub mod load;
pub mod log;
pub mod metrics;
pub mod port;
pub mod process;
pub mod server;
pub mod service;
pub mod shape;
pub mod stack;
pub mod stub;
pub mod table;
pub mod target;
pub mod timing;
pub mod values;
pub mod wait;
