//! The tests of the contract: one binary, one module a feature. README.md says what each proves.

mod access_log;
mod address;
mod conformance;
mod corpus;
mod drain;
mod every_byte;
mod garbage;
mod half_close;
mod keep_alive;
mod keys;
mod late_body;
mod parcels;
mod rate;
mod replace;
mod request_id;
mod routes;
mod secrets;
mod slow;
mod smuggling;
mod start;
mod upstream;
