//! Rules that come from the document of a service: routes, credentials, sizes, deadlines. Called without a socket.

use crate::support::{
    BODY_TIMEOUT, GOOD, KEY, NOW, PARCELS, Reply, ask, document, issuer, open_app, ready_app,
    starting_app, token,
};
use chassis::app::App;
use chassis::document::Document;
use chassis::{Context, Service};
use parcels::Parcels;

async fn hand_in(app: &App<Parcels>, token: &str) -> Reply {
    let headers = [("authorization", token), ("content-type", "application/json")];
    ask(app, "POST /parcels", &headers, GOOD).await
}

#[tokio::test]
async fn path_and_method_select_operation() {
    let (app, token) = (ready_app(), token("u1"));
    let created = hand_in(&app, &token).await;
    assert_eq!(
        (created.status.as_u16(), created.body.as_str()),
        (201, r#"{"id":"p1","grams":250}"#)
    );
    for (head, status, says) in [
        ("GET /parcels", 200, r#"[{"id":"p1","grams":250}]"#),
        ("GET /parcels/p1", 200, r#"{"id":"p1","grams":250}"#),
        ("HEAD /parcels/p1", 200, ""),
        // A static segment takes precedence.
        ("GET /parcels/mine", 200, r#"{"id":"p1","grams":250}"#),
        ("GET /parcels/a~b-c_D.9?x=1", 404, "parcel `a~b-c_D.9`"),
        ("GET /parcels/mine/events", 404, "parcel `mine`"),
        ("DELETE /parcels/p1", 204, ""),
        ("GET /parcels/p1", 404, "urn:parcels:problem:no-such-parcel"),
    ] {
        let reply = ask(&app, head, &[("authorization", &token)], "").await;
        assert_eq!(reply.status.as_u16(), status, "{head}: {}", reply.body);
        assert!(reply.body.contains(says), "{head}: {}", reply.body);
    }
}

#[tokio::test]
async fn operation_gets_user_of_token() {
    let (app, token) = (ready_app(), token("u1"));
    hand_in(&app, &token).await;
    let other = crate::support::token("u2");
    for (token, status) in [(&token, 200), (&other, 404)] {
        let reply = ask(&app, "GET /parcels/p1", &[("authorization", token)], "").await;
        assert_eq!(reply.status.as_u16(), status);
    }
}

#[tokio::test]
async fn document_sets_methods_of_path() {
    let (app, token) = (ready_app(), token("u1"));
    for (head, allow) in [
        ("POST /parcels/p1", "GET, HEAD, DELETE"),
        ("PUT /parcels", "GET, HEAD, POST"),
        // A static path takes precedence for every method.
        ("DELETE /parcels/mine", "GET, HEAD"),
        ("OPTIONS /quote", "POST"),
        ("TRACE /healthz", "GET, HEAD"),
    ] {
        let reply = ask(&app, head, &[("authorization", &token), ("x-api-key", KEY)], "").await;
        assert_eq!((reply.status.as_u16(), reply.header("allow")), (405, Some(allow)), "{head}");
    }
    for path in [
        "/",
        "/parcels/",
        "/parcels/p1/",
        "/parcels/p1/x",
        "/Parcels",
        "/parcels/%61",
        "/parcels/..",
    ] {
        assert_eq!(ask(&app, &format!("GET {path}"), &[], "").await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn document_sets_credentials_of_operation() {
    let (app, token) = (ready_app(), token("u1"));
    let expired = format!("Bearer {}", issuer().sign("u1", "s1", "j1", NOW - 1000, 900));
    for headers in [
        vec![],
        vec![("authorization", "Bearer nonsense")],
        vec![("authorization", "Basic dTpw")],
        vec![("authorization", &token[7..])],
        vec![("authorization", expired.as_str())],
        vec![("authorization", token.as_str()), ("authorization", token.as_str())],
        vec![("x-api-key", KEY)],
    ] {
        let reply = ask(&app, "GET /parcels", &headers, "").await;
        assert_eq!(reply.status.as_u16(), 401, "{headers:?}");
        assert_eq!(reply.header("www-authenticate"), Some("Bearer realm=\"parcels\""));
        assert_eq!(reply.json()["type"], "about:blank");
    }
    let json = ("content-type", "application/json");
    let reply = ask(&app, "POST /quote", &[("authorization", &token), json], "{}").await;
    assert_eq!(reply.header("www-authenticate"), Some("ApiKey realm=\"parcels\""));
    let reply = ask(&app, "POST /quote", &[("x-api-key", KEY), json], GOOD).await;
    assert_eq!((reply.status.as_u16(), reply.body.as_str()), (200, r#"{"cents":495}"#));
    assert_eq!(
        ask(&app, "GET /parcels", &[("authorization", &token.replace("Bearer", "bearer"))], "")
            .await
            .status,
        200
    );
    for path in ["/healthz", "/readyz", "/openapi.json"] {
        assert_eq!(ask(&app, &format!("GET {path}"), &[], "").await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn without_issuer_every_token_is_refused() {
    let (app, token) = (starting_app(), token("u1"));
    let headers = [("authorization", token.as_str())];
    assert_eq!(ask(&app, "GET /parcels", &headers, "").await.status, 503, "not loaded yet");
    let app = open_app();
    assert_eq!(ask(&app, "GET /parcels", &headers, "").await.status, 500);
}

#[tokio::test]
async fn document_sets_size_and_type_of_body() {
    let (app, token) = (ready_app(), token("u1"));
    let json = ("content-type", "application/json");
    for (head, credentials, max, status) in [
        ("POST /quote", ("x-api-key", KEY), 1024, 200),
        ("POST /parcels", ("authorization", token.as_str()), 65_536, 201),
    ] {
        let weight = r#"{"grams":250}"#;
        let padded = |length: usize| weight.to_owned() + &" ".repeat(length - weight.len());
        let reply = ask(&app, head, &[credentials, json], &padded(max)).await;
        assert_eq!(reply.status.as_u16(), status, "{head}");
        let reply = ask(&app, head, &[credentials, json], &padded(max + 1)).await;
        assert_eq!(reply.status.as_u16(), 413, "{head}");
        assert!(reply.body.contains(&format!("at most {max} bytes")), "{}", reply.body);
        let reply = ask(&app, head, &[credentials, ("content-type", "text/plain")], "{}").await;
        assert_eq!(reply.status.as_u16(), 415, "{head}");
    }
    // No requestBody: ignored on GET, refused on any other method.
    let credentials = [("authorization", token.as_str())];
    hand_in(&app, &token).await;
    assert_eq!(ask(&app, "GET /parcels/p2", &credentials, "x").await.status, 200);
    assert_eq!(ask(&app, "DELETE /parcels/p2", &credentials, "x").await.status, 413);
    assert_eq!(ask(&app, "DELETE /parcels/p2", &credentials, "").await.status, 204);
}

#[tokio::test(start_paused = true)]
async fn slow_operation_gets_504_at_deadline() {
    let (app, token) = (ready_app(), token("u1"));
    let json = ("content-type", "application/json");
    for (head, credentials, deadline) in [
        ("POST /quote", ("x-api-key", KEY), 800),
        ("POST /parcels", ("authorization", token.as_str()), 5000),
    ] {
        let slow = r#"{"grams":250,"x-note":"slow"}"#;
        let begun = tokio::time::Instant::now();
        let reply = ask(&app, head, &[credentials, json], slow).await;
        assert_eq!((reply.status.as_u16(), begun.elapsed().as_millis()), (504, deadline), "{head}");
        assert_eq!(reply.json()["title"], "Gateway Timeout");
    }
}

#[tokio::test]
async fn metrics_have_route_and_operation_but_no_path() {
    let (app, token) = (ready_app(), token("u1"));
    for id in ["p1", "p2", "p3"] {
        hand_in(&app, &token).await;
        ask(&app, &format!("GET /parcels/{id}"), &[("authorization", &token)], "").await;
    }
    let metrics = app.metrics().exposition().encode();
    let series = "http_server_request_duration_seconds_count{http_request_method=\"GET\",http_route=\"/parcels/{id}\",\
                  operation=\"readParcel\",http_response_status_code=\"200\"} 3";
    assert!(metrics.contains(series), "{metrics}");
    assert!(metrics.contains("parcels_build_info{version=\"0.1.0\""), "{metrics}");
    assert!(!metrics.contains("p1"), "{metrics}");
}

#[test]
fn build_describes_crate_of_service() {
    let build = Parcels::BUILD;
    assert_eq!((build.version, build.log_target), ("0.1.0", "parcels"));
    assert_eq!(build.revision, option_env!("SERVICE_REVISION"));
}

#[test]
fn service_without_declared_operation_does_not_start() {
    let text = PARCELS.replace("\"quote\",", "\"quoteParcel\",");
    let text = text.replace("\"x-limit\": \"quoteParcel\"", "\"x-limit\": \"quote\"");
    let document = Document::parse(&text).unwrap();
    let error = App::new(Parcels::new(&Context::default()), &document, BODY_TIMEOUT).unwrap_err();
    assert!(error.to_string().contains("`quoteParcel`"), "{error}");
}

#[tokio::test]
async fn the_public_document_is_served() {
    let reply = ask(&ready_app(), "GET /openapi.json", &[], "").await;
    assert_eq!(reply.body, document().public);
}
