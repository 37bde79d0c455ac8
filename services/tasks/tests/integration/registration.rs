//! `POST /auth/register`.

use crate::support::{
    OTHER_PASSWORD, PASSWORD, Setup, Testbed, credentials, pointers, retry_after,
};
use chassis::testing::ask;
use serde_json::{Value, json};
use std::time::Duration;
use tasks::access::Registration;
use tasks::model::user::Role;
use uuid::Uuid;

const DAY: Duration = Duration::from_hours(24);

#[tokio::test]
async fn new_user_is_shown_without_the_password() {
    let bed = Testbed::new().await;
    let reply = bed.post("/auth/register", &credentials("Ada_L-1", PASSWORD)).await;
    assert_eq!(reply.status, 201);
    assert_eq!(reply.header("content-type"), Some("application/json"));
    let mut user = reply.json();
    let id: Uuid = user["user_id"].as_str().unwrap().parse().unwrap();
    assert_eq!(id.get_version_num(), 7);
    user["user_id"] = Value::Null;
    let expected = json!({
        "user_id": null,
        "username": "ada_l-1",
        "role": "user",
        "created_at": "2027-01-15T08:00:00.000Z",
    });
    assert_eq!(user, expected);
}

#[tokio::test]
async fn taken_name_is_a_conflict_in_any_case() {
    let bed = Testbed::new().await;
    bed.register("ada").await;
    for name in ["ada", "ADA", "Ada"] {
        let reply = bed.post("/auth/register", &credentials(name, OTHER_PASSWORD)).await;
        assert_eq!(reply.status, 409, "{name}");
        assert_eq!(reply.json()["type"], "urn:tasks:problem:name-taken");
    }
    // The password of the first user is unchanged.
    bed.session("ada").await;
}

#[tokio::test]
async fn closed_registration_does_nothing() {
    let setup = Setup { registration: Registration::Closed, ..Setup::default() };
    let bed = Testbed::with(setup).await;
    let reply = bed.post("/auth/register", &credentials("ada", PASSWORD)).await;
    assert_eq!(reply.status, 403);
    assert_eq!(reply.json()["type"], "urn:tasks:problem:registration-closed");
    assert!(bed.journal.take().is_empty());
}

#[tokio::test]
async fn password_is_hashed_before_the_name_is_looked_up() {
    let bed = Testbed::new().await;
    for (name, status) in [("ada", 201), ("ada", 409), ("grace", 201)] {
        let reply = bed.post("/auth/register", &credentials(name, PASSWORD)).await;
        assert_eq!(reply.status, status);
        assert_eq!(bed.journal.take(), ["hash", "create_user"], "{name}: {status}");
    }
}

#[tokio::test]
async fn name_of_an_authority_cannot_be_registered() {
    let bed = Testbed::new().await;
    for name in ["admin", "Admin", "ROOT", "me", "system", "administrator", "support", "sysadmin"] {
        let reply = bed.post("/auth/register", &credentials(name, PASSWORD)).await;
        assert_eq!(pointers(&reply), ["/username"], "{name}");
    }
    // It would also be no administrator.
    assert_eq!(bed.register("admin-of-nothing").await["role"], Role::User.as_str());
}

#[tokio::test]
async fn username_and_password_have_their_sizes() {
    let bed = Testbed::new().await;
    let (longest, too_long) = ("a".repeat(32), "a".repeat(33));
    for (name, valid) in [
        ("abc", true),
        (&longest, true),
        ("a-9", true),
        ("z__", true),
        ("Zed", true),
        ("ab", false),
        ("", false),
        (&too_long, false),
        ("1ab", false),
        ("_ab", false),
        ("-ab", false),
        ("a b", false),
        ("a.b", false),
        ("a@b", false),
        ("éab", false),
        ("abé", false),
        // Its lower case is the letter k.
        ("a\u{212a}b", false),
        ("abc\n", false),
        ("abc\0", false),
    ] {
        let reply = bed.post("/auth/register", &credentials(name, PASSWORD)).await;
        if valid {
            assert_eq!(reply.status, 201, "{name:?}: {}", reply.body);
        } else {
            let pointers = pointers(&reply);
            assert!(pointers.iter().all(|pointer| pointer == "/username"), "{name:?}");
        }
    }
    for (number, (password, valid)) in [
        ("x2345678".to_owned(), true),
        ("é".repeat(8), true),
        ("x".repeat(128), true),
        ("🐎".repeat(128), true),
        ("seven77".to_owned(), false),
        ("é".repeat(7), false),
        (String::new(), false),
        ("x".repeat(129), false),
        ("🐎".repeat(129), false),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("user-{number}");
        let reply = bed.post("/auth/register", &credentials(&name, &password)).await;
        if valid {
            assert_eq!(reply.status, 201, "{password:?}: {}", reply.body);
            assert_eq!(bed.login(&name, &password).await.status, 200, "{password:?}");
        } else {
            assert_eq!(pointers(&reply), ["/password"], "{password:?}");
        }
    }
}

