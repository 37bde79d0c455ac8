//! The sidecar of every service. It turns the service's OpenAPI document into nginx's configuration, and then replaces
//! itself by nginx.
//!
//! A start has five steps. If a step fails, the sidecar writes a message and ends with an exit code:
//!
//! 1. [`settings`] parses the environment.
//! 2. [`declaration`] reads and checks the document, and checks that the settings fit it.
//! 3. [`view`] and [`render`] write the configuration from the document and the settings.
//! 4. [`nginx`] lets nginx test the configuration.
//! 5. [`start`] replaces this process by nginx.
//!
//! nginx gets the keys only in its configuration. No message of this crate contains the value of a setting. The binary
//! resolves no names, so that it can be linked statically with glibc.

pub mod address;
pub mod declaration;
pub mod failure;
pub mod healthcheck;
pub mod keys;
pub mod nginx;
pub mod pattern;
pub mod proxies;
pub mod render;
pub mod settings;
pub mod start;
pub mod view;

pub use failure::Failure;
