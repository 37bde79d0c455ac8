//! Tests of the brokers on real engines.

#![expect(clippy::unwrap_used, reason = "a panic makes a test fail, also in a helper of tests")]

#[cfg(feature = "amqp")]
mod amqp;
#[cfg(feature = "redis")]
mod redis;
#[cfg(feature = "sqs")]
mod sqs;
mod suite;
