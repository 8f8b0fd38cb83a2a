//! What the API shows of executions.

use app::executions::{Step, Trace};
use engine::start::Started;
use jiff::Timestamp;
use model::{Items, StepStatus};
use sdk::lookback::items_to_data;
use serde::Serialize;
use serde_json::Value;
use store::executions::{Execution, Summary};
use store::journal::Wait;
use utoipa::ToSchema;

/// Where an execution stands.
#[derive(ToSchema)]
#[schema(as = ExecutionStatus, rename_all = "snake_case")]
#[expect(dead_code, reason = "it only describes the words")]
pub(crate) enum StatusWord {
    Queued,
    Running,
    Waiting,
    Paused,
    Completed,
    Failed,
    Cancelled,
    TimedOut,
}

/// Where a step stands.
#[derive(ToSchema)]
#[schema(as = StepStatus, rename_all = "snake_case")]
#[expect(dead_code, reason = "it only describes the words")]
pub(crate) enum StepStatusWord {
    Pending,
    Running,
    Waiting,
    Completed,
    Failed,
    Skipped,
    Cancelled,
    Unknown,
}

/// An execution that was started.
#[derive(Serialize, ToSchema)]
pub(crate) struct StartedView {
    /// Its id.
    #[schema(value_type = uuid::Uuid)]
    execution_id: String,
    /// Whether an earlier request with the same `Idempotency-Key` had started it.
    duplicate: bool,
    /// Where to ask how it ends, without a key.
    #[schema(format = "uri")]
    status_url: String,
}

impl StartedView {
    pub(super) fn new(started: &Started, status_url: String) -> Self {
        Self { execution_id: started.execution.to_string(), duplicate: started.duplicate, status_url }
    }
}

/// Why something failed.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct FailureView {
    /// The key of the node that failed, unless the execution as a whole did.
    pub(crate) node: Option<String>,
    /// What happened.
    pub(crate) message: String,
    /// More about it.
    pub(crate) description: Option<String>,
    /// The index of the item it happened to.
    pub(crate) item: Option<usize>,
}

impl FailureView {
    /// Reads what a head keeps: `{node?, message, description?, item?}`, perhaps with the error in a member of its own.
    pub(crate) fn read(text: Option<&str>) -> Option<Self> {
        let value: Value = serde_json::from_str(text?).ok()?;
        let error = value.get("error").filter(|error| error.is_object()).unwrap_or(&value);
        let member = |name: &str| error.get(name).and_then(Value::as_str).map(str::to_owned);
        Some(Self {
            node: value.get("node").and_then(Value::as_str).map(str::to_owned),
            message: member("message")?,
            description: member("description"),
            item: error.get("item").and_then(Value::as_u64).and_then(|item| usize::try_from(item).ok()),
        })
    }
}

/// An execution in a list.
#[derive(Serialize, ToSchema)]
pub(crate) struct SummaryView {
    /// Its id.
    #[schema(value_type = uuid::Uuid)]
    id: String,
    /// Its workflow.
    #[schema(value_type = uuid::Uuid)]
    workflow_id: String,
    /// The version it follows.
    #[schema(value_type = uuid::Uuid)]
    version_id: String,
    /// Where it stands.
    #[schema(value_type = StatusWord)]
    status: &'static str,
    /// Why it runs.
    mode: String,
    /// What started it.
    trigger_kind: String,
    /// The execution that started it.
    #[schema(value_type = Option<uuid::Uuid>)]
    parent_id: Option<String>,
    /// The execution that it repeats.
    #[schema(value_type = Option<uuid::Uuid>)]
    retry_of: Option<String>,
    /// How long its steps have run, waiting not counted.
    run_ms: f64,
    /// Why it ended, unless it completed.
    error: Option<FailureView>,
    /// When it was accepted.
    accepted_at: Timestamp,
    /// When it ended.
    finished_at: Option<Timestamp>,
}

impl From<Summary> for SummaryView {
    fn from(execution: Summary) -> Self {
        Self {
            id: execution.id.to_string(),
            workflow_id: execution.workflow.to_string(),
            version_id: execution.version.to_string(),
            status: execution.status.as_str(),
            mode: execution.mode,
            trigger_kind: execution.trigger_kind,
            parent_id: execution.parent.map(|id| id.to_string()),
            retry_of: execution.retry_of.map(|id| id.to_string()),
            run_ms: ms(execution.run_us),
            error: FailureView::read(execution.error.as_deref()),
            accepted_at: execution.accepted_at,
            finished_at: execution.finished_at,
        }
    }
}

/// Where an execution stands.
#[derive(Serialize, ToSchema)]
pub(crate) struct ExecutionView {
    #[serde(flatten)]
    summary: SummaryView,
    /// The key of the node at which it started.
    trigger_node: String,
    /// Higher runs first.
    priority: i32,
    /// How many things have happened to it: the number of its last event.
    seq: u64,
    /// Who asked for it.
    #[schema(value_type = Option<uuid::Uuid>)]
    created_by: Option<String>,
}