#[tokio::test]
async fn common_password_is_refused() {
    let bed = Testbed::new().await;
    for password in ["password", "12345678", "Password1", "CHANGEME", "supersecret", "admin123"] {
        let reply = bed.post("/auth/register", &credentials("ada", password)).await;
        assert_eq!(pointers(&reply), ["/password"], "{password}");
        let detail = reply.json()["errors"][0]["detail"].clone();
        assert_eq!(detail, "is one of the most common passwords");
    }
    assert!(bed.journal.take().is_empty());
}

#[tokio::test]
async fn all_errors_of_a_body_are_named() {
    let bed = Testbed::new().await;
    for (body, expected) in [
        (json!({}), &["/password", "/username"][..]),
        (json!({"username": "ada"}), &["/password"]),
        (json!({"username": "ada", "password": 12_345_678}), &["/password"]),
        (json!({"username": null, "password": PASSWORD}), &["/username"]),
        (json!({"username": ["ada"], "password": {}}), &["/password", "/username"]),
        (json!({"username": "ada", "password": PASSWORD, "role": "admin"}), &["/role"]),
        (json!({"username": "ada", "password": PASSWORD, "a/b~c": 1}), &["/a~1b~0c"]),
        (
            json!({"username": "root", "password": "password", "role": 1, "admin": true}),
            &["/admin", "/password", "/role", "/username"],
        ),
        (json!([]), &[""]),
        (json!("ada"), &[""]),
        (json!(null), &[""]),
    ] {
        let headers = [("content-type", "application/json")];
        let reply = ask(&bed.app, "POST /auth/register", &headers, body.to_string()).await;
        assert_eq!(pointers(&reply), expected, "{body}");
        assert!(!reply.body.contains(PASSWORD));
    }
    for body in [&b""[..], b"{", b"{\"username\":}", b"\xff", b"ada", b"{} {}"] {
        let headers = [("content-type", "application/json")];
        let reply = ask(&bed.app, "POST /auth/register", &headers, body).await;
        assert_eq!(reply.status, 400, "{body:?}");
    }
    assert!(bed.journal.take().is_empty());
}

#[tokio::test]
async fn registrations_of_an_address_have_a_daily_cap() {
    let bed = Testbed::with(Setup { registrations_per_address: 3, ..Setup::default() }).await;
    for name in ["one", "two", "three"] {
        bed.register(name).await;
        bed.advance(Duration::from_mins(10));
    }
    bed.journal.take();
    let refused = bed.post("/auth/register", &credentials("four", PASSWORD)).await;
    assert_eq!(refused.status, 429);
    assert_eq!(retry_after(&refused), DAY.as_secs() - 30 * 60);
    for header in ["ratelimit", "ratelimit-policy"] {
        assert_eq!(refused.header(header), None);
    }
    assert!(bed.journal.take().is_empty(), "it is checked before the hash");
    let five = credentials("five", PASSWORD);
    assert_eq!(bed.post_from("192.0.2.2", "/auth/register", &five).await.status, 201);
    bed.advance(Duration::from_mins(23 * 60 + 30));
    bed.register("four").await;
    let refused = bed.post("/auth/register", &credentials("six", PASSWORD)).await;
    assert_eq!((refused.status.as_u16(), retry_after(&refused)), (429, 600));
}

/// Otherwise the cap would not stop a stranger who looks for names.
#[tokio::test]
async fn taken_name_counts_as_a_registration() {
    let bed = Testbed::with(Setup { registrations_per_address: 2, ..Setup::default() }).await;
    bed.register("ada").await;
    for status in [409, 429, 429] {
        let reply = bed.post("/auth/register", &credentials("ada", PASSWORD)).await;
        assert_eq!(reply.status, status);
    }
}

#[tokio::test]
async fn registration_that_the_service_could_not_make_does_not_count() {
    let bed = Testbed::with(Setup { registrations_per_address: 1, ..Setup::default() }).await;
    bed.store.set_away(true);
    for _ in 0..3 {
        let reply = bed.post("/auth/register", &credentials("ada", PASSWORD)).await;
        assert_eq!((reply.status.as_u16(), retry_after(&reply)), (503, 1));
    }
    bed.store.set_away(false);
    bed.register("ada").await;
}
