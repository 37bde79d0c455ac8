//! The exact sum of two decimal numbers over HTTP.
//!
//! * [`decimal`], [`sum`]: turn bytes into an exact sum or a typed error. No HTTP.
//! * [`service`]: the one operation, and the problem for each error.
//! * `openapi.json`: everything else that callers and the platform use.

pub mod decimal;
pub mod service;
pub mod sum;

pub use service::Sum;
