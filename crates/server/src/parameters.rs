//! Reads ids from paths, filters from queries and revisions from headers.

use axum::extract::{FromRequestParts, RawPathParams};
use http::HeaderMap;
use http::header::IF_MATCH;
use http::request::Parts;
use model::Problem;
use model::validate::Code;
use serde::de::DeserializeOwned;

use crate::problem::{ApiError, ApiResult, Kind};

/// The parameters of a path, in order. What is no id names nothing, so it is not found.
#[derive(Debug)]
pub(crate) struct Path<T>(pub(crate) T);

/// What a path may hold.
pub(crate) trait PathParameter: Sized {
    /// Reads the text between two slashes.
    fn read(text: &str) -> Option<Self>;
}

macro_rules! path_parameters {
    ($($type:ty)*) => {$(
        impl PathParameter for $type {
            fn read(text: &str) -> Option<Self> {
                text.parse().ok()
            }
        }
    )*};
}

path_parameters! {
    model::ids::WorkflowId model::ids::ExecutionId model::ids::VersionId model::ids::CredentialId
    model::ids::ApiKeyId u32 u64
}

impl PathParameter for String {
    fn read(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }
}

async fn texts<S: Send + Sync>(parts: &mut Parts, state: &S) -> ApiResult<Vec<String>> {
    // Fails for bytes that are no text; those name nothing either.
    let parameters = RawPathParams::from_request_parts(parts, state)
        .await
        .map_err(|_| ApiError::not_found("the address"))?;
    Ok(parameters.iter().map(|(_, text)| text.to_owned()).collect())
}

fn read<T: PathParameter>(texts: &[String], index: usize) -> ApiResult<T> {
    texts.get(index).and_then(|text| T::read(text)).ok_or_else(|| ApiError::not_found("the address"))
}

impl<T: PathParameter, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> ApiResult<Self> {
        let texts = texts(parts, state).await?;
        Ok(Path(read(&texts, 0)?))
    }
}

impl<T: PathParameter, U: PathParameter, S: Send + Sync> FromRequestParts<S> for Path<(T, U)> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> ApiResult<Self> {
        let texts = texts(parts, state).await?;
        Ok(Path((read(&texts, 0)?, read(&texts, 1)?)))
    }
}

/// The query. Unknown and repeated names are refused.
#[derive(Debug)]
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> ApiResult<Self> {
        axum::extract::Query::try_from_uri(&parts.uri).map(|query| Query(query.0)).map_err(|rejection| {
            let text = rejection.body_text();
            let text = text.strip_prefix("Failed to deserialize query string: ").unwrap_or(&text);
            // serde_path_to_error puts the name in front.
            let (path, message) = text.split_once(": ").unwrap_or(("", text));
            ApiError::at(Kind::Invalid, &Problem::error(path, Code::Shape, message))
        })
    }
}

/// The revision that a change is based on, from `If-Match`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Revision(pub(crate) u64);

impl<S: Send + Sync> FromRequestParts<S> for Revision {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> ApiResult<Self> {
        revision(&parts.headers)
    }
}

/// The revision of `If-Match`, where it may be missing.
pub(crate) fn revision_if_any(headers: &HeaderMap) -> ApiResult<Option<u64>> {
    if !headers.contains_key(IF_MATCH) {
        return Ok(None);
    }
    revision(headers).map(|revision| Some(revision.0))
}

fn revision(headers: &HeaderMap) -> ApiResult<Revision> {
    let Some(value) = headers.get(IF_MATCH) else {
        let message = "send the ETag of the workflow you changed as \"If-Match\"";
        return Err(ApiError::new(Kind::RevisionMissing, message));
    };
    let read = value.to_str().ok().and_then(|text| {
        let digits = text.trim().strip_prefix('"')?.strip_suffix('"')?;
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
    });
    // An ETag that we never gave matches nothing.
    read.map(Revision).ok_or_else(|| {
        ApiError::new(Kind::Changed, "\"If-Match\" is no ETag of this workflow; read it again")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revision_is_a_quoted_number() {
        let of = |value: &str| {
            let headers = HeaderMap::from_iter([(IF_MATCH, value.parse().expect("a header value"))]);
            revision(&headers).map_err(|error| error.status().as_u16())
        };
        assert_eq!(of("\"17\""), Ok(Revision(17)));
        assert_eq!(of("17"), Err(412));
        assert_eq!(of("W/\"17\""), Err(412));
        assert_eq!(of("\"+17\""), Err(412));
        assert_eq!(of("*"), Err(412));
        assert_eq!(revision(&HeaderMap::new()).map_err(|error| error.status().as_u16()), Err(428));
    }
}
