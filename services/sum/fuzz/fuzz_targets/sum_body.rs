//! Any bytes as the body of `/sum`: no panic, and the result agrees with itself and with `serde_json`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sum_api::decimal::MAX_DIGITS;
use sum_api::sum::{SumError, sum};

fuzz_target!(|body: &[u8]| {
    let outcome = sum(body);
    // A body that is refused as "not JSON" must not be JSON. (The reverse is not checked: serde_json limits the depth
    // and range of its values, the sum does not.)
    if let Err(SumError::Syntax(_)) = outcome {
        assert!(serde_json::from_slice::<serde_json::Value>(body).is_err());
    }
    let Ok(total) = outcome else { return };
    let text = total.to_string();
    assert!(!text.contains(['e', 'E', '+']) && text != "-0");
    assert!(!text.contains('.') || !text.ends_with('0') && !text.ends_with('.'));
    // A sum that is short enough is accepted again, and adding 0 does not change it.
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
