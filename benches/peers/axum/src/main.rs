//! `POST /sum` on axum, on one thread. It uses the API's own source for the arithmetic, so that only the HTTP stack
//! differs.

#[allow(dead_code, reason = "the peer uses a part of the API's source")]
#[path = "../../../../services/sum/src/decimal.rs"]
mod decimal;
#[allow(dead_code, reason = "the peer uses a part of the API's source")]
#[path = "../../../../services/sum/src/sum.rs"]
mod sum;

use axum::Router;
use axum::body::Bytes;
use axum::extract::DefaultBodyLimit;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

async fn add(headers: HeaderMap, body: Bytes) -> Response {
    if headers.get(CONTENT_TYPE).is_none_or(|value| value != "application/json") {
        return StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response();
    }
    match sum::sum(&body) {
        Ok(sum) => {
            ([(CONTENT_TYPE, "application/json")], format!(r#"{{"sum":{sum}}}"#)).into_response()
        }
        Err(error) => (StatusCode::UNPROCESSABLE_ENTITY, error.to_string()).into_response(),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1).expect("the address to listen on");
    let app = Router::new()
        .route("/sum", post(add))
        .route("/healthz", get(|| async { r#"{"status":"ok"}"# }))
        .layer(DefaultBodyLimit::max(4096));
    axum::serve(tokio::net::TcpListener::bind(address).await?, app).await
}
