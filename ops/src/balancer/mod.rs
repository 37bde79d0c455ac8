//! A stand-in for the Application Load Balancer, made from what was applied.
//!
//! `HAProxy`, configured from the listeners, rules and target group that the emulated AWS holds. Its
//! runtime socket registers and deregisters targets as ECS does; its log lines and statistics are
//! what the drills make the balancer's metrics from. What it does not prove: docs/rehearsal.md.

pub mod config;
mod process;
mod stats;

pub use config::Place;
pub use process::{Balancer, Target};
pub use stats::{Row, State};
