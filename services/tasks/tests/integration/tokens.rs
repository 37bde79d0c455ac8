//! Access tokens: forged and outdated ones are refused, and the store decides about session and role.

use crate::support::{OTHER_PASSWORD, PASSWORD, Pair, Testbed};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chassis::bearer::Issuer;
use chassis::testing::{NOW, SIGNING, ask, issuer};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use std::time::Duration;
use tasks::model::user::{Role, Username};
use tasks::store::Users;

/// The claims of a token.
fn claims(token: &str) -> Value {
    let part = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

/// Claims with one more member, which replaces one of the same name.
fn with(claims: &Value, name: &str, value: impl Into<Value>) -> Value {
    let mut claims = claims.clone();
    claims[name] = value.into();
    claims
}

/// Claims without a member.
fn without(claims: &Value, name: &str) -> Value {
    let mut claims = claims.clone();
    claims.as_object_mut().unwrap().remove(name);
    claims
}

fn header(algorithm: Algorithm, kid: Option<&str>) -> Header {
    Header { kid: kid.map(Into::into), ..Header::new(algorithm) }
}

/// Signs with a secret in base64url.
fn sign(header: &Header, claims: &Value, secret: &str) -> String {
    let secret = URL_SAFE_NO_PAD.decode(secret).unwrap();
    encode(header, claims, &EncodingKey::from_secret(&secret)).unwrap()
}

fn base64(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// A token with this header and the signature of another token.
fn unsigned(header: &Value, claims: &Value, signature: &str) -> String {
    format!("{}.{}.{signature}", base64(header), base64(claims))
}

#[tokio::test]
async fn forged_token_is_refused() {
    let bed = Testbed::new().await;
    let good = bed.user("ada").await.access;
    let claims = claims(&good);
    let secret = SIGNING.strip_prefix("k1:").unwrap();
    let other_secret = URL_SAFE_NO_PAD.encode([7; 32]);
    let hs256 = header(Algorithm::HS256, Some("k1"));
    let signature = good.rsplit('.').next().unwrap();
    let text = |part: usize| good.split('.').nth(part).unwrap().to_owned();
    let resigned = |claims: &Value| sign(&hs256, claims, secret);
    // The helper itself makes a valid token.
    assert_eq!(bed.me(&resigned(&claims)).await.status, 200);

    let none = |algorithm: &str| json!({"typ": "JWT", "alg": algorithm, "kid": "k1"});
    let rows = [
        ("alg none, no signature", unsigned(&none("none"), &claims, "")),
        ("alg None", unsigned(&none("None"), &claims, "")),
        ("alg NONE with a signature", unsigned(&none("NONE"), &claims, signature)),
        ("no alg", unsigned(&json!({"kid": "k1"}), &claims, signature)),
        ("no signature", format!("{}.{}.", text(0), text(1))),
        ("two parts", format!("{}.{}", text(0), text(1))),
        ("HS384", sign(&header(Algorithm::HS384, Some("k1")), &claims, secret)),
        ("HS512", sign(&header(Algorithm::HS512, Some("k1")), &claims, secret)),
        ("alg RS256", unsigned(&none("RS256"), &claims, signature)),
        ("alg ES256", unsigned(&none("ES256"), &claims, signature)),
        ("unknown kid", sign(&header(Algorithm::HS256, Some("k2")), &claims, secret)),
        ("no kid", sign(&header(Algorithm::HS256, None), &claims, secret)),
        ("a path as kid", sign(&header(Algorithm::HS256, Some("/dev/null")), &claims, "")),
        ("another secret", sign(&hs256, &claims, &other_secret)),
        ("an empty secret", sign(&hs256, &claims, "")),
        ("another environment", resigned(&with(&claims, "iss", "production"))),
        ("no iss", resigned(&without(&claims, "iss"))),
        ("another audience", resigned(&with(&claims, "aud", "sum-api"))),
        ("no aud", resigned(&without(&claims, "aud"))),
        ("no sub", resigned(&without(&claims, "sub"))),
        ("no sid", resigned(&without(&claims, "sid"))),
        ("no jti", resigned(&without(&claims, "jti"))),
        ("no iat", resigned(&without(&claims, "iat"))),
        ("no exp", resigned(&without(&claims, "exp"))),
        ("exp is a text", resigned(&with(&claims, "exp", "2999-01-01"))),
        ("expired", resigned(&with(&claims, "exp", NOW - 5))),
        ("not valid yet", resigned(&with(&claims, "iat", NOW + 6))),
        ("changed claims", {
            let changed = with(&claims, "exp", NOW + 100_000);
            format!("{}.{}.{signature}", text(0), base64(&changed))
        }),
        ("sub is no id", resigned(&with(&claims, "sub", "ada"))),
        ("sid is no id", resigned(&with(&claims, "sid", "1"))),
        ("unknown session", resigned(&with(&claims, "sid", claims["sub"].clone()))),
        ("refresh token", bed.session("ada").await.refresh),
        ("empty", String::new()),
        ("garbage", "a.b.c".into()),
    ];
    for (name, token) in rows {
        let reply = bed.me(&token).await;
        assert_eq!(reply.status, 401, "{name}: {}", reply.body);
        assert_eq!(reply.header("www-authenticate"), Some("Bearer realm=\"tasks\""), "{name}");
    }
    assert_eq!(bed.me(&good).await.status, 200);
}

/// A role in a token has no effect.
#[tokio::test]
async fn role_comes_from_the_store_at_each_request() {
    let bed = Testbed::new().await;
    let token = bed.user("ada").await.access;
    let secret = SIGNING.strip_prefix("k1:").unwrap();
    let hs256 = header(Algorithm::HS256, Some("k1"));
    let claiming = sign(&hs256, &with(&claims(&token), "role", "admin"), secret);
    assert_eq!(bed.me(&claiming).await.json()["role"], "user");
    let name = Username::parse("ada").unwrap();
    for role in [Role::Admin, Role::User] {
        bed.store.set_role(&name, role).await.unwrap().unwrap();
        assert_eq!(bed.me(&token).await.json()["role"], role.as_str());
    }
}

#[tokio::test]
async fn session_of_another_user_does_not_help() {
    let bed = Testbed::new().await;
    let (ada, grace) = (bed.user("ada").await.access, bed.user("grace").await.access);
    let mixed = with(&claims(&ada), "sub", claims(&grace)["sub"].clone());
    let secret = SIGNING.strip_prefix("k1:").unwrap();
    let mixed = sign(&header(Algorithm::HS256, Some("k1")), &mixed, secret);
    assert_eq!(bed.me(&mixed).await.status, 401);
}

#[tokio::test]
async fn exactly_one_bearer_credential_is_accepted() {
    let bed = Testbed::new().await;
    let token = bed.user("ada").await.access;
    let (bearer, lower) = (format!("Bearer {token}"), format!("bearer {token}"));
    let (basic, bare) = (format!("Basic {token}"), token.clone());
    for (headers, status) in [
        (&[("authorization", bearer.as_str())][..], 200),
        (&[("authorization", lower.as_str())], 200),
        (&[], 401),
        (&[("authorization", basic.as_str())], 401),
        (&[("authorization", bare.as_str())], 401),
        (&[("authorization", bearer.as_str()), ("authorization", bearer.as_str())], 401),
        (&[("x-api-key", token.as_str())], 401),
        (&[("cookie", token.as_str())], 401),
    ] {
        let reply = ask(&bed.app, "GET /api/v1/users/me", headers, "").await;
        assert_eq!(reply.status, status, "{}", headers.len());
    }
    let head = format!("GET /api/v1/users/me?access_token={token}");
    assert_eq!(ask(&bed.app, &head, &[], "").await.status, 401);
}

#[tokio::test]
async fn access_token_ends_after_fifteen_minutes() {
    let bed = Testbed::new().await;
    let token = bed.user("ada").await.access;
    bed.advance(Duration::from_mins(15) - Duration::from_secs(1));
    assert_eq!(bed.me(&token).await.status, 200);
    // Two clocks may differ by five seconds.
    bed.advance(Duration::from_secs(1 + 5));
    assert_eq!(bed.me(&token).await.status, 401);
}

/// Each event ends the tokens of the sessions that it ends, at once.
#[tokio::test]
async fn end_of_a_session_takes_effect_at_once() {
    let bed = Testbed::new().await;
    let user = bed.register("ada").await;
    let (one, other) = (bed.session("ada").await, bed.session("ada").await);
    let valid = async |pair: &Pair| bed.me(&pair.access).await.status == 200;

    assert_eq!(bed.logout(&one.refresh).await.status, 204);
    assert!(!valid(&one).await && valid(&other).await, "logout");
    assert_eq!(bed.refresh(&one.refresh).await.status, 401);

    let own = bed.session("ada").await;
    let changed = bed.change_password(&own.access, PASSWORD, OTHER_PASSWORD).await;
    assert_eq!((changed.status.as_u16(), &*changed.body), (204, ""));
    assert!(valid(&own).await && !valid(&other).await, "password change");
    assert_eq!(bed.refresh(&other.refresh).await.status, 401);
    let own = Pair::of(&bed.refresh(&own.refresh).await);
    assert_eq!(bed.login("ada", PASSWORD).await.status, 401);
    let second = Pair::of(&bed.login("ada", OTHER_PASSWORD).await);

    let deleted = bed.bearer(&own.access, "DELETE /api/v1/users/me", &Value::Null).await;
    assert_eq!((deleted.status.as_u16(), &*deleted.body), (204, ""));
    for pair in [&own, &second] {
        assert!(!valid(pair).await, "deletion");
        assert_eq!(bed.refresh(&pair.refresh).await.status, 401);
    }
    assert_eq!(bed.login("ada", OTHER_PASSWORD).await.status, 401);
    // The name is free again, for another user. No old token belongs to that one.
    assert_ne!(bed.register("ada").await["user_id"], user["user_id"]);
    assert!(!valid(&own).await);
}

/// A token of a user that never was, signed with the right key.
#[tokio::test]
async fn unknown_user_is_refused() {
    let bed = Testbed::new().await;
    let id = "019a53b2-0c00-7000-8000-000000000001";
    let token = issuer("tasks").sign(id, id, id, NOW, 900);
    assert_eq!(bed.me(&token).await.status, 401);
}

#[tokio::test]
async fn issuer_of_another_service_or_environment_is_refused() {
    let bed = Testbed::new().await;
    let token = bed.user("ada").await.access;
    let claims = claims(&token);
    let text = |name: &str| claims[name].as_str().unwrap();
    for (iss, aud, status) in
        [("tests", "tasks", 200), ("staging", "tasks", 401), ("tests", "sum-api", 401)]
    {
        let issuer = Issuer::new(SIGNING, iss, aud).unwrap();
        let token = issuer.sign(text("sub"), text("sid"), text("jti"), NOW, 900);
        assert_eq!(bed.me(&token).await.status, status, "{iss} {aud}");
    }
}
