//! Starts servers, loads them, and counts the cost of a request.

pub mod count;
pub mod load;
pub mod program;
pub mod request;
pub mod server;