impl From<Execution> for ExecutionView {
    fn from(execution: Execution) -> Self {
        Self {
            trigger_node: execution.trigger_node,
            priority: execution.priority,
            seq: execution.seq,
            created_by: execution.created_by.map(|id| id.to_string()),
            summary: SummaryView::from(Summary {
                id: execution.id,
                workflow: execution.workflow,
                version: execution.version,
                status: execution.status,
                mode: execution.mode,
                trigger_kind: execution.trigger_kind,
                parent: execution.parent.map(|parent| parent.execution),
                retry_of: execution.retry_of,
                run_us: execution.run_us,
                error: execution.error,
                accepted_at: execution.accepted_at,
                finished_at: execution.finished_at,
            }),
        }
    }
}

fn ms(us: u64) -> f64 {
    us as f64 / 1_000.0
}

/// The steps of an execution.
#[derive(Serialize, ToSchema)]
pub(crate) struct StepsView {
    /// The steps, in the order in which they began.
    items: Vec<StepView>,
}

impl StepsView {
    pub(super) fn new(trace: &Trace, with_data: bool) -> Self {
        Self { items: trace.steps.iter().map(|step| StepView::new(trace, step, with_data)).collect() }
    }
}

/// A step of an execution.
#[derive(Serialize, ToSchema)]
pub(crate) struct StepView {
    /// Its number, unique within the execution.
    number: u32,
    /// The key of its node.
    node: String,
    /// The name of its node.
    name: String,
    /// How often that node ran before.
    run_index: u32,
    /// Where it stands.
    #[schema(value_type = StepStatusWord)]
    status: StepStatus,
    /// Tries so far.
    attempts: u32,
    /// When it began, as far as the journal tells.
    started_at: Option<Timestamp>,
    /// When it ended.
    finished_at: Option<Timestamp>,
    /// How long its tries took together.
    duration_ms: f64,
    /// Until when it waits, if time ends its wait.
    waits_until: Option<Timestamp>,
    /// Why its latest try failed.
    error: Option<FailureView>,
    /// How many items arrived, per port.
    input_counts: Vec<usize>,
    /// What it gave, per port.
    outputs: Vec<PortView>,
    /// What arrived, per port: only where the data is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Vec<serde_json::Value>>>)]
    inputs: Option<Vec<Value>>,
}

/// What a step gave on one port.
#[derive(Serialize, ToSchema)]
pub(crate) struct PortView {
    /// The name of the port.
    port: String,
    /// How many items.
    count: usize,
    /// The items: only where the data is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<serde_json::Value>>)]
    items: Option<Value>,
}

impl StepView {
    pub(super) fn new(trace: &Trace, step: &Step, with_data: bool) -> Self {
        let node = trace.plan.node(step.node);
        let data = |items: &Items| Value::from(&items_to_data(items));
        let ports = step.inputs.as_ref().map(|inputs| inputs.ports()).unwrap_or_default();
        let outputs = step.outputs.iter().enumerate().map(|(index, items)| PortView {
            port: node.outputs.get(index).map_or_else(|| index.to_string(), ToString::to_string),
            count: items.len(),
            items: with_data.then(|| data(items)),
        });
        Self {
            number: step.number,
            node: node.info.key.to_string(),
            name: node.info.name.to_string(),
            run_index: step.run,
            status: step.status,
            attempts: step.attempts,
            started_at: step.started_at,
            finished_at: step.finished_at,
            duration_ms: ms(step.duration_us),
            waits_until: step.waits_until,
            error: step.error.as_ref().map(|error| FailureView {
                node: Some(node.info.key.to_string()),
                message: error.message.clone(),
                description: error.description.clone(),
                item: error.item,
            }),
            input_counts: ports.iter().map(|items| items.as_ref().map_or(0, |items| items.len())).collect(),
            outputs: outputs.collect(),
            inputs: with_data.then(|| {
                let ports = ports.iter();
                ports.map(|items| items.as_ref().map_or_else(|| Value::Array(Vec::new()), data)).collect()
            }),
        }
    }
}

/// The waits of an execution.
#[derive(Serialize, ToSchema)]
pub(crate) struct WaitsView {
    /// The waits that somebody may answer.
    items: Vec<WaitView>,
}

/// A wait that somebody may answer.
#[derive(Serialize, ToSchema)]
pub(crate) struct WaitView {
    /// The number of the step that waits.
    step: u32,
    /// The key of its node.
    node: String,
    /// `call` or `form`.
    kind: String,
    /// When it ends by itself.
    until: Option<Timestamp>,
}

impl From<Vec<Wait>> for WaitsView {
    fn from(waits: Vec<Wait>) -> Self {
        let view =
            |wait: Wait| WaitView { step: wait.step, node: wait.node, kind: wait.kind, until: wait.until };
        Self { items: waits.into_iter().map(view).collect() }
    }
}
