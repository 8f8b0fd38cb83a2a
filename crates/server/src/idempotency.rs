//! A POST with an `Idempotency-Key` happens once: sent again within 24 hours, its first answer is repeated.

use app::access::Actor;
use app::idempotency::{Begun, Request as Asked};
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, StatusCode};
use http_body_util::BodyExt;
use sha2::{Digest, Sha256};

use crate::body::{MAX_BODY, read_body};
use crate::problem::{ApiError, ApiResult, Kind};
use crate::state::State;

/// The header.
pub(crate) const HEADER: &str = "idempotency-key";
/// Says that an answer was given before.
const REPLAYED: &str = "idempotency-replayed";
/// Longer answers are not kept: what they tell can be read again.
const MAX_ANSWER: usize = 1 << 20;

/// In the extensions of an answer: it tells a secret, and is not kept.
#[derive(Clone, Copy)]
pub(crate) struct Secret;

/// In the extensions of a request: the key it came with, for operations that are unique by it.
#[derive(Clone)]
pub(crate) struct IdempotencyKey(pub(crate) String);

/// Answers a request that has a key.
pub(crate) async fn once(state: &State, actor: &Actor, request: Request, next: Next) -> Response {
    match answer(state, actor, request, next).await {
        Ok(response) => response,
        Err(error) => error.into_response(),
    }
}

async fn answer(state: &State, actor: &Actor, request: Request, next: Next) -> ApiResult<Response> {
    let key = key(request.headers())?;
    let (mut parts, body) = request.into_parts();
    let body = read_body(body, MAX_BODY).await?;
    let mut digest = Sha256::new();
    // The caller too: what one may see is not repeated to another.
    for part in [actor.user().as_bytes().as_slice(), parts.uri.to_string().as_bytes(), &body] {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    let asked = Asked { key: key.clone(), sha256: digest.finalize().into() };
    match app::idempotency::begin(&state.app, actor, &asked).await? {
        Begun::First => {}
        Begun::Answered { status, body } => return Ok(repeat(status, body)),
        Begun::Running => {
            let message = "a request with this Idempotency-Key is being worked on; try again in a moment";
            return Err(ApiError::new(Kind::Conflict, message));
        }
        Begun::Different => {
            let message = "this Idempotency-Key was used for another request; use a new key for each";
            return Err(ApiError::new(Kind::Invalid, message));
        }
    }
    parts.extensions.insert(IdempotencyKey(key));
    let response = next.run(Request::from_parts(parts, Body::from(body))).await;
    keep(state, actor, &asked, response).await
}

fn key(headers: &HeaderMap) -> ApiResult<String> {
    let mut values = headers.get_all(HEADER).iter();
    let text = values.next().and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_key = (1..=255).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_key || values.next().is_some() {
        let message = "an Idempotency-Key is one text of 1 to 255 visible ASCII characters";
        return Err(ApiError::new(Kind::Malformed, message));
    }
    Ok(text.to_owned())
}

/// Keeps what a request came to. What failed for a reason that passes may be tried again with the same key.
async fn keep(state: &State, actor: &Actor, asked: &Asked, response: Response) -> ApiResult<Response> {
    let status = response.status();
    let passes = status.is_server_error()
        || matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT);
    let secret = response.extensions().get::<Secret>().is_some();
    let (parts, body) = response.into_parts();
    let body = body.collect().await.map_err(app::Error::internal)?.to_bytes();
    let kept = if passes {
        app::idempotency::forget(&state.app, actor, asked).await
    } else {
        let text = std::str::from_utf8(&body).ok().filter(|text| !secret && text.len() <= MAX_ANSWER);
        app::idempotency::finish(&state.app, actor, asked, status.as_u16(), text.unwrap_or_default()).await
    };
    if let Err(error) = kept {
        // It was done; only its repetition is not safe.
        tracing::warn!(error = &error as &dyn std::error::Error, "an answer could not be kept");
    }
    Ok(Response::from_parts(parts, Body::from(body)))
}

fn repeat(status: u16, body: String) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    let kind = match (body.is_empty(), status.is_client_error()) {
        (true, _) => None,
        (false, true) => Some("application/problem+json"),
        (false, false) => Some("application/json"),
    };
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    headers.remove(CONTENT_TYPE);
    if let Some(kind) = kind {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    response
}
