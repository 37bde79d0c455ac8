//! The rotation of a signing key. Each deployment replaces one process after another, while requests run.
//!
//! An operator waits 15 minutes before the old key is removed, because access tokens are valid for that time. The test
//! waits until no user has a token of the old key.

use super::database::Database;
use super::http::ask;
use super::load::Load;
use super::service::{KEY, OTHER_KEY, Service, Settings, TASKS, addresses};
use super::upgrade::assert_nothing_is_lost;
use super::user::{login, refresh, register, request, status_of_me};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

const USERS: usize = 4;
/// Requests that a process answers in each step.
const STEP: u64 = 20;

/// The name of the key that signed a token.
fn key(token: &str) -> String {
    let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
    let header: serde_json::Value = serde_json::from_slice(&header).unwrap();
    header["kid"].as_str().unwrap().to_owned()
}

/// Replaces one process after the other.
fn deploy(services: [Service; 2], settings: &Settings, load: &Load) -> [Service; 2] {
    let replace = |old: Service, other: &Service| {
        load.shift(&[other.address]);
        old.drain();
        let new = Service::start(TASKS, settings);
        load.shift(&[new.address, other.address]);
        load.wait_for(new.address, STEP);
        load.wait_for(other.address, STEP);
        new
    };
    let [one, other] = services;
    let one = replace(one, &other);
    let other = replace(other, &one);
    [one, other]
}

#[test]
fn rotation_of_the_signing_key_refuses_no_valid_token() {
    let test = "rotation::rotation_of_the_signing_key_refuses_no_valid_token";
    let Some(database) = Database::start(test, &[]) else { return };
    let keys = |list: &str| database.settings.clone().with("JWT_KEYS", list);
    let services = Service::pair(&keys(KEY));
    let load = Load::start(USERS, &addresses(&services));
    let name = register(services[0].address);
    let old = login(services[0].address, &name);
    assert_eq!(key(&old.access), "k1");
    let is_accepted = |services: &[Service; 2], token: &str| {
        addresses(services).map(|process| status_of_me(process, token)) == [200, 200]
    };

    let services = deploy(services, &keys(&format!("{KEY},{OTHER_KEY}")), &load);
    assert!(is_accepted(&services, &old.access));
    assert_eq!(key(&login(services[1].address, &name).access), "k1");

    let services = deploy(services, &keys(&format!("{OTHER_KEY},{KEY}")), &load);
    assert!(is_accepted(&services, &old.access));
    let new = login(services[1].address, &name);
    assert_eq!(key(&new.access), "k2");
    assert!(is_accepted(&services, &new.access));

    load.wait_for_new_tokens();
    let services = deploy(services, &keys(OTHER_KEY), &load);
    let seen = load.stop();
    assert!(is_accepted(&services, &new.access));
    for service in &services {
        ask(service.address, &request::me(&old.access)).expect(401);
    }
    let refreshed = refresh(services[0].address, &old.refresh);
    assert_eq!(key(&refreshed.access), "k2", "the session outlives the key");
    assert!(is_accepted(&services, &refreshed.access));

    // Their access tokens have an old key. The sessions are still valid.
    let mut seen = seen;
    for kept in &mut seen.sessions {
        kept.tokens = refresh(services[0].address, &kept.tokens.refresh);
    }
    let mut sql = database.sql();
    assert_nothing_is_lost("rotation of a key", &seen, services[1].address, &mut sql);
    services.into_iter().for_each(Service::drain);
}
