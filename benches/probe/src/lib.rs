//! Starts servers, loads them, and counts what a request costs.

pub mod count;
pub mod load;
pub mod program;
pub mod request;
pub mod server;
