//! Tests the contract of every service with the real service behind the real nginx.
//!
//! This library is the harness, `tests/contract` are the tests, `data` are the tables they share.
//!
//! * [`stack`] starts both processes on free ports; [`target`] is such a stack or one that already runs
//! * [`http`] and [`connection`] send HTTP/1.1 byte by byte, because ordinary clients cannot send half of the cases
//! * [`service`] finds the services and reads their documents; [`call`] is the valid case of an operation, with the
//!   [`values`] of the service's setup and its [`case`]; [`callers`] decides which calls share a setup
//! * [`variant`] is a setting with which a service gives the same responses, such as another database
//! * [`shape`] checks the headers and the form of every response, especially of errors
//! * [`list`] checks the minimum length of a list
//! * [`load`] sends requests continuously while a test replaces a task or a key
//! * [`stub`] is an API that misbehaves
//! * [`browser`] loads a page in Chromium
//! * [`schemathesis`] generates requests from a document
//!
//! The harness blocks and uses threads. A test reads from top to bottom and needs no knowledge of an async runtime.
#![expect(clippy::missing_panics_doc, reason = "a panic is how the harness fails the test")]

pub mod binary;
pub mod browser;
pub mod call;
pub mod callers;
pub mod case;
pub mod connection;
pub mod http;
pub mod keyed;
pub mod list;
pub mod load;
pub mod log;
pub mod metrics;
pub mod port;
pub mod process;
pub mod schemathesis;
pub mod server;
pub mod service;
pub mod shape;
pub mod stack;
pub mod stub;
pub mod table;
pub mod target;
pub mod timing;
pub mod values;
pub mod variant;
pub mod wait;
