//! Tasks: users sign in, create tasks and watch them.
//!
//! # Layout
//! From the inside out. No module depends on a module below it in this list.
//!
//! * [`model`]: the things and their rules. No HTTP, no database, no clock.
//! * [`store`]: the database. One trait, two engines.
//! * [`broker`]: messages that wake workers. One trait, several engines.
//! * [`results`]: the files that jobs make.
//! * [`mail`]: mails by SMTP or as files.
//! * [`jobs`]: the types of jobs: their payloads and their work.
//! * [`work`]: the workers.
//! * [`background`]: the part of a process that answers no requests.
//! * [`events`]: the streams of events.
//! * [`access`]: who may do what.
//! * [`api`]: the operations of the document, over HTTP.
//! * [`program`]: settings and commands.

pub mod access;
pub mod api;
pub mod background;
pub mod broker;
pub mod events;
pub mod jobs;
pub mod mail;
pub mod model;
pub mod program;
pub mod results;
pub mod store;
pub mod work;
