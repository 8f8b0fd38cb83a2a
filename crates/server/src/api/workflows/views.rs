//! What the API shows of workflows.

use app::workflows::Checked;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use store::routes::Route;
use store::triggers::Trigger;
use store::versions::{Version, VersionSummary};
use store::workflows::{Published, Workflow, WorkflowHead};
use utoipa::ToSchema;

use crate::problem::{ApiError, ApiResult, FieldProblem};

/// Stands for the JSON Schema of workflow files, which the document holds under the name `Workflow`.
#[derive(ToSchema)]
#[schema(as = Workflow)]
pub(crate) struct WorkflowDefinition {}

/// A workflow without its draft.
#[derive(Serialize, ToSchema)]
pub(crate) struct WorkflowView {
    /// Its id.
    #[schema(value_type = uuid::Uuid)]
    id: String,
    /// What it is called.
    name: String,
    /// What it is for.
    description: String,
    /// Whether its triggers work.
    #[schema(value_type = WorkflowStatusView)]
    status: &'static str,
    /// How often its draft was changed.
    rev: u64,
    /// The version that triggers start.
    #[schema(value_type = Option<uuid::Uuid>)]
    published_version_id: Option<String>,
    /// When it was created.
    created_at: Timestamp,
    /// When it was changed last.
    updated_at: Timestamp,
    /// When it was published last.
    published_at: Option<Timestamp>,
}

/// Whether the triggers of a workflow work.
#[derive(ToSchema)]
#[schema(as = WorkflowStatus, rename_all = "snake_case")]
#[expect(dead_code, reason = "it only describes the words")]
pub(crate) enum WorkflowStatusView {
    /// Never published.
    Draft,
    /// They do.
    Active,
    /// Switched off for now.
    Paused,
    /// Put away.
    Archived,
}

impl From<WorkflowHead> for WorkflowView {
    fn from(head: WorkflowHead) -> Self {
        Self {
            id: head.id.to_string(),
            name: head.name,
            description: head.description,
            status: head.status.as_str(),
            rev: head.rev,
            published_version_id: head.published.map(|id| id.to_string()),
            created_at: head.created_at,
            updated_at: head.updated_at,
            published_at: head.published_at,
        }
    }
}

/// A workflow with its draft.
#[derive(Serialize, ToSchema)]
pub(crate) struct StoredView {
    #[serde(flatten)]
    workflow: WorkflowView,
    /// The draft.
    #[schema(value_type = WorkflowDefinition)]
    definition: Value,
}

impl StoredView {
    pub(super) fn new(stored: Workflow) -> ApiResult<Self> {
        Ok(Self { definition: definition(&stored.draft)?, workflow: stored.head.into() })
    }
}

fn definition(text: &str) -> ApiResult<Value> {
    serde_json::from_str(text).map_err(|error| ApiError::from(app::Error::internal(error)))
}

/// What is wrong with a workflow.
#[derive(Serialize, ToSchema)]
pub(crate) struct CheckedView {
    /// Whether it can be published.
    is_publishable: bool,
    /// Everything that is wrong with it.
    problems: Vec<FieldProblem>,
}

impl From<Checked> for CheckedView {
    fn from(checked: Checked) -> Self {
        Self {
            is_publishable: checked.is_publishable(),
            problems: checked.problems.iter().map(FieldProblem::from).collect(),
        }
    }
}

/// What was published.
#[derive(Serialize, ToSchema)]
pub(crate) struct PublishedView {
    /// The workflow.
    workflow: WorkflowView,
    /// The version that triggers start from now on.
    #[schema(value_type = uuid::Uuid)]
    version_id: String,
    /// Its number within the workflow.
    version: u64,
    /// Its triggers.
    triggers: Vec<TriggerView>,
}

impl PublishedView {
    pub(super) fn new(
        address: &str,
        published: Published,
        triggers: Vec<Trigger>,
        routes: Vec<Route>,
    ) -> Self {
        Self {
            workflow: published.workflow.into(),
            version_id: published.version.to_string(),
            version: published.number,
            triggers: TriggersView::new(address, triggers, &routes).items,
        }
    }
}

