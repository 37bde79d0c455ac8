//! A throw-away service. The tests of the chassis and of the contract run it, because it has what the sum has not: a
//! templated path, bearer tokens, named limits and a stream.
//!
//! Everything is in memory, and nothing of it is a model for a real service but [`service`]: it shows what a
//! service supplies.

pub mod service;

pub use service::Parcels;
