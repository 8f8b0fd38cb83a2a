//! What the steps of an execution had to say.

use axum::extract::State as Extract;
use jiff::Timestamp;
use model::Problem;
use model::ids::ExecutionId;
use model::validate::Code;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::logs::{Filter, Level, Line, LineId};
use utoipa::{IntoParams, ToSchema};

use super::page::{PageView, page, view};
use crate::auth::Caller;
use crate::body::Json;
use crate::parameters::{Path, PathParameter, Query};
use crate::problem::{ApiError, ApiResult, Kind};
use crate::state::State;

impl PathParameter for LineId {
    fn read(text: &str) -> Option<Self> {
        let id: uuid::Uuid = text.parse().ok()?;
        Some(LineId::from_bytes(id.into_bytes()))
    }
}

/// Which lines.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct LogsQuery {
    /// At least as bad.
    #[param(value_type = Option<LevelWord>)]
    level: Option<String>,
    /// Of the node with this key.
    node: Option<String>,
    /// Entries at most, 50 without it.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200)]
    limit: Option<String>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// How bad it is.
#[derive(ToSchema)]
#[schema(as = LogLevel, rename_all = "snake_case")]
#[expect(dead_code, reason = "it only describes the words")]
pub(crate) enum LevelWord {
    Debug,
    Info,
    Warn,
    Error,
    Fatal,
}

/// Something that a step had to say.
#[derive(Serialize, ToSchema)]
pub(crate) struct LineView {
    /// Its place: later lines have greater ones.
    #[schema(value_type = uuid::Uuid)]
    id: String,
    /// When.
    at: Timestamp,
    /// How bad it is.
    #[schema(value_type = LevelWord)]
    level: &'static str,
    /// The key of the node that said it.
    node: Option<String>,
    /// How often that node ran before.
    run_index: Option<u32>,
    /// What it said.
    message: String,
    /// The rest.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<serde_json::Value>)]
    details: Option<Value>,
}

impl From<Line> for LineView {
    fn from(line: Line) -> Self {
        Self {
            id: cursor(&line),
            at: line.at,
            level: line.level.as_str(),
            node: line.node,
            run_index: line.run_index,
            message: line.message,
            details: line.details.and_then(|details| serde_json::from_str(&details).ok()),
        }
    }
}

fn cursor(line: &Line) -> String {
    uuid::Uuid::from_bytes(*line.id.as_bytes()).to_string()
}

/// Read what the steps of an execution had to say, oldest first.
#[utoipa::path(
    get, path = "/api/v1/executions/{id}/logs", tag = "executions", params(("id" = uuid::Uuid, Path), LogsQuery),
    responses((status = 200, body = PageView<LineView>))
)]
pub(crate) async fn list_logs(
    Extract(state): Extract<State>,
    Caller(actor): Caller,
    Path(id): Path<ExecutionId>,
    Query(query): Query<LogsQuery>,
) -> ApiResult<Json<PageView<LineView>>> {
    let level = query.level.as_deref().map(|word| {
        let refuse = || Problem::error("level", Code::Range, "there is no such level");
        Level::find(word).ok_or_else(|| ApiError::at(Kind::Invalid, &refuse()))
    });
    let filter = Filter { level: level.transpose()?, node: query.node };
    let page = page(query.limit.as_deref(), query.cursor.as_deref())?;
    let found = app::executions::list_logs(&state.app, &actor, id, &filter, page).await?;
    Ok(Json(view(found, cursor, LineView::from)))
}
