//! The tests of the contract: one binary, one module a feature. README.md says what each proves.

mod conformance;
mod routes;