/// The triggers of a workflow.
#[derive(Serialize, ToSchema)]
pub(crate) struct TriggersView {
    /// The triggers, by node.
    items: Vec<TriggerView>,
}

/// A trigger of a published workflow.
#[derive(Serialize, ToSchema)]
pub(crate) struct TriggerView {
    /// Its id.
    #[schema(value_type = uuid::Uuid)]
    id: String,
    /// The key of its node.
    node: String,
    /// What starts executions there.
    #[schema(example = "webhook")]
    kind: String,
    /// Whether it starts executions.
    is_active: bool,
    /// The address of a webhook. Whoever knows it can call it.
    #[schema(format = "uri")]
    address: Option<String>,
    /// When it is due next.
    due_at: Option<Timestamp>,
    /// When it fired last.
    last_fired_at: Option<Timestamp>,
    /// What went wrong then.
    last_error: Option<String>,
}

impl TriggersView {
    pub(super) fn new(address: &str, triggers: Vec<Trigger>, routes: &[Route]) -> Self {
        let items = triggers.into_iter().map(|trigger| {
            let route = routes.iter().find(|route| !route.is_test && route.node == trigger.node);
            TriggerView {
                id: trigger.id.to_string(),
                address: route.map(|route| format!("{address}hooks/{}", hex(route))),
                node: trigger.node,
                kind: trigger.kind,
                is_active: trigger.is_active,
                due_at: trigger.due_at,
                last_fired_at: trigger.last_fired_at,
                last_error: trigger.last_error,
            }
        });
        Self { items: items.collect() }
    }
}

/// A route as it stands in its address.
fn hex(route: &Route) -> String {
    route.id.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The test address of a webhook.
#[derive(Serialize, ToSchema)]
pub(crate) struct TestRouteView {
    /// The key of its node.
    node: String,
    /// The address. Whoever knows it can call it.
    #[schema(format = "uri")]
    address: String,
    /// Until when it is open.
    expires_at: Option<Timestamp>,
}

impl TestRouteView {
    pub(super) fn new(address: &str, route: &Route) -> Self {
        Self {
            node: route.node.clone(),
            address: format!("{address}hooks-test/{}", hex(route)),
            expires_at: route.expires_at,
        }
    }
}

/// A workflow that was imported.
#[derive(Serialize, ToSchema)]
pub(crate) struct ImportView {
    /// The workflow.
    pub(super) workflow: StoredView,
    /// What became of its nodes, its credentials and its addresses.
    #[schema(value_type = Object)]
    pub(super) report: Value,
}

/// A workflow as another product reads it.
#[derive(Serialize, ToSchema)]
pub(crate) struct ExportView {
    /// The file.
    #[schema(value_type = Object)]
    pub(super) file: Value,
    /// What cannot be said there.
    pub(super) problems: Vec<FieldProblem>,
}

/// A published version in a list.
#[derive(Serialize, ToSchema)]
pub(crate) struct VersionSummaryView {
    /// Its id.
    #[schema(value_type = uuid::Uuid)]
    id: String,
    /// Its number within the workflow.
    number: u64,
    /// When it was published.
    created_at: Timestamp,
}

impl From<VersionSummary> for VersionSummaryView {
    fn from(version: VersionSummary) -> Self {
        Self { id: version.id.to_string(), number: version.number, created_at: version.created_at }
    }
}

/// A published version.
#[derive(Serialize, ToSchema)]
pub(crate) struct VersionView {
    /// Its id.
    #[schema(value_type = uuid::Uuid)]
    id: String,
    /// Its number within the workflow.
    number: u64,
    /// When it was published.
    created_at: Timestamp,
    /// What executions of it follow.
    #[schema(value_type = WorkflowDefinition)]
    definition: Value,
}

impl VersionView {
    pub(super) fn new(version: Version) -> ApiResult<Self> {
        Ok(Self {
            id: version.id.to_string(),
            number: version.number,
            created_at: version.created_at,
            definition: definition(&version.definition)?,
        })
    }
}
