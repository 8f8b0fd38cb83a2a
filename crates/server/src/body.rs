//! Reads bodies: within a size and a time, of the declared type, and JSON without unknown or repeated members.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;
use model::Problem;
use model::validate::Code;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::problem::{ApiError, ApiResult, Kind};

/// Largest body of a request to the API.
pub(crate) const MAX_BODY: usize = 8 << 20;
/// How long a body may take to arrive.
const MAX_TIME: Duration = Duration::from_secs(30);

/// Reads a whole body of at most `limit` bytes.
pub(crate) async fn read_body(body: Body, limit: usize) -> ApiResult<Bytes> {
    let read = async {
        let mut body = body;
        let mut bytes = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame else {
                return Err(ApiError::new(Kind::Malformed, "the body broke off"));
            };
            let Ok(data) = frame.into_data() else { continue };
            if bytes.len() + data.len() > limit {
                let message = format!("the body is larger than {} KiB; send less at once", limit >> 10);
                return Err(ApiError::new(Kind::TooLarge, message));
            }
            bytes.extend_from_slice(&data);
        }
        Ok(bytes.freeze())
    };
    let timeout =
        || ApiError::new(Kind::Timeout, format!("the body did not arrive within {} s", MAX_TIME.as_secs()));
    tokio::time::timeout(MAX_TIME, read).await.map_err(|_| timeout())?
}

/// A JSON body, or a JSON answer.
#[derive(Debug)]
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> ApiResult<Self> {
        let (parts, body) = request.into_parts();
        check_type(&parts.headers)?;
        let bytes = read_body(body, MAX_BODY).await?;
        parse(&bytes).map(Json)
    }
}

/// A JSON body that may be missing.
#[derive(Debug)]
pub(crate) struct Optional<T>(pub(crate) T);

impl<T: DeserializeOwned + Default, S: Sync> FromRequest<S> for Optional<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> ApiResult<Self> {
        let (parts, body) = request.into_parts();
        let bytes = read_body(body, MAX_BODY).await?;
        if bytes.is_empty() {
            return Ok(Optional(T::default()));
        }
        check_type(&parts.headers)?;
        parse(&bytes).map(Optional)
    }
}

/// A file of another product: whatever JSON it is.
#[derive(Debug)]
pub(crate) struct Lenient(pub(crate) model::Value);

impl<S: Sync> FromRequest<S> for Lenient {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> ApiResult<Self> {
        let (parts, body) = request.into_parts();
        check_type(&parts.headers)?;
        let bytes = read_body(body, MAX_BODY).await?;
        let value = serde_json::from_slice(&bytes).map_err(|error| {
            ApiError::at(Kind::Malformed, &Problem::error("", Code::Malformed, error.to_string()))
        });
        value.map(Lenient)
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(body) => (StatusCode::OK, [(CONTENT_TYPE, "application/json")], body).into_response(),
            Err(error) => ApiError::from(app::Error::internal(error)).into_response(),
        }
    }
}

fn check_type(headers: &HeaderMap) -> ApiResult<()> {
    let declared = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut parts = declared.split(';').map(str::trim);
    let is_json = parts.next().is_some_and(|essence| essence.eq_ignore_ascii_case("application/json"));
    let is_utf8 = parts.filter_map(|parameter| parameter.split_once('=')).all(|(name, value)| {
        !name.trim().eq_ignore_ascii_case("charset") || value.trim_matches('"').eq_ignore_ascii_case("utf-8")
    });
    if is_json && is_utf8 {
        return Ok(());
    }
    Err(ApiError::new(Kind::MediaType, "the body must be JSON: send \"Content-Type: application/json\""))
}

/// Reads strict JSON.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> ApiResult<T> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let message = format!("byte {} of the body is not UTF-8", error.valid_up_to() + 1);
        ApiError::new(Kind::Malformed, message)
    })?;
    model::strict::check_members(text).map_err(|problem| {
        let kind = if problem.code == Code::Malformed { Kind::Malformed } else { Kind::Invalid };
        ApiError::at(kind, &problem)
    })?;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = Some(error.path().to_string()).filter(|path| path != ".").unwrap_or_default();
        ApiError::at(Kind::Invalid, &Problem::error(path, Code::Shape, shape(error.inner())))
    })
}

/// What serde says without where in the text, which the path says better.
fn shape(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ").map_or(text.as_str(), |(message, _)| message).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Input {
        #[expect(dead_code, reason = "only its reading is looked at")]
        name: String,
    }

    fn status(text: &str) -> u16 {
        parse::<Input>(text.as_bytes()).expect_err("it is not valid").status().as_u16()
    }

    #[test]
    fn unknown_and_repeated_members_are_refused() {
        assert!(parse::<Input>(br#"{"name":"a"}"#).is_ok());
        assert_eq!(status(r#"{"name":"a","owner_id":1}"#), 422);
        assert_eq!(status(r#"{"name":"a","name":"b"}"#), 422);
        assert_eq!(status(r#"{"name":1}"#), 422);
    }

    #[test]
    fn what_is_no_json_is_malformed() {
        assert_eq!(status("{"), 400);
        assert_eq!(status(&"[".repeat(100_000)), 400);
        assert_eq!(parse::<Input>(b"\"\xff\"").expect_err("it is no text").status().as_u16(), 400);
    }

    #[test]
    fn only_json_is_taken_for_json() {
        let of = |kind: &str| {
            let headers = HeaderMap::from_iter([(CONTENT_TYPE, kind.parse().expect("a header value"))]);
            check_type(&headers).is_ok()
        };
        assert!(of("application/json") && of("Application/JSON; charset=UTF-8"));
        assert!(!of("text/plain") && !of("application/json; charset=latin1") && !of("multipart/form-data"));
        assert!(check_type(&HeaderMap::new()).is_err());
    }
}
