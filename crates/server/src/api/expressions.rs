//! Previews of expressions.

use app::expressions::{Data, Preview, Previewed};
use axum::extract::State as Extract;
use model::ids::{ExecutionId, WorkflowId};
use model::validate::Code;
use model::{Object, Problem};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::auth::Caller;
use crate::body::Json;
use crate::problem::{ApiError, ApiResult, Kind};
use crate::state::State;

/// What to evaluate, and on what: the data of an execution, or items given here.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PreviewInput {
    /// The text of a parameter; it is an expression when it starts with `=`.
    #[schema(max_length = 65536, example = "={{ $json.name.toUpperCase() }}")]
    expression: String,
    /// The execution whose data it sees; needs the permission `executions:data`.
    #[serde(default)]
    #[schema(value_type = Option<uuid::Uuid>)]
    execution_id: Option<ExecutionId>,
    /// The workflow whose nodes it sees, where there is no execution.
    #[serde(default)]
    #[schema(value_type = Option<uuid::Uuid>)]
    workflow_id: Option<WorkflowId>,
    /// The data of the items that arrive, where there is no execution.
    #[serde(default)]
    #[schema(value_type = Option<Vec<std::collections::BTreeMap<String, serde_json::Value>>>)]
    items: Option<Vec<Object>>,
    /// The key or the name of the node it is a parameter of.
    #[serde(default)]
    node: Option<String>,
    /// The index of the item it is evaluated for.
    #[serde(default)]
    item: u32,
}

/// What an expression gives.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct PreviewView {
    /// The value; absent when it is `undefined`, or when the expression failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<serde_json::Value>)]
    value: Option<Value>,
    /// What JSON calls its type, or `undefined`.
    #[serde(skip_serializing_if = "Option::is_none")]
    value_type: Option<&'static str>,
    /// Why the expression failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ExpressionErrorView>,
}

/// Why an expression failed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ExpressionErrorView {
    /// What went wrong.
    message: String,
    /// More about it.
    description: Option<String>,
    /// Where in the text it begins, in bytes.
    start: Option<u32>,
    /// Where in the text it ends, in bytes.
    end: Option<u32>,
}

/// Evaluate an expression as an execution would, within the same limits. An expression that fails is a result, too.
#[utoipa::path(
    post, path = "/api/v1/expressions/preview", tag = "expressions", request_body = PreviewInput,
    responses((status = 200, body = PreviewView))
)]
pub(crate) async fn preview_expression(
    Extract(state): Extract<State>,
    Caller(actor): Caller,
    Json(input): Json<PreviewInput>,
) -> ApiResult<Json<PreviewView>> {
    let data = match (input.execution_id, input.items) {
        (Some(_), Some(_)) => {
            let problem = Problem::error("items", Code::Shape, "an execution has its own items");
            return Err(ApiError::at(Kind::Invalid, &problem.fix("leave out items or execution_id")));
        }
        (Some(execution), None) => Data::Execution(execution),
        (None, items) => Data::Items(input.workflow_id, items.unwrap_or_default()),
    };
    let preview = Preview {
        expression: input.expression,
        data,
        node: input.node,
        item: usize::try_from(input.item).unwrap_or(usize::MAX),
    };
    let view = match app::expressions::preview_expression(&state.app, &actor, preview).await? {
        Previewed::Value(Some(value)) => {
            PreviewView { value_type: Some(value.type_name()), value: Some((&value).into()), error: None }
        }
        Previewed::Value(None) => PreviewView { value_type: Some("undefined"), ..PreviewView::default() },
        Previewed::Error { message, description, span } => PreviewView {
            error: Some(ExpressionErrorView {
                message,
                description,
                start: span.map(|(start, _)| start),
                end: span.map(|(_, end)| end),
            }),
            ..PreviewView::default()
        },
    };
    Ok(Json(view))
}
