//! The chassis with a service that none of ours is: `contract/parcels/openapi.json`.

#![expect(clippy::unwrap_used, reason = "a panic in a test is how a test fails")]

#[cfg(feature = "server")]
mod app;
#[cfg(feature = "server")]
mod bearer;
mod document;
