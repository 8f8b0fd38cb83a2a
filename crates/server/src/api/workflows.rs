//! Workflows.

mod views;

use axum::extract::State as Extract;
use axum::response::{IntoResponse, Response};
use http::header::{ETAG, LOCATION};
use http::{HeaderValue, StatusCode};
use model::Workflow;
use model::ids::WorkflowId;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::page::{PageQuery, PageView, page, view};
use crate::auth::Caller;
use crate::body::{Json, Lenient, Optional};
use crate::parameters::{Path, Query, Revision, revision_if_any};
use crate::problem::{ApiError, ApiResult};
use crate::state::State;

pub(crate) use self::views::WorkflowDefinition;
use self::views::{
    CheckedView, ExportView, ImportView, PublishedView, StoredView, TestRouteView, TriggersView,
    VersionSummaryView, VersionView, WorkflowView,
};

/// A workflow with its revision.
fn answer(status: StatusCode, stored: store::workflows::Workflow) -> ApiResult<Response> {
    let tag = etag(stored.head.rev);
    let location = format!("/api/v1/workflows/{}", stored.head.id);
    let mut response = (status, Json(StoredView::new(stored)?)).into_response();
    response.headers_mut().insert(ETAG, tag);
    if status == StatusCode::CREATED {
        let location = HeaderValue::from_str(&location).expect("an id is visible ASCII");
        response.headers_mut().insert(LOCATION, location);
    }
    Ok(response)
}

fn etag(rev: u64) -> HeaderValue {
    HeaderValue::from_str(&format!("\"{rev}\"")).expect("a number is visible ASCII")
}

/// Create a workflow with this draft. Whatever is wrong with it can be mended later; only publishing asks for more.
#[utoipa::path(
    post, path = "/api/v1/workflows", tag = "workflows", request_body = WorkflowDefinition,
    responses((status = 201, body = StoredView, description = "The workflow; its `ETag` is its revision."))
)]
pub(crate) async fn create_workflow(
    Extract(state): Extract<State>,
    Caller(actor): Caller,
    Json(workflow): Json<Workflow>,
) -> ApiResult<Response> {
    answer(StatusCode::CREATED, app::workflows::create_workflow(&state.app, &actor, workflow).await?)
}

/// Which workflows.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct WorkflowsQuery {
    /// Part of the name, upper and lower case alike.
    search: Option<String>,
    /// Entries at most, 50 without it.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200)]
    limit: Option<String>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// List workflows, newest first.
#[utoipa::path(
    get, path = "/api/v1/workflows", tag = "workflows", params(WorkflowsQuery),
    responses((status = 200, body = PageView<WorkflowView>))
)]
pub(crate) async fn list_workflows(
    Extract(state): Extract<State>,
    Caller(actor): Caller,
    Query(query): Query<WorkflowsQuery>,
) -> ApiResult<Json<PageView<WorkflowView>>> {
    let page = page(query.limit.as_deref(), query.cursor.as_deref())?;
    let found = app::workflows::list_workflows(&state.app, &actor, query.search.as_deref(), page).await?;
    Ok(Json(view(found, |head| head.id.to_string(), WorkflowView::from)))
}

/// Read a workflow with its draft.
#[utoipa::path(
    get, path = "/api/v1/workflows/{id}", tag = "workflows", params(("id" = uuid::Uuid, Path)),
    responses((status = 200, body = StoredView, description = "The workflow; its `ETag` is its revision."))
)]
pub(crate) async fn find_workflow(
    Extract(state): Extract<State>,
    Caller(actor): Caller,
    Path(id): Path<WorkflowId>,
) -> ApiResult<Response> {
    answer(StatusCode::OK, app::workflows::find_workflow(&state.app, &actor, id).await?)
}

/// Replace the draft of a workflow. `If-Match` holds the `ETag` of the revision that was changed: when somebody else
/// was faster, nothing happens.
#[utoipa::path(
    put, path = "/api/v1/workflows/{id}", tag = "workflows", request_body = WorkflowDefinition,
    params(("id" = uuid::Uuid, Path), ("if-match" = String, Header, description = "The `ETag` of the workflow.")),
    responses((status = 200, body = StoredView, description = "The workflow; its `ETag` is its new revision."))
)]
pub(crate) async fn update_workflow(
    Extract(state): Extract<State>,
    Caller(actor): Caller,
    Path(id): Path<WorkflowId>,
    Revision(rev): Revision,
    Json(workflow): Json<Workflow>,
) -> ApiResult<Response> {
    answer(StatusCode::OK, app::workflows::update_workflow(&state.app, &actor, id, rev, workflow).await?)
}

