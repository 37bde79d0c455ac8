//! Everything of the chassis except the document and the keys. It is one module, so that one `cfg` checks the feature
//! `server`. The crate's root re-exports and describes its modules.

pub mod answer;
pub mod app;
pub mod auth;
pub mod bearer;
pub mod body;
pub mod cli;
pub mod clock;
pub mod config;
pub mod connections;
pub mod context;
pub mod derived;
pub mod failure;
pub mod healthcheck;
pub(crate) mod layout;
pub mod metrics;
pub(crate) mod panics;
pub mod password;
pub(crate) mod private;
pub mod problem;
pub(crate) mod profile;
pub mod program;
pub mod readiness;
pub(crate) mod request_headers;
pub mod request_id;
pub mod router;
pub(crate) mod run;
pub(crate) mod serve;
pub mod server;
pub mod service;
pub mod ssm;
pub mod stream;
pub mod telemetry;
#[cfg(feature = "validation")]
pub mod validation;
