//! A stand-in for the Application Load Balancer.
//!
//! It is `HAProxy`, configured from the listeners, rules and target group in the emulated AWS. Its runtime socket
//! registers and deregisters targets as ECS does. The drills compute the balancer's metrics from its log lines and
//! statistics. docs/rehearsal.md lists what it does not prove.

pub mod config;
mod process;
mod stats;

pub use config::Place;
pub use process::{Balancer, Target};
pub use stats::{Row, State};
