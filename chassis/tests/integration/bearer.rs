//! Bearer tokens: signature, audience and expiry.

use chassis::bearer::{Issuer, Rejected, SigningKeysError};

const OLD: &str = "2025:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE";
const NEW: &str = "2026:QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVowMTIzNDU";
const NOW: u64 = 1_800_000_000;

fn issuer(list: &str) -> Issuer {
    Issuer::new(list, "https://tasks.example", "tasks").unwrap()
}

#[test]
fn token_is_valid_until_it_expires() {
    let issuer = issuer(NEW);
    let token = issuer.sign("u1", "s1", "j1", NOW, 900);
    let claims = issuer.verify(&token, NOW + 899).unwrap();
    assert_eq!((claims.sub.as_str(), claims.sid.as_str(), claims.jti.as_str()), ("u1", "s1", "j1"));
    assert!(issuer.verify(&token, NOW + 904).is_ok(), "clocks differ");
    assert_eq!(issuer.verify(&token, NOW + 905), Err(Rejected::Expired));
    assert!(issuer.verify(&token, NOW - 5).is_ok(), "clocks differ");
    assert_eq!(issuer.verify(&token, NOW - 6), Err(Rejected::TooEarly));
}

#[test]
fn a_key_is_rotated_without_a_refused_token() {
    let (before, second) = (issuer(OLD), issuer(&format!("{OLD},{NEW}")));
    let (first, after) = (issuer(&format!("{NEW},{OLD}")), issuer(NEW));
    let old = before.sign("u", "s", "j", NOW, 900);
    let new = first.sign("u", "s", "j", NOW, 900);
    for issuer in [&second, &first] {
        assert!(issuer.verify(&old, NOW).is_ok() && issuer.verify(&new, NOW).is_ok());
    }
    assert_eq!(second.sign("u", "s", "j", NOW, 900), old, "the first key signs");
    assert_eq!(after.verify(&old, NOW), Err(Rejected::UnknownKey));
    assert!(after.verify(&new, NOW).is_ok());
}

#[test]
fn token_of_another_issuer_is_refused() {
    let ours = issuer(NEW);
    for (iss, aud) in [("https://other.example", "tasks"), ("https://tasks.example", "sum")] {
        let other = Issuer::new(NEW, iss, aud).unwrap();
        let token = other.sign("u", "s", "j", NOW, 900);
        assert_eq!(ours.verify(&token, NOW), Err(Rejected::Invalid), "{iss} {aud}");
    }
    let same_name = issuer(&OLD.replace("2025", "2026"));
    let token = same_name.sign("u", "s", "j", NOW, 900);
    assert_eq!(ours.verify(&token, NOW), Err(Rejected::Invalid));
}

#[test]
fn token_with_changed_byte_is_refused() {
    let issuer = issuer(NEW);
    let token = issuer.sign("u", "s", "j", NOW, 900);
    // The last character of each part can have unused bits.
    let ends: Vec<usize> =
        token.match_indices('.').map(|(at, _)| at - 1).chain([token.len() - 1]).collect();
    let mut refused = 0;
    for at in (0..token.len()).filter(|at| !ends.contains(at)) {
        let mut changed = token.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        assert!(issuer.verify(&changed, NOW).is_err(), "{at}");
        refused += 1;
    }
    assert!(refused > 200, "{refused}");
}

#[test]
fn token_cannot_choose_algorithm_or_key() {
    let issuer = issuer(NEW);
    let token = issuer.sign("u", "s", "j", NOW, 900);
    let (_, rest) = token.split_once('.').unwrap();
    for header in [
        r#"{"alg":"none","kid":"2026"}"#,
        r#"{"alg":"HS384","kid":"2026"}"#,
        r#"{"alg":"RS256","kid":"2026"}"#,
        r#"{"alg":"HS256"}"#,
    ] {
        let header = base64url(header.as_bytes());
        for token in
            [format!("{header}.{rest}"), format!("{header}.{}.", rest.split('.').next().unwrap())]
        {
            assert_eq!(issuer.verify(&token, NOW), Err(Rejected::Malformed), "{token}");
        }
    }
    for token in ["", ".", "..", "a.b.c", &token[1..], &format!("{token}.x")] {
        assert!(issuer.verify(token, NOW).is_err(), "{token}");
    }
}

fn base64url(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let bits = three.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
        let bits = bits << (8 * (3 - three.len()));
        for digit in 0..=three.len() {
            text.push(ALPHABET[(bits >> (18 - 6 * digit) & 63) as usize].into());
        }
    }
    text
}

#[test]
fn invalid_key_list_is_refused_and_not_shown() {
    let short = "a:c2hvcnQ";
    for (list, error) in [
        (String::new(), SigningKeysError::Form(1)),
        ("nothing".into(), SigningKeysError::Form(1)),
        (format!("{NEW},"), SigningKeysError::Form(2)),
        (format!(":{}", &NEW[5..]), SigningKeysError::Kid(1)),
        (format!("a b:{}", &NEW[5..]), SigningKeysError::Kid(1)),
        (format!("{}:{}", "k".repeat(33), &NEW[5..]), SigningKeysError::Kid(1)),
        (format!("{NEW},{NEW}"), SigningKeysError::Duplicate(2)),
        (short.into(), SigningKeysError::Secret(1)),
        (format!("{NEW}="), SigningKeysError::Secret(1)),
        (format!("{NEW} "), SigningKeysError::Secret(1)),
        (format!("a:{}", "é".repeat(40)), SigningKeysError::Secret(1)),
    ] {
        let found = Issuer::new(&list, "i", "a").unwrap_err();
        assert_eq!(found, error, "{list:?}");
        assert!(list.len() < 9 || !found.to_string().contains(&list), "{found}");
    }
    assert!(!format!("{:?}", issuer(NEW)).contains(&NEW[5..]));
}
