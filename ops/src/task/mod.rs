//! Runs a task on this machine as Fargate runs it.
//!
//! The task definition comes from ECS, not from a file. Images are not pulled: a reference must contain a digest. The
//! settings of the Dockerfile (entry point, user, stop signal, files) apply to the binaries of this machine. So the
//! rehearsal tests the Dockerfile too. docs/rehearsal.md lists the differences to Fargate.

pub mod bundle;
pub mod cgroup;
pub mod container;
pub mod definition;
pub mod health;
pub mod image;
pub mod log;
pub mod network;
pub mod policy;
pub mod runner;
pub mod running;
pub mod secret;
