//! Swagger UI at `/docs`, from the binary.
//!
//! The page loads five files: its style, its program, its start, its icon and `/openapi.json`. The content security
//! policy allows nothing from another server, no inline script and no frame.

use chassis::answer::json;
use chassis::problem::{ErrorStatus, Problem};
use chassis::{Answer, Request};
use hyper::StatusCode;
use hyper::header::{
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};

/// `data:` is for the small pictures of the style sheet.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);
/// The files change only with a deployment.
const BRIEFLY: HeaderValue = HeaderValue::from_static("public, max-age=300");

/// The page.
pub(super) fn page() -> Answer {
    answer("text/html; charset=utf-8", include_bytes!("docs/index.html"))
}

/// A file that the page loads.
pub(super) fn file(request: &Request<'_>) -> Result<Answer, Problem> {
    let file = match request.parameter("file") {
        Some("start.js") => {
            answer("text/javascript; charset=utf-8", include_bytes!("docs/start.js"))
        }
        Some("swagger-ui-bundle.js") => answer(
            "text/javascript; charset=utf-8",
            include_bytes!(concat!(env!("OUT_DIR"), "/swagger-ui-bundle.js")),
        ),
        Some("swagger-ui.css") => answer(
            "text/css; charset=utf-8",
            include_bytes!(concat!(env!("OUT_DIR"), "/swagger-ui.css")),
        ),
        Some("favicon-32x32.png") => {
            answer("image/png", include_bytes!(concat!(env!("OUT_DIR"), "/favicon-32x32.png")))
        }
        _ => return Err(Problem::plain(ErrorStatus::NOT_FOUND, "There is no such file.")),
    };
    Ok(file)
}

fn answer(kind: &'static str, bytes: &'static [u8]) -> Answer {
    let mut answer = json(StatusCode::OK, BRIEFLY, bytes);
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CONTENT_SECURITY_POLICY, POLICY);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    answer
}
