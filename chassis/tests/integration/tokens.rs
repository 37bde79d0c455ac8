//! The settings of bearer tokens and the key rotation in the real process, and the tokens that a service signs.

use crate::process::{Server, finish, run, unsigned};
use crate::support::{SIGNING, ask, open_app, ready_app};
use chassis::Context;
use chassis::bearer::Issuer;
use chassis::cli::{self, Offers};
use chassis::testing::{ask_json, ready};
use parcels::Parcels;
use std::time::{SystemTime, UNIX_EPOCH};

const KEYED: (&str, &str) = ("API_KEY", "tests:Test-Key-1");
const NEXT: &str = "k2:QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVowMTIzNDU";

fn refused(environment: &[(&str, &str)], words: &[&str]) {
    let output = finish(unsigned(&[], environment));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), stderr.lines().count()), (Some(64), 1), "{stderr}");
    for word in words {
        assert!(stderr.contains(word), "{word:?} is not in {stderr:?}");
    }
    for secret in [SIGNING, NEXT] {
        assert!(!stderr.contains(&secret[3..]), "{stderr}");
    }
}

/// A token that is valid now.
fn token(keys: &str, iss: &str, aud: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    Issuer::new(keys, iss, aud).unwrap().sign("u1", "s1", "j1", now, 900)
}

fn list(server: &Server, token: &str) -> u16 {
    let head = "GET /parcels HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer";
    server.ask(&format!("{head} {token}\r\n\r\n")).0
}

#[test]
fn service_does_not_start_without_signing_keys() {
    let short = format!("{SIGNING},k2:c2hvcnQ");
    let twice = format!("{SIGNING},{SIGNING}");
    for (environment, words) in [
        (vec![], ["JWT_KEYS is not set", "JWT_KEYS_PARAMETER"]),
        (vec![("JWT_KEYS", "")], ["JWT_KEYS entry 1", "kid:secret"]),
        (vec![("JWT_KEYS", short.as_str())], ["JWT_KEYS entry 2", "base64url"]),
        (vec![("JWT_KEYS", twice.as_str())], ["JWT_KEYS entry 2", "repeats"]),
        (vec![("JWT_KEYS", SIGNING), ("JWT_KEYS_PARAMETER", "/k")], ["JWT_KEYS", "exactly one"]),
        (vec![("JWT_KEYS_PARAMETER", "")], ["--jwt-keys-parameter", "SSM parameter"]),
        (vec![("JWT_KEYS", SIGNING), ("JWT_ISSUER", "")], ["--jwt-issuer", "visible ASCII"]),
        (vec![("JWT_KEYS", SIGNING), ("JWT_AUDIENCE", "a b")], ["--jwt-audience", "visible ASCII"]),
    ] {
        refused(&[&[KEYED], environment.as_slice()].concat(), &words);
    }
    // A secret must not be on the command line. The error must not contain it.
    let output = run(&["serve", &format!("--jwt-keys={NEXT}")], &[KEYED]);
    assert_eq!(output.status.code(), Some(64));
    assert!(!String::from_utf8(output.stderr).unwrap().contains(&NEXT[3..]));
}

#[test]
fn a_key_is_rotated_without_a_refused_token() {
    let (old, new) = (token(SIGNING, "parcels", "parcels"), token(NEXT, "parcels", "parcels"));
    let both = [format!("{SIGNING},{NEXT}"), format!("{NEXT},{SIGNING}")];
    for (keys, accepted) in
        [(SIGNING, [200, 401]), (&both[0], [200, 200]), (&both[1], [200, 200]), (NEXT, [401, 200])]
    {
        let mut server = Server::start(&["--log-level", "trace"], &[KEYED, ("JWT_KEYS", keys)]);
        let kids: Vec<&str> = keys.split(',').map(|entry| &entry[..2]).collect();
        assert_eq!(server.event("ready")["signing_keys"], kids.join(","));
        assert_eq!([list(&server, &old), list(&server, &new)], accepted, "{kids:?}");
        server.signal("TERM");
        let log = format!("{:?}", server.end().1);
        assert!(!log.contains(&SIGNING[3..]) && !log.contains(&NEXT[3..]) && !log.contains(&old));
    }
}

#[test]
fn issuer_and_audience_come_from_environment() {
    let settings = [("JWT_ISSUER", "https://live.example"), ("JWT_AUDIENCE", "post")];
    let mut server = Server::start(&[], &[&[KEYED], &settings[..]].concat());
    server.event("ready");
    for (iss, aud, status) in [
        ("https://live.example", "post", 200),
        ("https://test.example", "post", 401),
        ("https://live.example", "parcels", 401),
        ("parcels", "parcels", 401),
    ] {
        assert_eq!(list(&server, &token(SIGNING, iss, aud)), status, "{iss} {aud}");
    }
}

#[test]
fn service_without_tokens_has_no_token_settings() {
    use chassis::program::{NoCommand, NoSettings};
    use chassis::{Build, document::Document};
    let build = Build { version: "1.0.0", revision: None, log_target: "x" };
    let sum = include_str!("../../../services/sum/openapi.json");
    let parse = |document: &str| {
        let arguments = ["x", "serve", "--jwt-issuer", "y"].map(Into::into);
        cli::parse::<NoSettings, NoSettings, NoCommand>(
            &Document::parse(document).unwrap(),
            build,
            Offers::default(),
            arguments,
        )
    };
    assert!(parse(crate::support::PARCELS).is_ok());
    assert!(parse(sum).unwrap_err().to_string().contains("--jwt-issuer"));
}

#[tokio::test]
async fn chassis_accepts_tokens_of_service() {
    let ada = r#"{"owner":"ada"}"#;
    let app = ready_app();
    let issued = ask_json(&app, "POST /tokens", ada).await;
    assert_eq!(issued.status.as_u16(), 201, "{}", issued.body);
    let token = format!("Bearer {}", issued.json()["token"].as_str().unwrap());
    let whose = ask(&app, "GET /tokens", &[("authorization", &token)], "").await;
    assert_eq!((whose.status.as_u16(), whose.body.as_str()), (200, ada));
    // The key opens the operation. Only the signing lacks keys.
    let reply = ask_json(&open_app(), "POST /tokens", ada).await;
    assert_eq!(reply.status.as_u16(), 500, "{}", reply.body);
}

#[tokio::test]
async fn signing_fails_before_keys_are_loaded() {
    let context = Context::default();
    let early = context.signer().sign("ada", "s1", "j1", 900).unwrap_err();
    assert_eq!(
        (early.status().as_u16(), early.cause()),
        (503, Some("the keys are not loaded yet"))
    );
}

#[tokio::test]
async fn readiness_contains_condition_of_service() {
    let mut condition = None;
    let app = ready(|context| {
        condition = Some(context.condition("store"));
        Parcels::new(context)
    });
    for (ok, state) in [(false, "away"), (true, "ok")] {
        condition.as_ref().unwrap().note(ok);
        let reply = ask(&app, "GET /readyz", &[], "").await;
        let expected = format!("{{\"status\":\"ready\",\"store\":\"{state}\"}}");
        assert_eq!((reply.status.as_u16(), reply.body), (200, expected));
    }
}
