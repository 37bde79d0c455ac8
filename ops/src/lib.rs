//! The operations of sum-api: what a person on call or a reviewer runs.
