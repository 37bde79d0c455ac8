//! A model of the work that is checked completely within its bounds: each order of the steps of processes, callers and
//! faults.
//!
//! A job changes by the functions of the service itself ([`job`]), so a defect in them breaks the model. The transactions
//! ([`database`]) and the loops of the workers ([`steps`]) are written again, without time and without SQL. The suite `store`
//! compares the transactions with the real ones.

#![expect(clippy::unwrap_used, reason = "a panic makes a test fail, also in a helper of tests")]

mod checks;
mod database;
mod failures;
mod job;
mod properties;
mod rules;
mod state;
mod steps;
