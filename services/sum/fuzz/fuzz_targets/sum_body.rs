//! Any bytes as the body of `/sum`: no panic, and what comes out agrees with itself and with `serde_json`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sum_api::decimal::MAX_DIGITS;
use sum_api::sum::{SumError, sum};

fuzz_target!(|body: &[u8]| {
    let outcome = sum(body);
    // "Not JSON" must be true. (The reverse does not hold: serde_json's own values are bounded in depth and
    // range, ours are not.)
    if let Err(SumError::Syntax(_)) = outcome {
        assert!(serde_json::from_slice::<serde_json::Value>(body).is_err());
    }
    let Ok(total) = outcome else { return };
    let text = total.to_string();
    assert!(!text.contains(['e', 'E', '+']) && text != "-0");
    assert!(!text.contains('.') || !text.ends_with('0') && !text.ends_with('.'));
    // A sum that is short enough is a number that is accepted again, and adding nothing changes nothing.
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let again = sum(format!("{{\"b\":0,\"a\":{text}}}").as_bytes());
    match again {
        Ok(again) => assert_eq!(again.to_string(), text),
        Err(error) => {
            assert!(matches!(error, SumError::OutOfRange(..)));
            assert!(digits as i64 > MAX_DIGITS);
        }
    }
});
