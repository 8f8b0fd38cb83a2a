//! What surrounds every request: its id, its place in log and metrics, and the headers every answer has.

use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State as Extract};
use axum::middleware::Next;
use axum::response::Response;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderName, HeaderValue, Method, StatusCode};

use crate::request_id;
use crate::state::State;

/// Requests that take longer are worth a line.
const SLOW: Duration = Duration::from_secs(5);

/// Nothing from us is to be framed, guessed at, kept by strangers or run.
const HEADERS: [(HeaderName, &str); 5] = [
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
    (REFERRER_POLICY, "no-referrer"),
    (
        CONTENT_SECURITY_POLICY,
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (CACHE_CONTROL, "no-store"),
];

/// Answers a request under its id.
pub(crate) async fn observe(Extract(state): Extract<State>, request: Request, next: Next) -> Response {
    let id = request_id::of(request.headers());
    request_id::scope(id, async {
        let began = Instant::now();
        let method = request.method().clone();
        let route = request.extensions().get::<MatchedPath>().cloned();
        let mut response = next.run(request).await;
        let route = route.as_ref().map_or("none", MatchedPath::as_str);
        report(&state, &method, route, response.status(), began.elapsed());
        let headers = response.headers_mut();
        for (name, value) in HEADERS {
            headers.entry(name).or_insert(HeaderValue::from_static(value));
        }
        let id = HeaderValue::from_str(&id.to_string()).expect("a UUID is visible ASCII");
        headers.insert(request_id::HEADER, id);
        response
    })
    .await
}

fn report(state: &State, method: &Method, route: &str, status: StatusCode, took: Duration) {
    state.metrics.request(method, route, status, took);
    let ms = took.as_secs_f64() * 1_000.0;
    let id = request_id::current();
    if took > SLOW {
        tracing::info!(request.id = %id, %method, route, status = status.as_u16(), ms, "a slow request");
    } else {
        tracing::debug!(request.id = %id, %method, route, status = status.as_u16(), ms, "request");
    }
}
