//! The effects of the settings, and settings that do not fit a document.

use super::{block, changed, parcels, settings, shown};
use chassis::document::Document;
use serde_json::json;
use sidecar::{Failure, declaration, start};
use std::fs;
use std::path::Path;

/// The error for these settings with `parcels`, as one line.
fn refusal(document: &Path, pairs: &[(&str, &str)]) -> String {
    let refused = || -> Result<(), Failure> {
        let settings = settings(document, pairs)?;
        let document = declaration::read(&settings.document)?;
        declaration::check(&document, &settings)?;
        declaration::limits(&document, &settings).map(drop)
    };
    let failure = refused().expect_err(&format!("{pairs:?}"));
    assert_eq!(failure.exit_code(), 64, "{failure}");
    failure.to_string()
}

#[test]
fn limit_uses_rate_and_burst_of_operator() {
    let limits = |pairs| {
        let text = shown(&parcels(), pairs);
        let zones: Vec<String> = text
            .lines()
            .filter_map(|line| line.trim().strip_prefix("limit_req_zone "))
            .map(|line| line.split_once(" zone=").unwrap().1.to_owned())
            .collect();
        (zones, block(&text, "location = /_op/quote {")[2].to_owned())
    };
    let (zones, quote) = limits(&[]);
    let rates = |client, quote, parcels| {
        [
            format!("client:1m rate={client}r/s;"),
            format!("address:10m rate={client}r/s;"),
            format!("quote:10m rate={quote}r/s;"),
            format!("parcels:10m rate={parcels}r/s;"),
            "accounts:10m rate=1r/s;".into(),
        ]
    };
    assert_eq!(zones, rates(5, 2, 300));
    assert_eq!(quote, "limit_req zone=quote burst=3 nodelay;");
    let (zones, quote) =
        limits(&[("RATE_LIMIT", "7"), ("RATE_LIMIT_BURST", "9"), ("RATE_LIMITS", "quote=1:4")]);
    assert_eq!(zones, rates(7, 1, 300));
    assert_eq!(quote, "limit_req zone=quote burst=4 nodelay;");
}

#[test]
fn operator_sets_only_declared_limits() {
    let keyed = ("API_KEY", "CHANGEME");
    for value in ["other=1:1", "client=1:1", "address=1:1", "quote=1:1,quote=2:2", "Quote=1:1"] {
        let refusal = refusal(&parcels(), &[keyed, ("RATE_LIMITS", value)]);
        assert!(refusal.starts_with("RATE_LIMITS must name each limit once"), "{value}: {refusal}");
    }
}

#[test]
fn keys_are_required_if_operation_needs_key() {
    assert!(refusal(&parcels(), &[]).starts_with("API_KEY must be set"));
    let open = changed(|d| {
        for path in ["/quote", "/tokens"] {
            d["paths"][path]["post"]["security"] = json!([]);
        }
        let schemes = d["components"]["securitySchemes"].as_object_mut().unwrap();
        schemes.shift_remove("ApiKey").unwrap();
    });
    let settings = settings(&open, &[]).unwrap();
    let document = declaration::read(&settings.document).unwrap();
    declaration::check(&document, &settings).unwrap();
    let text = start::show(&settings, false).unwrap();
    assert!(!text.contains("if ($http_x_api_key"), "no key, no comparison");
    assert!(text.contains("proxy_set_header X-Api-Key              \"\";"), "no key is forwarded");
    fs::remove_file(open).unwrap();
}

#[test]
fn missing_document_and_missing_live_probe_are_refused() {
    let missing = refusal(Path::new("/nonexistent/openapi.json"), &[]);
    assert_eq!(missing, "OPENAPI_DOCUMENT must be the path of a readable file");
    let probeless = changed(|d| {
        drop(d["paths"]["/healthz"]["get"].as_object_mut().unwrap().shift_remove("x-probe"));
    });
    assert!(refusal(&probeless, &[("API_KEY", "CHANGEME")]).contains("\"x-probe\": \"live\""));
    fs::remove_file(probeless).unwrap();
}

#[test]
fn every_fault_of_document_has_its_line() {
    let document = changed(|d| {
        d["x-service"]["port"] = json!("8090");
        d["paths"]["/quote"]["post"]["x-limit"] = json!("qoute");
    });
    let failure = declaration::read(&document).unwrap_err();
    assert_eq!(failure.exit_code(), 78);
    let lines: Vec<String> = format!("sidecar: {failure}").lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), 2);
    assert!(lines[0].starts_with("sidecar: OPENAPI_DOCUMENT is invalid: /x-service/port: must be"));
    assert!(
        lines[1].starts_with(
            "sidecar: OPENAPI_DOCUMENT is invalid: /paths/~1quote/post/x-limit: must be"
        )
    );
    fs::remove_file(document).unwrap();
}

