//! Executions.

mod views;

use axum::extract::{Extension, State as Extract};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use jiff::Timestamp;
use model::ids::{ExecutionId, VersionId, WorkflowId};
use model::validate::Code;
use model::{ExecutionStatus, Object, Problem};
use serde::Deserialize;
use std::collections::BTreeMap;
use store::executions::Filter;
use utoipa::{IntoParams, ToSchema};

use super::page::{PageView, page, view};
use crate::auth::Caller;
use crate::body::{Json, Optional};
use crate::idempotency::IdempotencyKey;
use crate::parameters::{Path, Query};
use crate::problem::{ApiError, ApiResult, Kind};
use crate::state::State;
use app::access::Permission;
use app::executions::{Graph, RunRequest, Settled};

pub(super) use self::views::StatusWord;
use self::views::{ExecutionView, StartedView, StepView, StepsView, SummaryView, WaitsView};

/// What to run and with what.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunInput {
    /// Which graph: `draft` is a test run in which pins count, `published` the version that triggers start.
    #[serde(default)]
    graph: GraphInput,
    /// A version by its id, instead of `graph`.
    #[serde(default)]
    #[schema(value_type = Option<uuid::Uuid>)]
    version_id: Option<VersionId>,
    /// The key or the name of the node to start at; without it the trigger that needs least from outside.
    #[serde(default)]
    start: Option<String>,
    /// The data of the items that node is given; one empty item without it.
    #[serde(default)]
    #[schema(value_type = Option<Vec<BTreeMap<String, serde_json::Value>>>)]
    items: Option<Vec<Object>>,
    /// Data to use instead of running nodes, by their keys: runs of the draft only.
    #[serde(default)]
    #[schema(value_type = Option<BTreeMap<String, Vec<BTreeMap<String, serde_json::Value>>>>)]
    pins: Option<BTreeMap<String, Vec<Object>>>,
}

/// Which graph of a workflow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum GraphInput {
    /// The draft, as it is now.
    #[default]
    Draft,
    /// The version that triggers start.
    Published,
}

/// Start an execution of a workflow. It is durable once this is answered.
#[utoipa::path(
    post, path = "/api/v1/workflows/{id}/run", tag = "executions", params(("id" = uuid::Uuid, Path)),
    request_body = Option<RunInput>, responses((status = 202, body = StartedView, description = "It was accepted."))
)]
pub(crate) async fn run_workflow(
    Extract(state): Extract<State>,
    Caller(actor): Caller,
    Path(workflow): Path<WorkflowId>,
    key: Option<Extension<IdempotencyKey>>,
    Optional(input): Optional<RunInput>,
) -> ApiResult<Response> {
    let graph = match (input.version_id, input.graph) {
        (Some(version), _) => Graph::Version(version),
        (None, GraphInput::Draft) => Graph::Draft,
        (None, GraphInput::Published) => Graph::Published,
    };
    let pins = input.pins.map(|pins| pins.into_iter().map(|(node, items)| (node.into(), items)).collect());
    let request = RunRequest {
        workflow,
        graph,
        start: input.start,
        items: input.items,
        pins,
        key: key.map(|Extension(IdempotencyKey(key))| key),
    };
    let started = app::executions::run_workflow(&state.app, &actor, request).await?;
    Ok(accepted(&state, &actor, &started))
}

fn accepted(state: &State, actor: &app::access::Actor, started: &engine::start::Started) -> Response {
    let (app, workspace) = (&state.app, actor.workspace());
    let address = app::addresses::status_address(&app.key, &app.public_url, workspace, started.execution);
    (StatusCode::ACCEPTED, Json(StartedView::new(started, address))).into_response()
}

/// Which executions.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ExecutionsQuery {
    /// Of this workflow.
    #[param(value_type = Option<uuid::Uuid>)]
    workflow_id: Option<String>,
    /// That stand there.
    #[param(value_type = Option<StatusWord>)]
    status: Option<String>,
    /// That run for this reason.
    #[param(value_type = Option<ModeWord>)]
    mode: Option<String>,
    /// Accepted then or later.
    #[param(value_type = Option<Timestamp>)]
    since: Option<String>,
    /// Accepted before.
    #[param(value_type = Option<Timestamp>)]
    until: Option<String>,
    /// Entries at most, 50 without it.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200)]
    limit: Option<String>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// Why an execution runs.
