//! A task as Fargate runs one, on this machine.
//!
//! The task definition is what ECS has registered, not what a file says. Images are not pulled: an
//! image reference must be a digest, and what its Dockerfile declares (entry point, user, stop
//! signal, files) is mapped to the binaries of this machine, so that the Dockerfile is tested too.
//! How faithful it is, and where it is not: docs/rehearsal.md.

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
