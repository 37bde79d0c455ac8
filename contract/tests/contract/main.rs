//! The tests of the contract: one binary, one module per feature. README.md describes each module.

mod access_log;
mod address;
mod every;
mod every_byte;
mod garbage;
mod keep_alive;
mod keys;
mod late_body;
mod own;
mod rate;
mod replace;
mod request_id;
mod secrets;
mod start;
mod upstream;