/// Delete a workflow: it starts nothing any more. Its executions stay.
#[utoipa::path(
    delete, path = "/api/v1/workflows/{id}", tag = "workflows", params(("id" = uuid::Uuid, Path)),
    responses((status = 204, description = "The workflow is gone."))
)]
pub(crate) async fn delete_workflow(
    Extract(state): Extract<State>,
    Caller(actor): Caller,
    Path(id): Path<WorkflowId>,
) -> ApiResult<StatusCode> {
    app::workflows::delete_workflow(&state.app, &actor, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Say everything that is wrong with the draft of a workflow.
#[utoipa::path(
    post, path = "/api/v1/workflows/{id}/validate", tag = "workflows", params(("id" = uuid::Uuid, Path)),
    responses((status = 200, body = CheckedView))
)]
pub(crate) async fn validate_workflow(
    Extract(state): Extract<State>,
    Caller(actor): Caller,
    Path(id): Path<WorkflowId>,
) -> ApiResult<Json<CheckedView>> {
    let checked = app::workflows::validate_workflow(&state.app, &actor, id).await?;
    Ok(Json(checked.into()))
}

/// Say everything that is wrong with a workflow without storing it.
#[utoipa::path(
    post, path = "/api/v1/workflows/validate", tag = "workflows", request_body = WorkflowDefinition,
    responses((status = 200, body = CheckedView))
)]
pub(crate) async fn validate_definition(
    Extract(state): Extract<State>,
    Caller(actor): Caller,
    Json(workflow): Json<Workflow>,
) -> ApiResult<Json<CheckedView>> {
    let checked = app::workflows::validate_definition(&state.app, &actor, &workflow).await?;
    Ok(Json(checked.into()))
}

/// Publish the draft of a workflow: triggers start it from now on, executions that have begun keep their version. With
/// `If-Match`, only the revision that it names.
#[utoipa::path(
    post, path = "/api/v1/workflows/{id}/publish", tag = "workflows",
    params(("id" = uuid::Uuid, Path), ("if-match" = Option<String>, Header, description = "The `ETag` of the workflow.")),
    responses((status = 200, body = PublishedView))
)]
pub(crate) async fn publish_workflow(
    Extract(state): Extract<State>,
    Caller(actor): Caller,
    Path(id): Path<WorkflowId>,
    headers: http::HeaderMap,
) -> ApiResult<Json<PublishedView>> {
    let rev = revision_if_any(&headers)?;
    let published = app::workflows::publish_workflow(&state.app, &actor, id, rev).await?;
    let (triggers, routes) = app::workflows::list_triggers(&state.app, &actor, id).await?;
    Ok(Json(PublishedView::new(&state.app.public_url, published, triggers, routes)))
}

/// Switch the triggers of a workflow off for now.
#[utoipa::path(
    post, path = "/api/v1/workflows/{id}/pause", tag = "workflows", params(("id" = uuid::Uuid, Path)),
    responses((status = 200, body = WorkflowView))
)]
pub(crate) async fn pause_workflow(
    Extract(state): Extract<State>,
    Caller(actor): Caller,
    Path(id): Path<WorkflowId>,
) -> ApiResult<Json<WorkflowView>> {
    Ok(Json(app::workflows::pause_workflow(&state.app, &actor, id).await?.into()))
}

/// Switch the triggers of a published workflow on again.
#[utoipa::path(
    post, path = "/api/v1/workflows/{id}/activate", tag = "workflows", params(("id" = uuid::Uuid, Path)),
    responses((status = 200, body = WorkflowView))
)]
pub(crate) async fn activate_workflow(
    Extract(state): Extract<State>,
    Caller(actor): Caller,
    Path(id): Path<WorkflowId>,
) -> ApiResult<Json<WorkflowView>> {
    Ok(Json(app::workflows::activate_workflow(&state.app, &actor, id).await?.into()))
}

/// How a copy differs.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DuplicateInput {
    /// What to call it.
    #[serde(default)]
    name: Option<String>,
}

/// Create a workflow with the draft of another one.
#[utoipa::path(
    post, path = "/api/v1/workflows/{id}/duplicate", tag = "workflows", params(("id" = uuid::Uuid, Path)),
    request_body = Option<DuplicateInput>,
    responses((status = 201, body = StoredView, description = "The copy; its `ETag` is its revision."))
)]
pub(crate) async fn duplicate_workflow(
    Extract(state): Extract<State>,
    Caller(actor): Caller,
    Path(id): Path<WorkflowId>,
    Optional(input): Optional<DuplicateInput>,
) -> ApiResult<Response> {
    let copy = app::workflows::duplicate_workflow(&state.app, &actor, id, input.name).await?;
    answer(StatusCode::CREATED, copy)
}