#[derive(ToSchema)]
#[schema(as = ExecutionMode, rename_all = "snake_case")]
#[expect(dead_code, reason = "it only describes the words")]
pub(in crate::api) enum ModeWord {
    Production,
    Manual,
    Test,
    Replay,
    Integrated,
    Error,
    Webhook,
}

const MODES: [&str; 7] = ["production", "manual", "test", "replay", "integrated", "error", "webhook"];

impl ExecutionsQuery {
    fn filter(&self) -> ApiResult<Filter> {
        let refuse = |name: &str, message: &str| {
            ApiError::at(Kind::Invalid, &Problem::error(name, Code::Range, message))
        };
        let workflow = self.workflow_id.as_deref().map(|text| text.parse::<WorkflowId>());
        let status = self.status.as_deref().map(|text| ExecutionStatus::find(text).ok_or(()));
        let mode = self.mode.as_deref().map(|text| MODES.into_iter().find(|mode| *mode == text).ok_or(()));
        let time = |name: &str, text: &Option<String>| {
            let read = text.as_deref().map(|text| text.parse::<Timestamp>());
            read.transpose().map_err(|_| refuse(name, "this is no time; write 2026-01-31T12:00:00Z"))
        };
        Ok(Filter {
            workflow: workflow.transpose().map_err(|_| refuse("workflow_id", "this is no id"))?,
            status: status.transpose().map_err(|()| refuse("status", "there is no such status"))?,
            mode: mode
                .transpose()
                .map_err(|()| refuse("mode", &format!("use one of {}", MODES.join(", "))))?
                .map(str::to_owned),
            since: time("since", &self.since)?,
            until: time("until", &self.until)?,
        })
    }
}

/// List executions, newest first.
#[utoipa::path(
    get, path = "/api/v1/executions", tag = "executions", params(ExecutionsQuery),
    responses((status = 200, body = PageView<SummaryView>))
)]
pub(crate) async fn list_executions(
    Extract(state): Extract<State>,
    Caller(actor): Caller,
    Query(query): Query<ExecutionsQuery>,
) -> ApiResult<Json<PageView<SummaryView>>> {
    let filter = query.filter()?;
    let page = page(query.limit.as_deref(), query.cursor.as_deref())?;
    let found = app::executions::list_executions(&state.app, &actor, &filter, page).await?;
    Ok(Json(view(found, |execution| execution.id.to_string(), SummaryView::from)))
}

/// Read where an execution stands.
#[utoipa::path(
    get, path = "/api/v1/executions/{id}", tag = "executions", params(("id" = uuid::Uuid, Path)),
    responses((status = 200, body = ExecutionView))
)]
pub(crate) async fn find_execution(
    Extract(state): Extract<State>,
    Caller(actor): Caller,
    Path(id): Path<ExecutionId>,
) -> ApiResult<Json<ExecutionView>> {
    Ok(Json(app::executions::find_execution(&state.app, &actor, id).await?.into()))
}

/// What to show of steps.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct StepsQuery {
    /// Whether their inputs and outputs are shown too, which needs the permission `executions:data`.
    #[param(value_type = Option<bool>)]
    data: Option<String>,
}

/// Read what happened in an execution, step by step.
#[utoipa::path(
    get, path = "/api/v1/executions/{id}/steps", tag = "executions",
    params(("id" = uuid::Uuid, Path), StepsQuery), responses((status = 200, body = StepsView))
)]
pub(crate) async fn list_steps(
    Extract(state): Extract<State>,
    Caller(actor): Caller,
    Path(id): Path<ExecutionId>,
    Query(query): Query<StepsQuery>,
) -> ApiResult<Json<StepsView>> {
    let with_data = match query.data.as_deref() {
        None | Some("false") => false,
        Some("true") => true,
        Some(_) => {
            let problem = Problem::error("data", Code::Range, "this is true or false");
            return Err(ApiError::at(Kind::Invalid, &problem));
        }
    };
    if with_data {
        actor.require(Permission::ReadExecutionData)?;
    }
    let (_, trace) = app::executions::trace_execution(&state.app, &actor, id).await?;
    Ok(Json(StepsView::new(&trace, with_data)))
}

