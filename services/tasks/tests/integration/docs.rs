//! Swagger UI at `/docs`.

use crate::support::Testbed;
use chassis::testing::{Reply, ask, document};
use std::collections::BTreeMap;
use tasks::api::Tasks;

/// The values of an attribute in a page.
fn values<'a>(page: &'a str, attribute: &str) -> Vec<&'a str> {
    let begin = format!(" {attribute}=\"");
    page.split(&begin).skip(1).map(|rest| rest.split('"').next().unwrap()).collect()
}

fn assert_secured(reply: &Reply) {
    let policy = reply.header("content-security-policy").unwrap();
    let directives: BTreeMap<&str, &str> = policy
        .split("; ")
        .map(|directive| directive.split_once(' ').unwrap_or((directive, "")))
        .collect();
    let expected = BTreeMap::from([
        ("default-src", "'none'"),
        ("script-src", "'self'"),
        ("style-src", "'self'"),
        ("img-src", "'self' data:"),
        ("connect-src", "'self'"),
        ("base-uri", "'none'"),
        ("form-action", "'none'"),
        ("frame-ancestors", "'none'"),
    ]);
    assert_eq!(directives, expected);
    assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(reply.header("referrer-policy"), Some("no-referrer"));
}

/// The media type of a file, by its extension.
fn media_type(path: &str) -> &'static str {
    match path.rsplit_once('.').unwrap().1 {
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "png" => "image/png",
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn page_and_its_files_are_served_under_a_strict_policy() {
    let bed = Testbed::new().await;
    let page = ask(&bed.app, "GET /docs", &[], "").await;
    assert_eq!(page.status, 200);
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert_secured(&page);
    let mut files = values(&page.body, "src");
    files.extend(values(&page.body, "href"));
    assert_eq!(files.len(), 4, "{files:?}");
    for file in &files {
        // Relative to `/docs`, so that the page also works behind a prefix.
        assert!(file.starts_with("docs/"), "{file}");
        let reply = ask_bytes(&bed, &format!("/{file}")).await;
        assert_eq!(reply.0, 200, "{file}");
        assert_eq!(reply.1, media_type(file), "{file}");
        assert!(reply.2 > 100, "{file}");
    }
    // One request for the page, one for each file and one for the document.
    let limits = document::<Tasks>().service.limits;
    let limit = limits.iter().find(|limit| limit.name == "docs").unwrap();
    assert!(files.len() + 2 <= limit.burst as usize, "loading the page does not reach its limit");
}

/// The status, the media type and the length of a file, which can be a picture.
async fn ask_bytes(bed: &Testbed, path: &str) -> (u16, String, usize) {
    use hyper::body::Body as _;
    let request = chassis::testing::request("GET", path);
    let answer = bed.app.handle(request, chassis::connections::Seat::Regular).await;
    let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
    let length = answer.body().size_hint().exact().unwrap();
    (answer.status().as_u16(), kind, usize::try_from(length).unwrap())
}

/// The policy would block these, and a person would see an empty page.
#[tokio::test]
async fn page_needs_nothing_that_its_policy_forbids() {
    let bed = Testbed::new().await;
    let page = ask(&bed.app, "GET /docs", &[], "").await.body;
    let start = ask(&bed.app, "GET /docs/start.js", &[], "").await.body;
    for forbidden in ["<script>", "<style", " style=", " onload=", "http:", "https:", "//"] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
    assert!(start.contains("url: \"openapi.json\""));
    assert!(start.contains("validatorUrl: null"), "no server on the internet is asked");
    let document = ask(&bed.app, "GET /openapi.json", &[], "").await;
    assert_eq!(document.status, 200);
    assert_eq!(document.json()["info"]["title"], "tasks");
    assert!(!document.body.contains("\"x-"));
}

#[tokio::test]
async fn head_has_the_headers_of_get_and_other_methods_are_refused() {
    let bed = Testbed::new().await;
    for path in ["/docs", "/docs/start.js", "/docs/swagger-ui.css", "/docs/swagger-ui-bundle.js"] {
        let get = ask(&bed.app, &format!("GET {path}"), &[], "").await;
        let head = ask(&bed.app, &format!("HEAD {path}"), &[], "").await;
        assert_eq!(head.status, 200, "{path}");
        assert_secured(&get);
        assert_secured(&head);
        assert_eq!(head.header("content-type"), get.header("content-type"), "{path}");
        let post = ask(&bed.app, &format!("POST {path}"), &[], "").await;
        assert_eq!((post.status.as_u16(), post.header("allow")), (405, Some("GET, HEAD")));
    }
}

#[tokio::test]
async fn unknown_file_is_not_found() {
    let bed = Testbed::new().await;
    for path in [
        "/docs/index.html",
        "/docs/START.JS",
        "/docs/swagger-ui.js",
        "/docs/",
        "/docs/..",
        "/docs/../docs",
        "/docs/%73tart.js",
        "/docs/a/start.js",
    ] {
        let reply = ask(&bed.app, &format!("GET {path}"), &[], "").await;
        assert_eq!(reply.status, 404, "{path}");
        assert_eq!(reply.header("content-type"), Some("application/problem+json"), "{path}");
    }
}