/// Create a workflow from a file of n8n.
#[utoipa::path(
    post, path = "/api/v1/workflows/import", tag = "workflows",
    request_body(content = Object, description = "The file, as n8n exports it."),
    responses((status = 201, body = ImportView, description = "The workflow, and what became of its nodes."))
)]
pub(crate) async fn import_workflow(
    Extract(state): Extract<State>,
    Caller(actor): Caller,
    Lenient(file): Lenient,
) -> ApiResult<Response> {
    let (stored, report) = app::workflows::import_workflow(&state.app, &actor, &file).await?;
    let tag = etag(stored.head.rev);
    let view = ImportView { workflow: StoredView::new(stored)?, report: (&report).into() };
    let mut response = (StatusCode::CREATED, Json(view)).into_response();
    response.headers_mut().insert(ETAG, tag);
    Ok(response)
}

/// Write the draft of a workflow as a file of n8n.
#[utoipa::path(
    get, path = "/api/v1/workflows/{id}/export", tag = "workflows", params(("id" = uuid::Uuid, Path)),
    responses((status = 200, body = ExportView))
)]
pub(crate) async fn export_workflow(
    Extract(state): Extract<State>,
    Caller(actor): Caller,
    Path(id): Path<WorkflowId>,
) -> ApiResult<Json<ExportView>> {
    let (file, problems) = app::workflows::export_workflow(&state.app, &actor, id).await?;
    Ok(Json(ExportView { file: (&file).into(), problems: problems.iter().map(Into::into).collect() }))
}

/// List the published versions of a workflow, newest first.
#[utoipa::path(
    get, path = "/api/v1/workflows/{id}/versions", tag = "workflows", params(("id" = uuid::Uuid, Path), PageQuery),
    responses((status = 200, body = PageView<VersionSummaryView>))
)]
pub(crate) async fn list_versions(
    Extract(state): Extract<State>,
    Caller(actor): Caller,
    Path(id): Path<WorkflowId>,
    Query(query): Query<PageQuery>,
) -> ApiResult<Json<PageView<VersionSummaryView>>> {
    let page = page(query.limit.as_deref(), query.cursor.as_deref())?;
    let found = app::workflows::list_versions(&state.app, &actor, id, page).await?;
    Ok(Json(view(found, |version| version.number.to_string(), VersionSummaryView::from)))
}

/// Read a published version of a workflow.
#[utoipa::path(
    get, path = "/api/v1/workflows/{id}/versions/{number}", tag = "workflows",
    params(("id" = uuid::Uuid, Path), ("number" = u64, Path, minimum = 1)),
    responses((status = 200, body = VersionView))
)]
pub(crate) async fn find_version(
    Extract(state): Extract<State>,
    Caller(actor): Caller,
    Path((id, number)): Path<(WorkflowId, u64)>,
) -> ApiResult<Json<VersionView>> {
    if i64::try_from(number).is_err() {
        return Err(ApiError::not_found("version"));
    }
    let version = app::workflows::find_version(&state.app, &actor, id, number).await?;
    Ok(Json(VersionView::new(version)?))
}

/// List the triggers of a published workflow, with the addresses of its webhooks.
#[utoipa::path(
    get, path = "/api/v1/workflows/{id}/triggers", tag = "workflows", params(("id" = uuid::Uuid, Path)),
    responses((status = 200, body = TriggersView))
)]
pub(crate) async fn list_triggers(
    Extract(state): Extract<State>,
    Caller(actor): Caller,
    Path(id): Path<WorkflowId>,
) -> ApiResult<Json<TriggersView>> {
    let (triggers, routes) = app::workflows::list_triggers(&state.app, &actor, id).await?;
    Ok(Json(TriggersView::new(&state.app.public_url, triggers, &routes)))
}

/// Which webhook to listen to.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TestRouteInput {
    /// The key or the name of a webhook of the draft.
    node: String,
}

/// Open the test address of a webhook of the draft for ten minutes: calls of it run the draft as it is now.
#[utoipa::path(
    post, path = "/api/v1/workflows/{id}/test-route", tag = "workflows", params(("id" = uuid::Uuid, Path)),
    request_body = TestRouteInput, responses((status = 200, body = TestRouteView))
)]
pub(crate) async fn open_test_route(
    Extract(state): Extract<State>,
    Caller(actor): Caller,
    Path(id): Path<WorkflowId>,
    Json(input): Json<TestRouteInput>,
) -> ApiResult<Json<TestRouteView>> {
    let route = app::workflows::open_test_route(&state.app, &actor, id, &input.node).await?;
    Ok(Json(TestRouteView::new(&state.app.public_url, &route)))
}
