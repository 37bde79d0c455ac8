//! Every accepted and refused list of `contract/data/keys.json`.

use crate::support::table;
use chassis::keys::KeyRing;

#[test]
fn accepted_list_matches_only_its_keys() {
    let table = table("keys.json");
    let cases = table["accepted"].as_array().unwrap();
    assert!(cases.len() >= 27, "{}", cases.len());
    let mut wrongs = 0;
    for case in cases {
        let name = &case["name"];
        let ring = KeyRing::parse(case["value"].as_str().unwrap())
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut count = 0;
        for (client, keys) in case["clients"].as_object().unwrap() {
            for key in keys.as_array().unwrap() {
                let key = key.as_str().unwrap();
                assert_eq!(ring.client_of(key.as_bytes()), Some(client.as_str()), "{name}");
                count += 1;
            }
        }
        assert_eq!(ring.len(), count, "{name}");
        for wrong in case.get("wrong").and_then(|wrong| wrong.as_array()).into_iter().flatten() {
            assert_eq!(ring.client_of(wrong.as_str().unwrap().as_bytes()), None, "{name}: {wrong}");
            wrongs += 1;
        }
    }
    assert!(wrongs >= 34, "{wrongs} wrong keys");
}

#[test]
fn refused_list_reports_rule_and_not_keys() {
    let table = table("keys.json");
    let cases = table["refused"].as_array().unwrap();
    assert!(cases.len() >= 88, "{}", cases.len());
    let mut parts = 0;
    for case in cases {
        let (name, value) = (&case["name"], case["value"].as_str().unwrap());
        let error = KeyRing::parse(value).expect_err(&name.to_string());
        assert_eq!(error.rule(), case["rule"].as_str().unwrap(), "{name}");
        // Words of the message itself are not a leak.
        let message = error.to_string();
        for part in value.split([',', ':']).filter(|part| part.len() >= 8) {
            assert!(!message.contains(part), "{name}: {message}");
            parts += 1;
        }
    }
    assert!(parts >= 85, "{parts} parts of keys");
}
