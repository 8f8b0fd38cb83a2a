//! Whether the process lives, and whether it should be sent requests.

use axum::extract::State as Extract;
use axum::response::IntoResponse;
use serde::Serialize;
use utoipa::ToSchema;

use crate::body::Json;
use crate::problem::{ApiError, ApiResult, Kind};
use crate::state::State;

/// How the process is.
#[derive(Serialize, ToSchema)]
pub(crate) struct HealthView {
    /// Always `ok`; anything else is a problem.
    #[schema(example = "ok")]
    status: &'static str,
    /// The version of the program.
    version: &'static str,
}

const OK: HealthView = HealthView { status: "ok", version: env!("CARGO_PKG_VERSION") };

/// Whether the process lives.
#[utoipa::path(get, path = "/healthz", tag = "health", responses((status = 200, body = HealthView)))]
pub(crate) async fn health() -> impl IntoResponse {
    Json(OK)
}

/// Whether the process should be sent requests: the database answers, and the process is not about to end.
#[utoipa::path(get, path = "/readyz", tag = "health", responses((status = 200, body = HealthView)))]
pub(crate) async fn readiness(Extract(state): Extract<State>) -> ApiResult<impl IntoResponse> {
    if state.draining.is_cancelled() {
        return Err(ApiError::new(Kind::Unavailable, "this process is about to end; ask another"));
    }
    app::health::check(&state.app).await?;
    Ok(Json(OK))
}