/// Read one step of an execution with what arrived and what it gave.
#[utoipa::path(
    get, path = "/api/v1/executions/{id}/steps/{number}", tag = "executions",
    params(("id" = uuid::Uuid, Path), ("number" = u32, Path)), responses((status = 200, body = StepView))
)]
pub(crate) async fn find_step(
    Extract(state): Extract<State>,
    Caller(actor): Caller,
    Path((id, number)): Path<(ExecutionId, u32)>,
) -> ApiResult<Json<StepView>> {
    let (trace, step) = app::executions::find_step(&state.app, &actor, id, number).await?;
    Ok(Json(StepView::new(&trace, &step, true)))
}

/// Stop an execution for good. Steps that run are asked to stop; the answer says where it stands by now.
#[utoipa::path(
    post, path = "/api/v1/executions/{id}/cancel", tag = "executions", params(("id" = uuid::Uuid, Path)),
    responses((status = 202, body = ExecutionView, description = "It will stop."))
)]
pub(crate) async fn cancel_execution(
    Extract(state): Extract<State>,
    Caller(actor): Caller,
    Path(id): Path<ExecutionId>,
) -> ApiResult<Response> {
    let head = app::executions::cancel_execution(&state.app, &actor, id).await?;
    Ok((StatusCode::ACCEPTED, Json(ExecutionView::from(head))).into_response())
}

/// Let an execution begin no more steps.
#[utoipa::path(
    post, path = "/api/v1/executions/{id}/pause", tag = "executions", params(("id" = uuid::Uuid, Path)),
    responses((status = 202, body = ExecutionView, description = "It will pause."))
)]
pub(crate) async fn pause_execution(
    Extract(state): Extract<State>,
    Caller(actor): Caller,
    Path(id): Path<ExecutionId>,
) -> ApiResult<Response> {
    let head = app::executions::pause_execution(&state.app, &actor, id).await?;
    Ok((StatusCode::ACCEPTED, Json(ExecutionView::from(head))).into_response())
}

/// Let a paused execution go on.
#[utoipa::path(
    post, path = "/api/v1/executions/{id}/resume", tag = "executions", params(("id" = uuid::Uuid, Path)),
    responses((status = 202, body = ExecutionView, description = "It will go on."))
)]
pub(crate) async fn resume_execution(
    Extract(state): Extract<State>,
    Caller(actor): Caller,
    Path(id): Path<ExecutionId>,
) -> ApiResult<Response> {
    let head = app::executions::resume_execution(&state.app, &actor, id).await?;
    Ok((StatusCode::ACCEPTED, Json(ExecutionView::from(head))).into_response())
}

/// Run a failed execution again from the step that failed, as a new execution: what had completed is taken over.
#[utoipa::path(
    post, path = "/api/v1/executions/{id}/retry", tag = "executions", params(("id" = uuid::Uuid, Path)),
    responses((status = 202, body = StartedView, description = "The new execution was accepted."))
)]
pub(crate) async fn retry_execution(
    Extract(state): Extract<State>,
    Caller(actor): Caller,
    Path(id): Path<ExecutionId>,
) -> ApiResult<Response> {
    let started = app::executions::retry_execution(&state.app, &actor, id).await?;
    Ok(accepted(&state, &actor, &started))
}

/// With what an execution is run again.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReplayInput {
    /// The data of the items its trigger is given; what it was given before without it.
    #[serde(default)]
    #[schema(value_type = Option<Vec<BTreeMap<String, serde_json::Value>>>)]
    items: Option<Vec<Object>>,
}