#[test]
fn render_shows_marks_instead_of_keys() {
    let keys = "web:Secret-Key.1,batch:Secret-Key.2,web:Secret-Key.3";
    let text = shown(&parcels(), &[("API_KEY", keys)]);
    assert!(!text.contains("Secret"));
    for line in [
        "if ($http_x_api_key = \"KEY-1\") { set $client \"web\"; set $key_number 1; set $without_key \"\"; }",
        "if ($http_x_api_key = \"KEY-2\") { set $client \"batch\"; set $key_number 1; set $without_key \"\"; }",
        "if ($http_x_api_key = \"KEY-3\") { set $client \"web\"; set $key_number 2; set $without_key \"\"; }",
        "\"~(?:KEY-1|KEY-2|KEY-3)\" 1;",
    ] {
        assert!(text.contains(line), "{line}");
    }
}

#[test]
fn list_without_key_refuses_every_caller() {
    let keyless = settings(&parcels(), &[("API_KEY", "none")]).unwrap();
    declaration::check(&declaration::read(&keyless.document).unwrap(), &keyless).unwrap();
    let text = shown(&parcels(), &[("API_KEY", "none")]);
    assert!(text.contains("set $without_key 1;"));
    assert!(!text.contains("if ($http_x_api_key"), "a key is compared");
}

#[test]
fn addresses_names_and_networks_come_from_settings() {
    let text = shown(
        &parcels(),
        &[
            ("LISTEN", "[::]:9001"),
            ("API_ADDRESS", "api.internal:9002"),
            ("TRUSTED_PROXIES", "10.1.2.3/16,fd00::/8"),
            ("WORKER_PROCESSES", "4"),
            ("SERVICE_NAME", "parcels-eu"),
            ("METRICS_NAMESPACE", "shop"),
            ("UPSTREAM_KEEPALIVE_TIMEOUT", "300ms"),
        ],
    );
    for line in [
        "listen [::]:9001 default_server;",
        "server api.internal:9002 max_fails=0;",
        "set_real_ip_from 10.1.0.0/16;",
        "set_real_ip_from fd00::/8;",
        "worker_processes 4;",
        "keepalive 128;",
        "keepalive_timeout 300ms;",
        "\"service\":\"parcels-eu\",",
        "[{\"Namespace\":\"shop\",",
        "worker_connections 512;",
    ] {
        assert!(text.contains(line), "{line}");
    }
}

#[test]
fn only_fixed_and_declared_headers_are_forwarded() {
    let document = changed(|d| {
        d["paths"]["/parcels"]["get"]["parameters"] = json!([
            { "name": "X-Tenant", "in": "header", "schema": {} },
            { "name": "Accept", "in": "header", "schema": {} },
            { "name": "User-Agent", "in": "header", "schema": {} },
            { "name": "session", "in": "cookie", "schema": {} }
        ]);
    });
    let text = shown(&document, &[]);
    let set: Vec<&str> = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("proxy_set_header ")?.split(' ').next())
        .collect();
    let expected = [
        "Connection",
        "X-Request-Id",
        "X-Api-Client",
        "X-Client-Address",
        "X-Amzn-Trace-Id",
        "traceparent",
        "User-Agent",
        "accept",
        "accept-language",
        "content-encoding",
        "content-type",
        "tracestate",
        "x-tenant",
        "if-match",
        "X-Api-Key",
        "Cookie",
        "Authorization",
    ];
    assert_eq!(set, expected);
    assert!(text.contains("proxy_pass_request_headers off;"));
    // An older nginx forwards all headers except these.
    let old = start::show(&settings(&document, &[]).unwrap(), false).unwrap();
    assert!(
        !old.contains("proxy_pass_request_headers")
            && old.contains("proxy_set_header Cookie $forward_cookie_session;")
    );
    for name in ["X-HTTP-Method ", "X-HTTP-Method-Override ", "X-Method-Override "] {
        assert!(old.contains(&format!("proxy_set_header {name}")), "{name}");
    }
    fs::remove_file(document).unwrap();
}

#[test]
fn documents_are_valid_and_names_fit_nginx() {
    for path in ["services/sum/openapi.json", "contract/parcels/openapi.json"] {
        let text = fs::read_to_string(super::root().join(path)).unwrap();
        assert!(Document::parse(&text).is_ok(), "{path}");
    }
}
