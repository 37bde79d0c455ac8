//! Valid and invalid documents of a service.

use crate::support::PARCELS;
use chassis::document::{Access, Deadline, Document, LimitBy, Limited, Method, Operation, Probe};
use serde::Deserialize;
use serde_json::Value;
use std::time::Duration;

#[test]
fn document_declares_service() {
    let document = Document::parse(PARCELS).unwrap();
    let service = &document.service;
    assert_eq!(
        (service.name.as_str(), service.port, service.sidecar_port),
        ("parcels", 8090, 8091)
    );
    assert_eq!((service.metrics_port, service.connections), (9090, 256));
    let limits: Vec<_> = service
        .limits
        .iter()
        .map(|limit| (limit.name.as_str(), limit.by, limit.rate, limit.burst))
        .collect();
    let expected = [
        ("client", LimitBy::Client, 5, 5),
        // Not in the document: every service has it.
        ("address", LimitBy::Address, 5, 5),
        ("quote", LimitBy::Client, 2, 3),
        ("parcels", LimitBy::Address, 300, 10),
        ("accounts", LimitBy::Address, 1, 3),
    ];
    assert_eq!(limits, expected);
    let objectives = service.objectives.as_ref().unwrap();
    assert_eq!(objectives.latency, Some((99.0, Duration::from_millis(250))));
    assert_eq!(objectives.window_days, 28);
}

#[test]
fn operations_keep_order_of_document_and_have_defaults() {
    let document = Document::parse(PARCELS).unwrap();
    let operations: Vec<_> = document
        .operations
        .iter()
        .map(|operation| format!("{} {} {}", operation.id, operation.method, operation.path))
        .collect();
    let expected = [
        "quote POST /quote",
        "issueToken POST /tokens",
        "readToken GET /tokens",
        "listParcels GET /parcels",
        "createParcel POST /parcels",
        "latestParcel GET /parcels/mine",
        "readParcel GET /parcels/{id}",
        "deleteParcel DELETE /parcels/{id}",
        "followParcel GET /parcels/{id}/events",
        "createAccount POST /account",
        "deleteAccount DELETE /account",
        "readHelp GET /help/pages/{file}",
        "health GET /healthz",
        "readiness GET /readyz",
        "description GET /openapi.json",
    ];
    assert_eq!(operations, expected);
    assert_eq!(document.paths().len(), 11);

    let find = |id: &str| document.operations.iter().find(|operation| operation.id == id).unwrap();
    let quote = find("quote");
    assert_eq!((quote.access, &quote.limit), (Access::ApiKey, &Limited::By("quote".into())));
    assert_eq!(quote.max_body, Some(1024));
    assert_eq!(quote.deadline, Deadline::Head(Duration::from_millis(800)));
    assert_eq!(quote.examples[0].value, serde_json::json!({"grams": 250}));

    let create = find("createParcel");
    assert_eq!((create.access, create.max_body), (Access::Bearer, Some(65_536)));
    assert_eq!(create.deadline, Deadline::Head(Duration::from_secs(5)));

    assert_eq!(find("followParcel").deadline, Deadline::Idle(Duration::from_secs(10)));
    assert_eq!(find("deleteParcel").headers, ["if-match"]);
    assert!(document.operations.iter().all(|operation| operation.cookies.is_empty()));
    let body_timeouts = [find("quote"), create, find("health")].map(Operation::body_timeout);
    assert_eq!(body_timeouts, [5, 6, 5].map(Duration::from_secs));
    assert_eq!(find("deleteParcel").method, Method::Delete);

    let description = find("description");
    assert_eq!((description.access, &description.limit), (Access::Open, &Limited::ByCredentials));
    assert_eq!(description.max_body, None);

    assert_eq!(find("health").probe, Some(Probe::Live));
    assert_eq!(find("health").limit, Limited::Never);
    assert_eq!(find("readiness").probe, Some(Probe::Ready(Some("shallow=1".into()))));
}

