//! Any text as a bearer token, or as a part of one: only the token itself is verified.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../tests/integration/inputs.rs"]
#[expect(dead_code, reason = "each target runs one function")]
mod inputs;

fuzz_target!(|text: &str| inputs::token(text));
