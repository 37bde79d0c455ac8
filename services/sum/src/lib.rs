//! The exact sum of two decimal numbers over HTTP.
//!
//! * [`decimal`], [`sum`]: bytes in, an exact sum or a typed refusal out. No HTTP.
//! * [`service`]: the one operation, and the problems that a refusal becomes.
//! * `openapi.json`: everything else that callers and the platform know of it.

pub mod decimal;
pub mod service;
pub mod sum;

pub use service::Sum;
