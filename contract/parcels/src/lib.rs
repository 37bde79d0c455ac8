//! A throw-away service for the tests of the chassis and of the contract. It has features that `sum` lacks: a templated
//! path, bearer tokens, named limits and a stream.
//!
//! All data is in memory. Only [`service`] is a model for a real service: it shows what a service must implement.

pub mod service;

pub use service::Parcels;
