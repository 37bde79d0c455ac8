//! The `OpenAPI` 3.1 description: one document, served by `/openapi.json` and printed by `sum-api openapi`.
//!
//! It describes the public contract, that is, what comes out of the sidecar: 429 and the gateway's own errors
//! are in it, `/metrics` is not. A test holds it to the routes, methods, statuses and bodies of the real thing.

/// The document, as JSON.
pub const DOCUMENT: &str = include_str!("../openapi.json");
