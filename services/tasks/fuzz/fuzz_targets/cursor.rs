//! Any text as a cursor, a key or a time: an accepted one is printed back.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../tests/integration/inputs.rs"]
#[expect(dead_code, reason = "each target runs one function")]
mod inputs;

fuzz_target!(|text: &str| inputs::cursor(text));
