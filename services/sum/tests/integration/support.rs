//! The cases of `contract/sum.json`, for all modules.

use chassis::testing;
use serde_json::Value;

/// The least number of cases in `sum.json`. This fails if cases get lost.
const CASES: usize = 265;

/// A case of `sum.json`.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) body: Vec<u8>,
    pub(crate) status: u16,
    pub(crate) answer: Option<String>,
    pub(crate) problem: Option<String>,
    pub(crate) member: Option<String>,
}

pub(crate) fn corpus() -> Vec<Case> {
    let text = |case: &Value, field: &str| case.get(field).map(|v| v.as_str().unwrap().to_owned());
    let table = testing::table("contract/sum.json");
    let cases = table.as_array().unwrap().iter().map(|case| Case {
        name: text(case, "name").unwrap(),
        body: match (text(case, "body"), text(case, "body_base64")) {
            (Some(text), None) => text.into_bytes(),
            (None, Some(encoded)) => base64(&encoded),
            _ => panic!("exactly one of body and body_base64: {case}"),
        },
        status: u16::try_from(case["status"].as_u64().unwrap()).unwrap(),
        answer: text(case, "answer"),
        problem: text(case, "problem"),
        member: text(case, "member"),
    });
    let cases: Vec<Case> = cases.collect();
    assert!(cases.len() >= CASES, "{} cases, at least {CASES} are known", cases.len());
    cases
}

/// Decodes the cases that are not text.
fn base64(text: &str) -> Vec<u8> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bytes = Vec::new();
    let (mut bits, mut count) = (0_u32, 0);
    for byte in text.bytes().filter(|byte| *byte != b'=') {
        let value = ALPHABET.iter().position(|known| *known == byte).unwrap();
        bits = bits << 6 | u32::try_from(value).unwrap();
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count & 0xff) as u8);
        }
    }
    bytes
}
