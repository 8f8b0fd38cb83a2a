//! The first person.

use axum::extract::{Extension, State as Extract};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use std::time::Instant;
use utoipa::ToSchema;

use crate::address::ClientAddress;
use crate::body::Json;
use crate::problem::{ApiError, ApiResult};
use crate::state::State;

/// Who becomes the owner.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetupInput {
    /// The token from the console of the server, or `RUNNEL_SETUP_TOKEN`.
    token: String,
    /// The owner's address.
    #[schema(format = "email")]
    email: String,
    /// What to call the owner.
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    /// 12 to 1024 characters.
    #[schema(format = "password", min_length = 12, max_length = 1024)]
    password: String,
}

/// The owner, and a key that may do everything.
#[derive(Serialize, ToSchema)]
pub(crate) struct SetupView {
    /// The person.
    #[schema(value_type = uuid::Uuid)]
    user_id: String,
    /// Their workspace.
    #[schema(value_type = uuid::Uuid)]
    workspace_id: String,
    /// An API key that may do everything. It is shown once.
    #[schema(example = "rnl_...")]
    api_key: String,
}

/// Set the instance up: creates its owner, a workspace and an API key. It works once, with the token from the console.
#[utoipa::path(
    post, path = "/api/v1/setup", tag = "setup", request_body = SetupInput,
    responses((status = 201, body = SetupView, description = "The owner was created."))
)]
pub(crate) async fn set_up(
    Extract(state): Extract<State>,
    Extension(ClientAddress(address)): Extension<ClientAddress>,
    Json(input): Json<SetupInput>,
) -> ApiResult<Response> {
    let now = Instant::now();
    state.strangers.check(address, now).map_err(app::Error::TooMany)?;
    let SetupInput { token, email, name, password } = input;
    let owner = app::setup::set_up(&state.app, app::setup::NewOwner { token, email, name, password });
    let owner = owner.await.inspect_err(|_| state.strangers.count(address, now)).map_err(ApiError::from)?;
    let view = SetupView {
        user_id: owner.user.to_string(),
        workspace_id: owner.workspace.to_string(),
        api_key: owner.key.expose(),
    };
    Ok((StatusCode::CREATED, Json(view)).into_response())
}
