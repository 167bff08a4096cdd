//! The pages: what stands at which address. None of them changes anything.

use crate::exposition;
use crate::window::Window;
use axum::Router;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use overtime_protocol::json::Json;
use std::sync::Arc;

const INDEX: &str = "overtime: the admin port\n\n\
    /livez    whether the process runs\n\
    /readyz   whether it takes work, and every check behind that (JSON)\n\
    /metrics  what it counts and measures (OpenMetrics text)\n";

type Shown = State<Arc<dyn Window>>;

/// The routes. `get` serves HEAD too, and answers 405 with `Allow` to anything else.
pub(crate) fn router(window: Arc<dyn Window>) -> Router {
    Router::new()
        .route("/", get(|| async { INDEX }))
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .fallback(|| async { (StatusCode::NOT_FOUND, "there is nothing at this address\n") })
        .with_state(window)
}

async fn ready(State(window): Shown) -> Response {
    let checks = window.checks();
    let is_ready = checks.iter().all(|check| check.ok);
    let mut body = Vec::new();
    let mut json = Json::object(&mut body);
    json.boolean("ready", is_ready);
    json.nested("checks", |json| {
        for check in &checks {
            json.nested(check.name, |json| {
                json.boolean("ok", check.ok);
                json.text("detail", &check.detail);
            });
        }
    });
    json.end();
    let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, fresh("application/json"), body).into_response()
}

async fn metrics(State(window): Shown) -> Response {
    match exposition::text_of(&window) {
        Ok(text) => (fresh(exposition::CONTENT_TYPE), text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// The fields of an answer that is wrong a moment later.
fn fresh(content_type: &'static str) -> [(HeaderName, &'static str); 2] {
    [(CONTENT_TYPE, content_type), (CACHE_CONTROL, "no-store")]
}
