//! Tests of the service through its library.
