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
mod runtime;
#[cfg(feature = "test-support")]
pub mod testing;

#[cfg(feature = "server")]
pub use runtime::{
    answer::Answer,
    context::Context,
    run::{run, run_with},
    service::{Build, Request, Service},
    *,
};
