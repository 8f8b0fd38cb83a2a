//! The id of a request: in its answer, in its problem, in the log.

use std::future::Future;

use http::HeaderMap;
use uuid::Uuid;

/// The header that carries it.
pub(crate) const HEADER: &str = "x-request-id";

tokio::task_local! {
    static CURRENT: Uuid;
}

/// Runs a request under its id.
pub(crate) async fn scope<F: Future>(id: Uuid, request: F) -> F::Output {
    CURRENT.scope(id, request).await
}

/// The id of the request that is being answered.
pub(crate) fn current() -> Uuid {
    CURRENT.try_with(|id| *id).unwrap_or(Uuid::nil())
}

/// The id that a caller gave its request when it is a UUID, or a new one: text of callers stays out of the log.
pub(crate) fn of(headers: &HeaderMap) -> Uuid {
    let given = headers.get(HEADER).and_then(|id| id.to_str().ok()?.parse().ok());
    given.filter(|id: &Uuid| !id.is_nil()).unwrap_or_else(fresh)
}

fn fresh() -> Uuid {
    uuid::Builder::from_random_bytes(app::secrets::random()).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_is_no_uuid_is_replaced() {
        let headers =
            |id: &str| HeaderMap::from_iter([(HEADER.parse().expect("a name"), id.parse().expect("text"))]);
        let given = "0195b7a0-0000-7000-8000-000000000001";
        assert_eq!(of(&headers(given)).to_string(), given);
        assert_ne!(of(&headers("x=1 level=error")).to_string(), "x=1 level=error");
        assert_ne!(of(&HeaderMap::new()), of(&HeaderMap::new()));
    }
}