#[test]
fn declared_headers_and_cookies_come_from_path_and_operation() {
    let parameters = r##""parameters": [
        { "$ref": "#/components/parameters/Id" },
        { "name": "X-Tenant", "in": "header", "schema": {} },
        { "name": "session", "in": "cookie", "schema": {} }
    ],
    "get": {
        "operationId": "readParcel",
        "parameters": [{ "name": "If-None-Match", "in": "header", "schema": {} }],"##;
    let text = PARCELS.replace(
        r##""parameters": [{ "$ref": "#/components/parameters/Id" }],
      "get": {
        "operationId": "readParcel","##,
        parameters,
    );
    let document = Document::parse(&text).unwrap();
    let find = |id: &str| document.operations.iter().find(|operation| operation.id == id).unwrap();
    assert_eq!(find("readParcel").headers, ["x-tenant", "if-none-match"]);
    assert_eq!(find("readParcel").cookies, ["session"]);
    assert_eq!(find("deleteParcel").headers, ["x-tenant", "if-match"]);
    assert_eq!(find("deleteParcel").cookies, ["session"]);
    assert!(find("quote").cookies.is_empty());
}

#[test]
fn public_document_lacks_only_platform_members() {
    let document = Document::parse(PARCELS).unwrap();
    let public: Value = serde_json::from_str(&document.public).unwrap();
    let mut expected: Value = serde_json::from_str(PARCELS).unwrap();
    expected.as_object_mut().unwrap().remove("x-service");
    for item in expected["paths"].as_object_mut().unwrap().values_mut() {
        for operation in
            item.as_object_mut().unwrap().values_mut().filter(|value| value.is_object())
        {
            for member in ["x-limit", "x-max-body", "x-deadline", "x-stream", "x-probe"] {
                operation.as_object_mut().unwrap().remove(member);
            }
        }
    }
    assert_eq!(public, expected);
    assert_eq!(document.public.matches("\"x-").count(), 1);
    assert!(document.public.contains("\"x-note\""), "a property may have such a name");
    // The public document is valid OpenAPI, but lacks the members of the platform.
    let faults = Document::parse(&document.public).unwrap_err().0;
    assert_eq!(faults[0].at, "/x-service");
}

/// A change of the document and the fault that it causes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    /// The place of the change.
    at: String,
    /// The new value. If absent, the member is removed.
    set: Option<Value>,
    /// The place of the fault, if it is not the place of the change.
    fault_at: Option<String>,
    /// Words of the rule.
    rule: String,
}

fn changed(case: &Case) -> String {
    let mut document: Value = serde_json::from_str(PARCELS).unwrap();
    let (parent, name) = case.at.rsplit_once('/').unwrap();
    let name = name.replace("~1", "/").replace("~0", "~");
    let parent =
        document.pointer_mut(parent).unwrap_or_else(|| panic!("{}: no {parent}", case.name));
    let parent = parent.as_object_mut().unwrap();
    match &case.set {
        Some(value) => drop(parent.insert(name, value.clone())),
        None => {
            drop(parent.shift_remove(&name).unwrap_or_else(|| panic!("{}: no {name}", case.name)));
        }
    }
    document.to_string()
}

#[test]
fn every_fault_is_reported_with_place() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("faults.json")).unwrap();
    assert!(cases.len() >= 80, "{}", cases.len());
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|case| {
            let at = case.fault_at.as_ref().unwrap_or(&case.at);
            let faults = match Document::parse(&changed(case)) {
                Err(invalid) => invalid.0,
                Ok(_) => return Some(format!("{}: accepted", case.name)),
            };
            let found =
                faults.iter().any(|fault| fault.at == *at && fault.rule.contains(&case.rule));
            // Two operations can use one security scheme. No other fault is allowed.
            let alone = faults.iter().all(|fault| fault.rule.contains(&case.rule));
            (!found || !alone).then(|| format!("{}: {faults:?}", case.name))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn all_faults_are_reported_together() {
    let text = PARCELS.replace("\"x-limit\": \"quote\"", "\"x-limit\": 5").replace("8090", "0");
    let invalid = Document::parse(&text).unwrap_err();
    assert_eq!(invalid.0.len(), 2, "{invalid}");
    let lines: Vec<String> = invalid.to_string().lines().map(str::to_owned).collect();
    assert!(lines[0].starts_with("/x-service/port: must be a whole number"), "{lines:?}");
    assert!(lines[1].starts_with("/paths/~1quote/post/x-limit: must be a string"), "{lines:?}");
}

#[test]
fn invalid_json_and_repeated_members_are_refused() {
    for (text, rule) in [
        ("", "EOF"),
        ("{", "EOF"),
        ("[]", "must be an object"),
        ("{} x", "trailing characters"),
        ("{\"openapi\": \"3.1.1\", \"openapi\": \"3.1.1\"}", "/openapi: is given twice"),
        ("{\"a\": {\"b\": 1, \"\\u0062\": 2}}", "/a/b: is given twice"),
    ] {
        let invalid = Document::parse(text).unwrap_err();
        assert!(invalid.to_string().contains(rule), "{text}: {invalid}");
    }
    // Deep inside a real document.
    let twice = PARCELS.replacen(
        "\"summary\": \"Read a parcel\",",
        "\"security\": [], \"security\": [],",
        1,
    );
    assert!(Document::parse(&twice).unwrap_err().to_string().contains("/security: is given twice"));
}
