//! The page at `/`, until there is an editor: what runs here and where the documents are.

use axum::extract::State as Extract;
use axum::response::{Html, IntoResponse, Response};
use http::StatusCode;

use crate::problem::ApiResult;
use crate::state::State;

const READY: &str = include_str!("landing/ready.html");
const NOT_SET_UP: &str = include_str!("landing/not-set-up.html");

/// Says what runs here.
pub(crate) async fn landing(Extract(state): Extract<State>) -> ApiResult<Response> {
    Ok(if app::setup::is_set_up(&state.app).await? {
        Html(READY).into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, Html(NOT_SET_UP)).into_response()
    })
}
