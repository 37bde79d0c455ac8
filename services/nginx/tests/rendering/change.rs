//! A change of an operation changes only its own lines in the rendering.

use super::{block, changed, parcels, shown};
use serde_json::{Value, json};
use std::fs;

/// An operation with every member that an operation can have.
fn claim() -> Value {
    json!({
        "operationId": "fileClaim",
        "security": [{ "ApiKey": [] }],
        "x-limit": "quote",
        "x-max-body": 131_072,
        "x-deadline": "1500ms",
        "requestBody": { "content": { "text/plain": {} } },
        "responses": { "201": { "description": "It is filed" } }
    })
}

/// The lines that the operation adds to the rendering: nine lines of maps, and its location.
const ADDED: &str = r#"        "~^/claims/(?!\.\.?(?:[/?]|\z))[A-Za-z0-9._~-]{1,64}(?:\?|\z)" "/claims/{number}";
        "POST /claims/{number}" fileClaim;
        fileClaim key;
        "/claims/{number}" key;
        fileClaim $without_key;
        fileClaim "quote";
        "/claims/{number}" "quote";
        "/claims/{number}" "POST";
        fileClaim "The body is larger than 131072 bytes.";
        # POST /claims/{number}
        location = /_op/fileClaim {
            internal;
            set $policy quote;
            limit_req zone=quote burst=3 nodelay;
            client_max_body_size 131072;
            client_body_timeout 8s;
            proxy_send_timeout 8s;
            proxy_read_timeout 2500ms;
            proxy_pass http://api$request_uri;
        }
"#;

/// The lines that `new` adds to `old`. `None` if a line of `old` is missing or has moved.
fn added<'a>(old: &str, new: &'a str) -> Option<Vec<&'a str>> {
    let (mut old, mut added) = (old.lines().peekable(), Vec::new());
    for line in new.lines() {
        if old.next_if_eq(&line).is_none() {
            added.push(line);
        }
    }
    old.next().is_none().then_some(added)
}

#[test]
fn new_operation_only_adds_its_lines() {
    let document = changed(|d| d["paths"]["/claims/{number}"] = json!({ "post": claim() }));
    let (old, new) = (shown(&parcels(), &[]), shown(&document, &[]));
    let added = added(&old, &new).unwrap();
    println!("+{}", added.join("\n+"));
    assert_eq!(added.join("\n"), ADDED);
    fs::remove_file(document).unwrap();
}

#[test]
fn new_method_changes_only_lines_of_its_path() {
    let document = changed(|d| d["paths"]["/parcels/{id}"]["put"] = claim());
    let (old, new) = (shown(&parcels(), &[]), shown(&document, &[]));
    let path = "\"/parcels/{id}\" ";
    let rest = |text: &str| -> String {
        text.lines()
            .filter(|line| !line.trim().starts_with(path))
            .fold(String::new(), |text, line| text + line + "\n")
    };
    assert!(added(&rest(&old), &rest(&new)).is_some());
    assert!(old.contains(&format!("{path}\"GET, HEAD, DELETE\";")));
    assert!(new.contains(&format!("{path}\"GET, HEAD, PUT, DELETE\";")));
    // PUT needs a key, and GET a token: the key is stricter.
    assert!(old.contains(&format!("{path}bearer;")) && new.contains(&format!("{path}key;")));
    fs::remove_file(document).unwrap();
}

#[test]
fn removed_operation_leaves_no_line() {
    let document = changed(|d| drop(d["paths"].as_object_mut().unwrap().shift_remove("/quote")));
    let (old, new) = (shown(&parcels(), &[]), shown(&document, &[]));
    assert!(added(&new, &old).is_some());
    assert!(!new.contains("/quote") && !new.contains("quote key;"));
    fs::remove_file(document).unwrap();
}

