//! Starts servers, loads them, and counts what a request costs.
//!
//! * [`program`]: what can be measured, and how it is started
//! * [`server`]: such a program while it runs, looked at from outside
//! * [`client`]: the load
//! * [`count`]: costs that do not depend on how busy the machine is
//! * [`gate`]: those costs against what they were
//! * [`request`]: what is asked for

pub mod client;
pub mod count;
pub mod gate;
mod head;
pub mod program;
pub mod request;
pub mod server;
