//! API keys.

use axum::extract::State as Extract;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use jiff::Timestamp;
use model::ids::ApiKeyId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::Caller;
use crate::body::Json;
use crate::idempotency::Secret;
use crate::parameters::Path;
use crate::problem::ApiResult;
use crate::state::State;

/// A key to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyInput {
    /// What to call it.
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    /// What it may do: no more than the key that creates it. `*` is everything.
    #[schema(min_items = 1, example = json!(["workflows:read", "executions:execute"]))]
    scopes: Vec<String>,
    /// Until when it is good; for ever without it.
    #[serde(default)]
    expires_at: Option<Timestamp>,
}

/// A key, without what proves it.
#[derive(Serialize, ToSchema)]
pub(crate) struct KeyView {
    /// Its id.
    #[schema(value_type = uuid::Uuid)]
    id: String,
    /// What it is called.
    name: String,
    /// How it begins.
    #[schema(example = "rnl_x7Qw0aBcD3fG")]
    prefix: String,
    /// What it may do.
    scopes: Vec<String>,
    /// Until when it is good.
    expires_at: Option<Timestamp>,
    /// When it was used last, give or take a minute.
    last_used_at: Option<Timestamp>,
    /// When it was created.
    created_at: Timestamp,
}

/// A key that was just created.
#[derive(Serialize, ToSchema)]
pub(crate) struct NewKeyView {
    #[serde(flatten)]
    key: KeyView,
    /// The whole key. It is shown once.
    #[schema(example = "rnl_...")]
    api_key: String,
}

/// All keys.
#[derive(Serialize, ToSchema)]
pub(crate) struct KeysView {
    /// The keys, oldest first.
    items: Vec<KeyView>,
}

impl From<store::api_keys::ApiKey> for KeyView {
    fn from(key: store::api_keys::ApiKey) -> Self {
        Self {
            id: key.id.to_string(),
            scopes: app::keys::scopes(&key).words(),
            name: key.name,
            prefix: format!("rnl_{}", key.prefix),
            expires_at: key.expires_at,
            last_used_at: key.last_used_at,
            created_at: key.created_at,
        }
    }
}

/// Create an API key. The answer is the only one that shows it.
#[utoipa::path(
    post, path = "/api/v1/keys", tag = "keys", request_body = KeyInput,
    responses((status = 201, body = NewKeyView, description = "The key."))
)]
pub(crate) async fn create_key(
    Extract(state): Extract<State>,
    Caller(actor): Caller,
    Json(input): Json<KeyInput>,
) -> ApiResult<Response> {
    let KeyInput { name, scopes, expires_at } = input;
    let request = app::keys::KeyRequest { name, scopes, expires_at };
    let (key, token) = app::keys::create_key(&state.app, &actor, request).await?;
    let view = NewKeyView { key: key.into(), api_key: token.expose() };
    let mut response = (StatusCode::CREATED, Json(view)).into_response();
    response.extensions_mut().insert(Secret);
    Ok(response)
}

/// List the API keys of the workspace.
#[utoipa::path(get, path = "/api/v1/keys", tag = "keys", responses((status = 200, body = KeysView)))]
pub(crate) async fn list_keys(
    Extract(state): Extract<State>,
    Caller(actor): Caller,
) -> ApiResult<Json<KeysView>> {
    let keys = app::keys::list_keys(&state.app, &actor).await?;
    Ok(Json(KeysView { items: keys.into_iter().map(KeyView::from).collect() }))
}

/// Delete an API key: it is refused from now on.
#[utoipa::path(
    delete, path = "/api/v1/keys/{id}", tag = "keys", params(("id" = uuid::Uuid, Path)),
    responses((status = 204, description = "The key is gone."))
)]
pub(crate) async fn delete_key(
    Extract(state): Extract<State>,
    Caller(actor): Caller,
    Path(id): Path<ApiKeyId>,
) -> ApiResult<StatusCode> {
    app::keys::delete_key(&state.app, &actor, id).await?;
    state.keys.forget();
    Ok(StatusCode::NO_CONTENT)
}
