//! The operations of the platform: what a person on call or a reviewer runs, and chores of the repository.
//!
//! One module for each command. Each knows its own arguments and returns whether what it looked at is good; [`cli`]
//! turns that into an exit code.

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
