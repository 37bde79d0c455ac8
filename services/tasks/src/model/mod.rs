//! The things of the service and their rules, without HTTP, without a database and without a clock.

pub mod attempts;
pub mod bucket;
pub mod password;
pub mod session;
pub mod timestamp;
pub mod user;
