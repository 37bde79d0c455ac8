//! Lists of the emulated GitHub: pages, variables and secrets.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crypto_box::SecretKey;
use serde_json::{Value, json};

use super::standin::{Reply, ok, refuse};

pub(super) type Variables = BTreeMap<String, String>;

/// One page of a list, with the link to the next page.
pub(super) fn page(items: &[Value], member: Option<&str>, query: &str, most: usize) -> Reply {
    let given = |name: &str| {
        let value = query.split('&').find_map(|part| part.strip_prefix(&format!("{name}=")));
        value.and_then(|value| value.parse::<usize>().ok())
    };
    let size = given("per_page").unwrap_or(10).clamp(1, most);
    let number = given("page").unwrap_or(1).max(1);
    let shown: Vec<&Value> = items.iter().skip((number - 1) * size).take(size).collect();
    let next = (items.len() > number * size).then(|| {
        let url = format!("https://api.github.com/x?per_page={size}&page={}", number + 1);
        ("link", format!("<{url}>; rel=\"next\", <{url}>; rel=\"last\""))
    });
    let body = match member {
        Some(member) => json!({ "total_count": items.len(), member: shown }),
        None => json!(shown),
    };
    (200, next, body)
}

/// The endpoints of variables, for a repository and for an environment.
pub(super) fn variables(
    known: &mut Variables,
    method: &str,
    rest: &[&str],
    query: &str,
    body: &Value,
) -> Reply {
    let (name, value) = (body["name"].as_str(), body["value"].as_str());
    match (method, rest) {
        ("GET", []) => {
            let list = known.iter().map(|(name, value)| json!({ "name": name, "value": value, "created_at": "2026-01-01T00:00:00Z" }));
            page(&list.collect::<Vec<_>>(), Some("variables"), query, 30)
        }
        ("POST", []) => match name.zip(value) {
            Some((name, _)) if known.contains_key(name) => {
                refuse(409, "Already exists - Variable already exists")
            }
            Some((name, value)) => {
                known.insert(name.to_owned(), value.to_owned());
                (201, None, json!({}))
            }
            None => refuse(422, "Invalid request."),
        },
        ("PATCH", [name]) => match (known.get_mut(*name), value) {
            (Some(known), Some(value)) => {
                value.clone_into(known);
                (204, None, Value::Null)
            }
            _ => refuse(404, "Not Found"),
        },
        _ => refuse(404, "Not Found"),
    }
}

/// The endpoints of secrets. GitHub stores a secret only if it can decrypt it.
pub(super) fn secrets(
    known: &mut Variables,
    key: &SecretKey,
    method: &str,
    rest: &[&str],
    query: &str,
    body: &Value,
) -> Reply {
    match (method, rest) {
        ("GET", []) => {
            let list = known
                .keys()
                .map(|name| json!({ "name": name, "created_at": "2026-01-01T00:00:00Z" }));
            page(&list.collect::<Vec<_>>(), Some("secrets"), query, 100)
        }
        ("GET", ["public-key"]) => {
            let public = STANDARD.encode(key.public_key().as_bytes());
            ok(json!({ "key_id": "568250167242549743", "key": public }))
        }
        ("PUT", [name]) if body["key_id"] == "568250167242549743" => {
            let sealed = body["encrypted_value"].as_str().and_then(|s| STANDARD.decode(s).ok());
            let Some(value) = sealed.and_then(|sealed| key.unseal(&sealed).ok()) else {
                return refuse(422, "Bad request - encrypted_value cannot be opened");
            };
            let value = String::from_utf8(value).unwrap();
            let is_new = known.insert((*name).to_owned(), value).is_none();
            if is_new { (201, None, json!({})) } else { (204, None, Value::Null) }
        }
        _ => refuse(404, "Not Found"),
    }
}
