//! A throw-away service for the tests of the chassis and of the contract. It has features that `sum` lacks: a templated
//! path, bearer tokens, named limits, a stream, unique names, an operation that ends its own caller, and a page.
//!
//! All data is in memory. Only [`service`] is a model for a real service: it shows what a service must implement.

pub mod service;

pub use service::Parcels;
