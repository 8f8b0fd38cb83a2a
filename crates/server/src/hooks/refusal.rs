//! Calls that start nothing, and the words in which they are told so.

use std::fmt;
use std::time::Duration;

use axum::body::Body;
use http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};
use model::json;

/// Why a call starts nothing.
#[derive(Debug)]
pub(super) struct Refusal(Box<Facts>);

#[derive(Debug)]
struct Facts {
    status: StatusCode,
    kind: &'static str,
    title: &'static str,
    /// What happened and what to do.
    detail: String,
    /// The words in which n8n says it, where it has other ones.
    n8n: Option<N8n>,
    retry_after: Option<Duration>,
    allow: Option<HeaderValue>,
    /// Whether the caller should say who it is.
    challenge: bool,
}

/// How n8n says it.
#[derive(Debug)]
enum N8n {
    Text { status: u16, text: String },
    Json { code: u16, message: String, hint: Option<String> },
}

/// In whose words answers are that the workflow does not word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wording {
    /// Problems of RFC 9457.
    Native,
    /// Those of n8n, for workflows that come from there.
    N8n,
}

impl Refusal {
    /// The status, in our own words.
    #[cfg(test)]
    pub(super) fn status(&self) -> StatusCode {
        self.0.status
    }

    fn new(status: StatusCode, kind: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        let facts = Facts {
            status,
            kind,
            title,
            detail,
            n8n: None,
            retry_after: None,
            allow: None,
            challenge: false,
        };
        Self(Box::new(facts))
    }

    /// Nothing is here, or nothing that is switched on: the same answer for both.
    pub(super) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "There is no such thing", "webhook not found")
    }

    /// The webhook has other methods.
    pub(super) fn method(given: &str, methods: &[http::Method]) -> Self {
        let names: Vec<_> = methods.iter().map(|method| method.as_str()).collect();
        let alternatives = match names.as_slice() {
            [] => String::new(),
            [only] => (*only).to_owned(),
            [others @ .., last] => format!("{} or {last}", others.join(", ")),
        };
        let detail = format!("this webhook takes {alternatives}");
        let title = "This address has no such method";
        let mut refusal = Self::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", title, detail);
        refusal.0.allow = HeaderValue::from_str(&names.join(", ")).ok();
        let message = format!(
            "This webhook is not registered for {given} requests. Did you mean to make a {alternatives} request?"
        );
        refusal.0.n8n = Some(N8n::Json { code: 404, message, hint: None });
        refusal
    }

    /// The caller is not among those who may call.
    pub(super) fn forbidden(detail: &str, n8n: &str) -> Self {
        let mut refusal = Self::new(StatusCode::FORBIDDEN, "forbidden", "This is not allowed", detail);
        refusal.0.n8n = Some(N8n::Text { status: 403, text: n8n.to_owned() });
        refusal
    }

    /// The caller has not proved who it is.
    pub(super) fn unauthenticated(detail: &str, n8n_status: u16, n8n: &str) -> Self {
        let title = "The call does not prove who makes it";
        let mut refusal = Self::new(StatusCode::UNAUTHORIZED, "unauthenticated", title, detail);
        refusal.0.n8n = Some(N8n::Text { status: n8n_status, text: n8n.to_owned() });
        refusal.0.challenge = true;
        refusal
    }

    /// The webhook has no secret to check callers with, so that nobody may call.
    pub(super) fn without_secret() -> Self {
        let detail = "this webhook has no secret to check calls with; set its credential";
        let mut refusal =
            Self::new(StatusCode::INTERNAL_SERVER_ERROR, "no-secret", "The webhook is not complete", detail);
        let text = "No authentication data defined on node!".to_owned();
        refusal.0.n8n = Some(N8n::Text { status: 500, text });
        refusal
    }

    /// The body is too large, or too many.
    pub(super) fn too_large(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "The body is too large", detail)
    }

    /// The body or the head cannot be read.
    pub(super) fn malformed(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed", "The request cannot be read", detail)
    }

    /// The body is no JSON although it is called so.
    pub(super) fn no_json(why: &str) -> Self {
        let mut refusal = Self::malformed(format!("the body is no valid JSON: {why}"));
        let message = "Failed to parse request body".to_owned();
        refusal.0.n8n = Some(N8n::Json { code: 422, message, hint: Some(why.to_owned()) });
        refusal
    }

    /// The body has a form that we do not read.
    pub(super) fn media_type(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "media-type", "The body has the wrong type", detail)
    }

    /// The request did not arrive in time.
    pub(super) fn timeout() -> Self {
        let title = "The request took too long to arrive";
        Self::new(StatusCode::REQUEST_TIMEOUT, "timeout", title, "the body did not arrive in time")
    }

    /// The execution does not wait.
    pub(super) fn conflict(message: String) -> Self {
        let mut refusal =
            Self::new(StatusCode::CONFLICT, "conflict", "Something is in the way", message.as_str());
        refusal.0.n8n = Some(N8n::Json { code: 409, message, hint: None });
        refusal
    }

    /// There are too many calls at the moment.
    pub(super) fn too_many(retry_after: Duration) -> Self {
        let detail = "too much is going on here at the moment; try again later";
        let mut refusal =
            Self::new(StatusCode::TOO_MANY_REQUESTS, "too-many", "There are too many requests", detail);
        refusal.0.retry_after = Some(retry_after);
        refusal
    }

    /// Nothing can be kept at the moment.
    pub(super) fn unavailable(kind: &'static str, detail: &'static str, retry_after: Duration) -> Self {
        let mut refusal =
            Self::new(StatusCode::SERVICE_UNAVAILABLE, kind, "This does not work at the moment", detail);
        refusal.0.retry_after = Some(retry_after);
        refusal
    }

    /// Something is wrong here or in the workflow; the text says what, without what happened inside.
    pub(super) fn internal(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Something went wrong here", detail)
    }

    /// The answer of an execution that has none to give.
    pub(super) fn no_answer(message: &str) -> Self {
        let mut refusal = Self::internal(message);
        refusal.0.n8n = Some(N8n::Json { code: 0, message: message.to_owned(), hint: None });
        refusal
    }

    /// The answer.
    pub(super) fn respond(self, wording: Wording) -> Response<Body> {
        let facts = *self.0;
        let (status, kind, body) = match (wording, facts.n8n) {
            (Wording::N8n, Some(N8n::Text { status, text })) => {
                let status = StatusCode::from_u16(status).unwrap_or(facts.status);
                (status, "text/plain; charset=utf-8", text)
            }
            (Wording::N8n, Some(N8n::Json { code, message, hint })) => {
                let mut body = json!({ "code": (u32::from(code)), "message": message });
                if let (Some(hint), model::Value::Object(body)) = (hint, &mut body) {
                    body.insert("hint", hint);
                }
                let status = StatusCode::from_u16(code).unwrap_or(facts.status);
                (status, "application/json; charset=utf-8", body.to_json())
            }
            _ => {
                let body = json!({
                    "type": (format!("urn:runnel:problem:{}", facts.kind)),
                    "title": (facts.title),
                    "status": (facts.status.as_u16()),
                    "detail": (facts.detail),
                });
                (facts.status, "application/problem+json", body.to_json())
            }
        };
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        if let Some(after) = facts.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(after.as_secs().max(1)));
        }
        if let Some(methods) = facts.allow {
            headers.insert(ALLOW, methods);
        }
        if facts.challenge {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"Webhook\""));
        }
        response
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.detail)
    }
}