/// Run an execution again from its beginning, as a new execution, with the same input or with another.
#[utoipa::path(
    post, path = "/api/v1/executions/{id}/replay", tag = "executions", params(("id" = uuid::Uuid, Path)),
    request_body = Option<ReplayInput>,
    responses((status = 202, body = StartedView, description = "The new execution was accepted."))
)]
pub(crate) async fn replay_execution(
    Extract(state): Extract<State>,
    Caller(actor): Caller,
    Path(id): Path<ExecutionId>,
    Optional(input): Optional<ReplayInput>,
) -> ApiResult<Response> {
    let started = app::executions::replay_execution(&state.app, &actor, id, input.items).await?;
    Ok(accepted(&state, &actor, &started))
}

/// What became of a step that is unknown.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(tag = "outcome", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum SettleInput {
    /// Its effect happened; the step completes with this.
    Completed {
        /// The data of the items it gives, per port.
        #[serde(default)]
        #[schema(value_type = Vec<Vec<BTreeMap<String, serde_json::Value>>>)]
        outputs: Vec<Vec<Object>>,
    },
    /// Its effect did not happen; the step fails.
    Failed {
        /// Why.
        message: String,
    },
    /// It runs again, although its effect may then happen twice.
    RunAgain,
}

/// Say what became of a step that is `unknown`: its effect was begun, and a crash hid whether it happened.
#[utoipa::path(
    post, path = "/api/v1/executions/{id}/steps/{number}/settle", tag = "executions",
    params(("id" = uuid::Uuid, Path), ("number" = u32, Path)), request_body = SettleInput,
    responses((status = 204, description = "The execution goes on."))
)]
pub(crate) async fn settle_step(
    Extract(state): Extract<State>,
    Caller(actor): Caller,
    Path((id, number)): Path<(ExecutionId, u32)>,
    Json(input): Json<SettleInput>,
) -> ApiResult<StatusCode> {
    let settled = match input {
        SettleInput::Completed { outputs } => Settled::Completed(outputs),
        SettleInput::Failed { message } => Settled::Failed(message),
        SettleInput::RunAgain => Settled::RunAgain,
    };
    app::executions::settle_step(&state.app, &actor, id, number, settled).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List the waits of an execution that somebody may answer.
#[utoipa::path(
    get, path = "/api/v1/executions/{id}/waits", tag = "executions", params(("id" = uuid::Uuid, Path)),
    responses((status = 200, body = WaitsView))
)]
pub(crate) async fn list_waits(
    Extract(state): Extract<State>,
    Caller(actor): Caller,
    Path(id): Path<ExecutionId>,
) -> ApiResult<Json<WaitsView>> {
    Ok(Json(app::executions::list_waits(&state.app, &actor, id).await?.into()))
}

/// What a step that waits is to give.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResolveInput {
    /// The data of the items it gives, per port; one empty item on the first port without it.
    #[serde(default)]
    #[schema(value_type = Option<Vec<Vec<BTreeMap<String, serde_json::Value>>>>)]
    outputs: Option<Vec<Vec<Object>>>,
}

/// Answer a wait: the step gives this, and the execution goes on.
#[utoipa::path(
    post, path = "/api/v1/executions/{id}/waits/{number}/resolve", tag = "executions",
    params(("id" = uuid::Uuid, Path), ("number" = u32, Path)), request_body = Option<ResolveInput>,
    responses((status = 204, description = "The execution goes on."))
)]
pub(crate) async fn resolve_wait(
    Extract(state): Extract<State>,
    Caller(actor): Caller,
    Path((id, number)): Path<(ExecutionId, u32)>,
    Optional(input): Optional<ResolveInput>,
) -> ApiResult<StatusCode> {
    let outputs = input.outputs.unwrap_or_else(|| vec![vec![Object::new()]]);
    app::executions::resolve_wait(&state.app, &actor, id, number, outputs).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Delete an execution that has ended, with all that was kept of it.
#[utoipa::path(
    delete, path = "/api/v1/executions/{id}", tag = "executions", params(("id" = uuid::Uuid, Path)),
    responses((status = 204, description = "It is gone."))
)]
pub(crate) async fn delete_execution(
    Extract(state): Extract<State>,
    Caller(actor): Caller,
    Path(id): Path<ExecutionId>,
) -> ApiResult<StatusCode> {
    app::executions::delete_execution(&state.app, &actor, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
