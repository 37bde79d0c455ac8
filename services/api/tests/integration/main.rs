//! Tests of the process.
