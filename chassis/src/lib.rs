//! What every service of the platform is built on. It knows no service.
//!
//! * [`document`]: the OpenAPI document that declares a service, checked and typed.
//! * [`keys`]: the keys that callers present, and whose they are.

pub mod document;
pub mod keys;
