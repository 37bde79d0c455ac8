//! What every service of the platform is built on. It knows no service.
//!
//! # Layout
//! From the inside out; nothing knows what stands below it in this list.
//!
//! * [`document`]: the OpenAPI document that declares a service, checked and typed. [`keys`]: the keys that callers
//!   present, and whose they are. The sidecar uses these two, and nothing else of the chassis.
//! * [`problem`], [`request_id`], `request_headers`, `body`: the parts of a request and of a response.
//! * [`answer`] and [`stream`]: a response, whole or piece by piece.
//! * [`service`]: what a service gives the chassis. [`router`]: which of its operations a request asks for.
//! * [`bearer`]: tokens of signed-in users. [`auth`]: the credentials that an operation requires.
//! * [`context`]: what the chassis lends a service, with [`readiness`].
//! * [`app`]: a request in, a response out. No sockets. With it [`metrics`], `panics`.
//! * `private`: what operators read, with [`password`] and `profile`.
//! * [`connections`] and [`server`]: sockets and time, no routes.
//! * [`cli`] is what was typed, [`config`] what follows from it, [`telemetry`] the log, [`ssm`] where keys come from.
//! * `testing`, with the feature `test-support`: what the tests of services share.
//! * [`run()`] and [`run_with()`]: the process, and [`failure`] how it ends.

pub mod document;
pub mod keys;

#[cfg(feature = "server")]
pub mod answer;
#[cfg(feature = "server")]
pub mod app;
#[cfg(feature = "server")]
pub mod auth;
#[cfg(feature = "server")]
pub mod bearer;
#[cfg(feature = "server")]
pub mod body;
#[cfg(feature = "server")]
pub mod cli;
#[cfg(feature = "server")]
pub mod config;
#[cfg(feature = "server")]
pub mod connections;
#[cfg(feature = "server")]
pub mod context;
#[cfg(feature = "server")]
pub mod failure;
#[cfg(feature = "server")]
pub mod healthcheck;
#[cfg(feature = "server")]
pub mod metrics;
#[cfg(feature = "server")]
mod panics;
#[cfg(feature = "server")]
pub mod password;
#[cfg(feature = "server")]
mod private;
#[cfg(feature = "server")]
pub mod problem;
#[cfg(feature = "server")]
mod profile;
#[cfg(feature = "server")]
pub mod readiness;
#[cfg(feature = "server")]
mod request_headers;
#[cfg(feature = "server")]
pub mod request_id;
#[cfg(feature = "server")]
pub mod router;
#[cfg(feature = "server")]
mod run;
#[cfg(feature = "server")]
mod serve;
#[cfg(feature = "server")]
pub mod server;
#[cfg(feature = "server")]
pub mod service;
#[cfg(feature = "server")]
pub mod ssm;
#[cfg(feature = "server")]
pub mod stream;
#[cfg(feature = "server")]
pub mod telemetry;
#[cfg(feature = "test-support")]
pub mod testing;

#[cfg(feature = "server")]
pub use answer::Answer;
#[cfg(feature = "server")]
pub use context::Context;
#[cfg(feature = "server")]
pub use run::{run, run_with};
#[cfg(feature = "server")]
pub use service::{Build, Request, Service};

/// The document of the throw-away service, for tests.
#[cfg(all(test, feature = "server"))]
fn test_document() -> document::Document {
    document::Document::parse(include_str!("../../contract/parcels/openapi.json"))
        .expect("the document is valid")
}
