//! The common base of every service on the platform. It depends on no service.
//!
//! # Layout
//! From the inside out. No module depends on a module below it in this list.
//!
//! * [`document`]: the OpenAPI document that declares a service, checked and typed. [`keys`]: the keys of callers, and
//!   the clients that own them. The sidecar uses only these two modules.
//! * [`problem`], [`request_id`], `request_headers`, `body`: the parts of a request and of a response.
//! * [`answer`] and [`stream`]: a response, whole or piece by piece.
//! * [`service`]: the trait that a service implements. [`router`]: the operation that a request is for.
//! * [`bearer`]: tokens of signed-in users. [`auth`]: the credentials that an operation requires.
//! * [`clock`]: the time. [`context`]: what the chassis provides to a service, with [`readiness`].
//! * [`app`]: a request in, a response out. No sockets. With it [`metrics`], `panics`.
//! * [`worker`]: work without an API.
//! * `private`: the listener for operators, with [`password`] and `profile`.
//! * [`connections`] and [`server`]: sockets and time, no routes.
//! * [`derived`]: the members of a document that follow from code, with `layout`.
//! * [`cli`]: the command line. [`config`]: the checked settings. [`telemetry`]: the log. [`ssm`]: the source of keys.
//! * `testing`, with the feature `test-support`: helpers for the tests of services. `databases`, with the feature
//!   `test-databases`: real database servers.
//! * [`program`]: a service with settings and commands of its own.
//! * `serve` and `work`: the life of a process with and without an API, with `process` and `port`.
//! * [`run()`], [`run_with()`] and [`run_program()`]: the process. [`failure`]: its exit codes.

#[cfg(feature = "test-databases")]
pub mod databases;
pub mod document;
pub mod keys;
#[cfg(feature = "server")]
mod runtime;
#[cfg(feature = "test-support")]
pub mod testing;

#[cfg(feature = "server")]
pub use runtime::{
    answer::Answer,
    context::Context,
    program::{Program, Started},
    run::{run, run_program, run_with},
    service::{Build, Request, Service, Visit},
    worker::Worker,
    *,
};
