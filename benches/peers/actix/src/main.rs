//! `POST /sum` on actix-web, with one worker. It uses the API's own source for the arithmetic, so that only the HTTP
//! stack differs.

#[allow(dead_code, reason = "the peer uses a part of the API's source")]
#[path = "../../../../services/sum/src/decimal.rs"]
mod decimal;
#[allow(dead_code, reason = "the peer uses a part of the API's source")]
#[path = "../../../../services/sum/src/sum.rs"]
mod sum;

use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::{self, Bytes, PayloadConfig};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, get, post};

#[post("/sum")]
async fn add(request: HttpRequest, body: Bytes) -> HttpResponse {
    if request.headers().get(CONTENT_TYPE).is_none_or(|value| value != "application/json") {
        return HttpResponse::UnsupportedMediaType().finish();
    }
    match sum::sum(&body) {
        Ok(sum) => {
            HttpResponse::Ok().content_type("application/json").body(format!(r#"{{"sum":{sum}}}"#))
        }
        Err(error) => HttpResponse::UnprocessableEntity().body(error.to_string()),
    }
}

#[get("/healthz")]
async fn healthz() -> &'static str {
    r#"{"status":"ok"}"#
}

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1).expect("the address to listen on");
    HttpServer::new(|| {
        App::new()
            .app_data(PayloadConfig::new(4096))
            .service(web::scope("").service(add).service(healthz))
    })
    .workers(1)
    .bind(address)?
    .run()
    .await
}