#[test]
fn every_member_of_operation_is_rendered() {
    let document = changed(|d| d["paths"]["/claims"] = json!({ "post": claim() }));
    let text = shown(&document, &[]);
    assert_eq!(
        block(&text, "location = /_op/fileClaim {"),
        [
            "internal;",
            "set $policy quote;",
            "limit_req zone=quote burst=3 nodelay;",
            "client_max_body_size 131072;",
            "client_body_timeout 8s;",
            "proxy_send_timeout 8s;",
            "proxy_read_timeout 2500ms;",
            "proxy_pass http://api$request_uri;",
        ]
    );
    assert_eq!(
        block(&text, "location = /_op/followParcel {"),
        [
            "internal;",
            "set $policy parcels;",
            "limit_req zone=parcels burst=10 nodelay;",
            "# Nothing is buffered, and the stream ends when the caller disconnects.",
            "proxy_buffering off;",
            "proxy_ignore_client_abort off;",
            "proxy_read_timeout 15s;",
            "proxy_pass http://api$request_uri;",
        ]
    );
    assert_eq!(
        block(&text, "location = /_op/deleteParcel {")[3],
        "if ($announces_a_body) { return 413; }"
    );
    assert_eq!(
        block(&text, "location = /_op/health {"),
        ["internal;", "proxy_read_timeout 6s;", "proxy_pass http://api$request_uri;"]
    );
    fs::remove_file(document).unwrap();
}

#[test]
fn every_kind_of_limit_has_its_own_rule() {
    for (limit, access, policy, zones) in [
        ("quote", "ApiKey", Some("quote"), vec!["quote"]),
        ("client", "ApiKey", Some("client"), vec!["client"]),
        ("address", "ApiKey", Some("address"), vec!["address"]),
        ("none", "ApiKey", Some(""), vec![]),
        ("parcels", "Bearer", Some("parcels"), vec!["parcels"]),
        // A caller with a token can have no key. Then its address counts.
        ("client", "Bearer", None, vec!["client", "address"]),
    ] {
        let document = changed(|d| {
            let mut operation = claim();
            operation["x-limit"] = limit.into();
            operation["security"] = json!([{ access: [] }]);
            d["paths"]["/claims"] = json!({ "post": operation });
        });
        let text = shown(&document, &[]);
        let policies = block(&text, "map $operation $policy_of_operation {");
        let found = policies.iter().find_map(|line| line.strip_prefix("fileClaim "));
        assert_eq!(found, policy.map(|name| format!("\"{name}\";")).as_deref(), "{limit} {access}");
        let location = block(&text, "location = /_op/fileClaim {");
        let found: Vec<&str> = location
            .iter()
            .filter_map(|line| line.strip_prefix("limit_req zone=")?.split(' ').next())
            .collect();
        assert_eq!(found, zones, "{limit} {access}");
        let set = location.iter().find_map(|line| line.strip_prefix("set $policy "));
        let expected = match policy {
            Some("") => None,
            Some(name) => Some(format!("{name};")),
            None => Some("$policy_by_key;".into()),
        };
        assert_eq!(set, expected.as_deref(), "{limit} {access}");
        fs::remove_file(document).unwrap();
    }
}

#[test]
fn specific_path_is_matched_before_general_path() {
    let document = changed(|d| {
        let get = |id: &str| json!({ "get": { "operationId": id, "responses": { "204": { "description": "Nothing" } } } });
        let paths = d["paths"].as_object_mut().unwrap();
        for (path, id) in [("/x/{a}/{b}", "one"), ("/x/{a}/b", "two"), ("/x/a/b", "three")] {
            paths.insert(path.into(), get(id));
        }
    });
    let text = shown(&document, &[]);
    let routes: Vec<&str> = block(&text, "map $request_uri $route {")
        .into_iter()
        .filter_map(|line| line.rsplit_once(" \"/x").map(|(_, name)| name))
        .collect();
    assert_eq!(routes, ["/a/b\";", "/{a}/b\";", "/{a}/{b}\";"]);
    fs::remove_file(document).unwrap();
}

#[test]
fn objectives_of_operation_add_operation_metrics() {
    let document = changed(|d| {
        d["paths"]["/quote"]["post"]["x-objectives"] =
            json!({ "availability": 99.5, "window": "28d" });
    });
    let dimensions =
        "\"Dimensions\":[[\"service\"],[\"service\",\"route\"],[\"service\",\"operation\"]]";
    assert!(shown(&document, &[]).contains(dimensions));
    assert!(!shown(&parcels(), &[]).contains(dimensions));
    fs::remove_file(document).unwrap();
}

#[test]
fn objectives_exclude_time_of_probes_and_streams() {
    let uncounted: Vec<String> =
        block(&shown(&parcels(), &[]), "map \"$log_answered_by $operation\" $log_share {")
            .into_iter()
            .filter_map(|line| Some(line.trim().strip_suffix(" UncountedTime;")?.to_owned()))
            .collect();
    let expected = ["followParcel", "health", "readiness"];
    assert_eq!(uncounted, expected.map(|id| format!("\"api {id}\"")));
}
