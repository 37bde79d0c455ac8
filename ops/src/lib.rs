//! The operations of the platform: commands for the engineer on call, for reviewers and for the repository.
//!
//! Each command has a module with its arguments. The module returns whether its result is good, and [`cli`] converts
//! that into an exit code.

pub mod alarms;
pub mod aws;
pub mod balancer;
pub mod call;
pub mod cli;
pub mod deploy;
pub mod drill;
pub mod examples;
pub mod github;
pub mod group;
pub mod key;
pub mod openapi;
pub mod page;
pub mod plan;
pub mod plan_review;
pub mod rehearse;
pub mod release;
pub mod service;
pub mod task;
pub mod testbed;
mod variable;
