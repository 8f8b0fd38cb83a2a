//! Credentials.

use app::credentials::CredentialRequest;
use axum::extract::State as Extract;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use jiff::Timestamp;
use model::Object;
use model::ids::CredentialId;
use serde::{Deserialize, Serialize};
use store::credentials::Credential;
use utoipa::ToSchema;

use crate::auth::Caller;
use crate::body::Json;
use crate::parameters::Path;
use crate::problem::ApiResult;
use crate::state::State;

/// A credential to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CredentialInput {
    /// What to call it.
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    /// What it is for.
    #[schema(min_length = 1, max_length = 200, example = "httpHeaderAuth")]
    kind: String,
    /// Its secrets. They are encrypted and never shown again.
    #[schema(value_type = std::collections::BTreeMap<String, serde_json::Value>)]
    fields: Object,
}

/// A credential, without its secrets.
#[derive(Serialize, ToSchema)]
pub(crate) struct CredentialView {
    /// Its id: what nodes name.
    #[schema(value_type = uuid::Uuid)]
    id: String,
    /// What it is called.
    name: String,
    /// What it is for.
    kind: String,
    /// When it was created.
    created_at: Timestamp,
    /// When it was changed last.
    updated_at: Timestamp,
}

/// All credentials.
#[derive(Serialize, ToSchema)]
pub(crate) struct CredentialsView {
    /// The credentials, by name.
    items: Vec<CredentialView>,
}

impl From<Credential> for CredentialView {
    fn from(credential: Credential) -> Self {
        Self {
            id: credential.id.to_string(),
            name: credential.name,
            kind: credential.kind,
            created_at: credential.created_at,
            updated_at: credential.updated_at,
        }
    }
}

/// Create a credential. Its secrets are encrypted and never shown again.
#[utoipa::path(
    post, path = "/api/v1/credentials", tag = "credentials", request_body = CredentialInput,
    responses((status = 201, body = CredentialView, description = "The credential."))
)]
pub(crate) async fn create_credential(
    Extract(state): Extract<State>,
    Caller(actor): Caller,
    Json(input): Json<CredentialInput>,
) -> ApiResult<Response> {
    let CredentialInput { name, kind, fields } = input;
    let request = CredentialRequest { name, kind, fields };
    let credential = app::credentials::create_credential(&state.app, &actor, request).await?;
    Ok((StatusCode::CREATED, Json(CredentialView::from(credential))).into_response())
}

/// List the credentials of the workspace, without their secrets.
#[utoipa::path(
    get, path = "/api/v1/credentials", tag = "credentials", responses((status = 200, body = CredentialsView))
)]
pub(crate) async fn list_credentials(
    Extract(state): Extract<State>,
    Caller(actor): Caller,
) -> ApiResult<Json<CredentialsView>> {
    let credentials = app::credentials::list_credentials(&state.app, &actor).await?;
    Ok(Json(CredentialsView { items: credentials.into_iter().map(CredentialView::from).collect() }))
}

/// Delete a credential: steps that use it fail from now on.
#[utoipa::path(
    delete, path = "/api/v1/credentials/{id}", tag = "credentials", params(("id" = uuid::Uuid, Path)),
    responses((status = 204, description = "The credential is gone."))
)]
pub(crate) async fn delete_credential(
    Extract(state): Extract<State>,
    Caller(actor): Caller,
    Path(id): Path<CredentialId>,
) -> ApiResult<StatusCode> {
    app::credentials::delete_credential(&state.app, &actor, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
