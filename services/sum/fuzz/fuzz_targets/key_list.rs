//! Any text as `API_KEY`: no panic, an accepted list matches each of its keys, an error contains no part of the list.
#![no_main]

use chassis::keys::KeyRing;
use libfuzzer_sys::fuzz_target;

/// The error messages, without digits.
const REFUSALS: [&str; 6] = [
    "is empty; it must hold one or more keys separated by commas, or none",
    "entry is empty; entries are separated by single commas",
    "entry: a client name is to of a-z - -",
    "entry: a key is made of A-Z a-z - . _ - only",
    "entry: a key is to characters long",
    "entry repeats the key of entry",
];

fuzz_target!(|list: &str| {
    match KeyRing::parse(list) {
        Ok(ring) if list == "none" => assert!(ring.is_empty()),
        Ok(ring) => {
            let entries = list.split(',').map(|e| e.split_once(':').unwrap_or(("default", e)));
            let mut count = 0;
            for (client, key) in entries {
                assert_eq!(ring.client_of(key.as_bytes()), Some(client));
                let longer = format!("{key}x");
                assert!(ring.client_of(longer.as_bytes()).is_none() || list.contains(&longer));
                count += 1;
            }
            assert_eq!(ring.len(), count);
            assert_eq!(ring.client_of(b""), None);
        }
        Err(error) => {
            let said: String = error.to_string().chars().filter(|c| !c.is_ascii_digit()).collect();
            let said = said.split_whitespace().collect::<Vec<_>>().join(" ").replace(" :", ":");
            assert!(REFUSALS.contains(&said.as_str()), "{said}");
        }
    }
});
