//! The sidecar of every service: it turns the service's OpenAPI document into nginx's configuration, and becomes
//! nginx.
//!
//! A start has five steps, and the first one that fails ends it with one line and an exit code:
//!
//! 1. [`settings`]: the environment becomes types
//! 2. [`declaration`]: the document is read and checked, and the settings must fit it
//! 3. [`view`] and [`render`]: the document and the settings become the text of the configuration
//! 4. [`nginx`]: nginx tests that text
//! 5. [`start`]: nginx replaces this process
//!
//! nginx gets the key of a caller in its configuration and nowhere else. No message of this crate contains the value
//! of a setting. The binary resolves no names, so that it can be linked statically with glibc.

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
