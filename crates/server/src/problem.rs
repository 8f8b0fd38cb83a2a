//! The one mapping from errors to answers: `application/problem+json` (RFC 9457), whatever went wrong.

use std::time::Duration;

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

use crate::request_id;

/// The result of a handler.
pub(crate) type ApiResult<T> = Result<T, ApiError>;

/// Why a request was not done.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// What kind of problem, for programs.
    #[serde(rename = "type")]
    #[schema(format = "uri", example = "urn:runnel:problem:not-found")]
    kind: String,
    /// The kind of problem, for people.
    title: &'static str,
    /// The status of the answer.
    status: u16,
    /// What happened and what to do.
    detail: String,
    /// The request, as the log names it.
    #[schema(format = "uri")]
    instance: String,
    /// Each place where something is wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    errors: Vec<FieldProblem>,
}

/// Something wrong at one place of a request.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct FieldProblem {
    /// Where, as in `nodes[3].parameters.url`; empty for the whole.
    pub(crate) path: String,
    /// What kind of problem, for programs.
    #[schema(example = "shape")]
    pub(crate) code: String,
    /// What is wrong.
    pub(crate) message: String,
    /// What to do about it; empty when the message says it.
    pub(crate) fix: String,
    /// Whether the workflow can run all the same: `error` or `warning`.
    pub(crate) severity: &'static str,
}

impl From<&model::Problem> for FieldProblem {
    fn from(problem: &model::Problem) -> Self {
        let code = serde_json::to_value(problem.code).ok();
        Self {
            path: problem.path.clone(),
            code: code.and_then(|code| code.as_str().map(str::to_owned)).unwrap_or_default(),
            message: problem.message.clone(),
            fix: problem.fix.clone(),
            severity: match problem.severity {
                model::Severity::Error => "error",
                model::Severity::Warning => "warning",
            },
        }
    }
}

/// An error of the API, ready to be answered.
#[derive(Debug)]
pub(crate) struct ApiError {
    kind: Kind,
    detail: String,
    errors: Vec<FieldProblem>,
    retry_after: Option<Duration>,
}

/// What kind of problem it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Malformed,
    Unauthenticated,
    Forbidden,
    NotFound,
    MethodNotAllowed,
    Timeout,
    Conflict,
    Changed,
    TooLarge,
    MediaType,
    Invalid,
    RevisionMissing,
    TooMany,
    Internal,
    NotSetUp,
    Full,
    Unavailable,
}

impl Kind {
    fn facts(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Kind::Malformed => (StatusCode::BAD_REQUEST, "malformed", "The request cannot be read"),
            Kind::Unauthenticated => {
                (StatusCode::UNAUTHORIZED, "unauthenticated", "The request names nobody we know")
            }
            Kind::Forbidden => (StatusCode::FORBIDDEN, "forbidden", "This is not allowed"),
            Kind::NotFound => (StatusCode::NOT_FOUND, "not-found", "There is no such thing"),
            Kind::MethodNotAllowed => {
                (StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "This address has no such method")
            }
            Kind::Timeout => (StatusCode::REQUEST_TIMEOUT, "timeout", "The request took too long to arrive"),
            Kind::Conflict => (StatusCode::CONFLICT, "conflict", "Something is in the way"),
            Kind::Changed => (StatusCode::PRECONDITION_FAILED, "changed", "It was changed meanwhile"),
            Kind::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "too-large", "The body is too large"),
            Kind::MediaType => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "media-type", "The body has the wrong type")
            }
            Kind::Invalid => (StatusCode::UNPROCESSABLE_ENTITY, "invalid", "The request cannot be used"),
            Kind::RevisionMissing => {
                (StatusCode::PRECONDITION_REQUIRED, "revision-missing", "The revision is missing")
            }
            Kind::TooMany => (StatusCode::TOO_MANY_REQUESTS, "too-many", "There are too many requests"),
            Kind::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "internal", "Something went wrong here"),
            Kind::NotSetUp => {
                (StatusCode::SERVICE_UNAVAILABLE, "not-set-up", "This instance is not set up yet")
            }
            Kind::Full => (StatusCode::SERVICE_UNAVAILABLE, "disk-full", "The disk is full"),
            Kind::Unavailable => {
                (StatusCode::SERVICE_UNAVAILABLE, "unavailable", "This does not work at the moment")
            }
        }
    }
}

impl ApiError {
    pub(crate) fn new(kind: Kind, detail: impl Into<String>) -> Self {
        let retry_after = matches!(kind, Kind::Full | Kind::Unavailable).then_some(Duration::from_secs(2));
        Self { kind, detail: detail.into(), errors: Vec::new(), retry_after }
    }

    pub(crate) fn not_found(what: &str) -> Self {
        Self::new(Kind::NotFound, format!("{what} not found"))
    }

    /// Something wrong at one place.
    pub(crate) fn at(kind: Kind, problem: &model::Problem) -> Self {
        Self { errors: vec![problem.into()], ..Self::new(kind, problem.to_string()) }
    }

    #[cfg(test)]
    pub(crate) fn status(&self) -> StatusCode {
        self.kind.facts().0
    }
}

impl From<app::Error> for ApiError {
    fn from(error: app::Error) -> Self {
        use app::Error;
        let detail = error.to_string();
        match error {
            Error::NotFound(_) => Self::new(Kind::NotFound, detail),
            Error::Unauthenticated => Self::new(Kind::Unauthenticated, detail),
            Error::Forbidden(_) => Self::new(Kind::Forbidden, detail),
            Error::Invalid { problems, .. } => Self {
                errors: problems.iter().map(FieldProblem::from).collect(),
                ..Self::new(Kind::Invalid, detail)
            },
            Error::Conflict(_) => Self::new(Kind::Conflict, detail),
            Error::Changed { .. } => Self::new(Kind::Changed, detail),
            Error::NotSetUp => Self::new(Kind::NotSetUp, detail),
            Error::TooMany(after) => Self { retry_after: Some(after), ..Self::new(Kind::TooMany, detail) },
            Error::Full => Self::new(Kind::Full, detail),
            Error::Unavailable(_) => Self::new(Kind::Unavailable, detail),
            Error::Internal(cause) => {
                tracing::error!(
                    request.id = %request_id::current(),
                    error = cause.as_ref() as &dyn std::error::Error,
                    "a request failed for a reason of ours",
                );
                Self::new(Kind::Internal, format!("{detail}; the log has more about this request"))
            }
        }
    }
}

impl From<store::Error> for ApiError {
    fn from(error: store::Error) -> Self {
        app::Error::from(error).into()
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (status, slug, title) = self.kind.facts();
        let problem = Problem {
            kind: format!("urn:runnel:problem:{slug}"),
            title,
            status: status.as_u16(),
            detail: self.detail,
            instance: format!("urn:uuid:{}", request_id::current()),
            errors: self.errors,
        };
        let mut response = (status, Json(problem)).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(after) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(after.as_secs().max(1)));
        }
        if self.kind == Kind::Unauthenticated {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"runnel\""));
        }
        response
    }
}
