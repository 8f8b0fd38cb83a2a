//! Executions: start, watch, steer, repeat, delete.

mod trace;

use std::sync::Arc;

use engine::start::{Reply, Retry, Settlement, StartError, StartRequest, Started, TriggerKind};
use jiff::Timestamp;
use model::ids::{ExecutionId, VersionId, WorkflowId, WorkspaceId};
use model::journal::Record;
use model::validate::Code;
use model::{ExecutionStatus, Item, Items, Object, Problem, StepStatus};
use sdk::Mode;
use store::executions::{Execution, Filter, Summary};
use store::journal::Wait;
use store::logs::{Line, LineId};
use store::{Page, PageOf};

use crate::access::{Actor, Permission};
use crate::app::App;
use crate::error::{Error, Result};
use crate::workflows;

pub use trace::{Step, Trace};

/// Items that somebody may hand in at once.
const MAX_ITEMS: usize = 10_000;
/// For how long a start with a key is remembered.
const KEY_WINDOW: std::time::Duration = std::time::Duration::from_secs(24 * 60 * 60);

/// What to run.
#[derive(Clone, Debug)]
pub struct RunRequest {
    /// The workflow.
    pub workflow: WorkflowId,
    /// Which of its graphs.
    pub graph: Graph,
    /// The key or name of the node to start at; the first trigger that needs least from outside when absent.
    pub start: Option<String>,
    /// The data of the items that node is given; one empty item when absent.
    pub items: Option<Vec<Object>>,
    /// Outputs to use instead of running nodes, by key: test runs only.
    pub pins: Option<std::collections::BTreeMap<model::NodeKey, Vec<Object>>>,
    /// Makes a second start with the same key no start.
    pub key: Option<String>,
}

/// Which graph of a workflow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Graph {
    /// The draft, as it is now: a test run, in which pins count.
    Draft,
    /// The version that triggers start.
    Published,
    /// This version.
    Version(VersionId),
}

/// Starts an execution of a draft or a version.
pub async fn run_workflow(app: &App, actor: &Actor, request: RunRequest) -> Result<Started> {
    let workspace = actor.require(Permission::Execute)?;
    let items = request
        .items
        .map_or_else(|| Ok(Arc::new(vec![Item::default()])), |items| read_items("items", items))?;
    let version = match request.graph {
        Graph::Draft => workflows::test_version(app, actor, request.workflow, request.pins).await?,
        Graph::Published | Graph::Version(_) if request.pins.is_some() => {
            let problem = Problem::error("pins", Code::Shape, "only a run of the draft has pins");
            return Err(Error::invalid(problem.fix("leave them out, or run the draft")));
        }
        Graph::Published => workflows::published_version(app, workspace, request.workflow).await?,
        Graph::Version(version) => {
            let found = app.store.version(workspace, version).await?;
            if found.workflow != request.workflow {
                return Err(Error::NotFound("version"));
            }
            version
        }
    };
    let plan = app.engine.plans().get(workspace, request.workflow, version).await.map_err(refused)?;
    let node = match &request.start {
        Some(name) => plan.find(name).ok_or_else(|| {
            let problem = Problem::error("start", Code::Range, format!("there is no node \"{name}\""));
            Error::invalid(problem.fix("use the key or the name of a node"))
        })?,
        None => plan.default_start().ok_or_else(|| {
            let problem = Problem::error("start", Code::NoTrigger, "nothing starts this workflow");
            Error::invalid(problem.fix("add a trigger, or name the node to start at"))
        })?,
    };
    let is_draft = request.graph == Graph::Draft;
    let start = StartRequest {
        mode: if is_draft { Mode::Test } else { Mode::Manual },
        use_pins: is_draft,
        created_by: Some(actor.user()),
        key: request.key.map(|key| store::commit::StartKey {
            scope: *request.workflow.as_bytes(),
            key: format!("api:{key}"),
            until: Timestamp::now() + KEY_WINDOW,
        }),
        reply: Reply::Accepted,
        ..StartRequest::new(
            (workspace, request.workflow, version),
            plan.node(node).info.key.clone(),
            items,
            TriggerKind::Manual,
        )
    };
    app.engine.start(start).await.map_err(refused)
}

/// Items with this data: files and lineage are the server's to say.
fn read_items(path: &str, data: Vec<Object>) -> Result<Items> {
    if data.len() > MAX_ITEMS {
        let message = format!("{} items are more than the {MAX_ITEMS} that can be handed in", data.len());
        return Err(Error::invalid(Problem::error(path, Code::TooLarge, message)));
    }
    Ok(Arc::new(data.into_iter().map(Item::new).collect()))
}

/// Lists executions, newest first.
pub async fn list_executions(
    app: &App,
    actor: &Actor,
    filter: &Filter,
    page: Page<ExecutionId>,
) -> Result<PageOf<Summary>> {
    let workspace = actor.require(Permission::ReadExecutions)?;
    Ok(app.store.executions(workspace, filter, page).await?)
}

/// Where an execution stands.
pub async fn find_execution(app: &App, actor: &Actor, id: ExecutionId) -> Result<Execution> {
    let workspace = actor.require(Permission::ReadExecutions)?;
    Ok(app.store.execution(workspace, id).await?)
}

/// What happened in an execution, step by step. Steps come without their data for whoever may not see it: the handler
/// shows only what the actor [may](Actor::may).
pub async fn trace_execution(app: &App, actor: &Actor, id: ExecutionId) -> Result<(Execution, Trace)> {
    let workspace = actor.require(Permission::ReadExecutions)?;
    trace(app, workspace, id).await
}

/// One step of an execution with its data.
pub async fn find_step(app: &App, actor: &Actor, id: ExecutionId, number: u32) -> Result<(Trace, Step)> {
    let workspace = actor.require(Permission::ReadExecutionData)?;
    let (_, trace) = trace(app, workspace, id).await?;
    let step = trace.step(number).cloned().ok_or(Error::NotFound("step"))?;
    Ok((trace, step))
}

pub(crate) async fn trace(app: &App, workspace: WorkspaceId, id: ExecutionId) -> Result<(Execution, Trace)> {
    let loaded = app.store.load(workspace, id).await?;
    let (workflow, version) = (loaded.head.workflow, loaded.head.version);
    let plan = app.engine.plans().get(workspace, workflow, version).await.map_err(refused)?;
    // Folding a long journal takes its time.
    let (records, plan) = (loaded.records, plan);
    let trace = tokio::task::spawn_blocking(move || Trace::read(plan, &records));
    Ok((loaded.head, trace.await.map_err(Error::internal)??))
}

/// The records of an execution after the one with this number.
pub async fn list_records(
    app: &App,
    actor: &Actor,
    id: ExecutionId,
    after: u64,
    limit: usize,
) -> Result<Vec<Record>> {
    let workspace = actor.require(Permission::ReadExecutions)?;
    Ok(app.store.journal_after(workspace, id, after, limit).await?)
}

/// What the steps of an execution had to say, oldest first.
pub async fn list_logs(
    app: &App,
    actor: &Actor,
    id: ExecutionId,
    filter: &store::logs::Filter,
    page: Page<LineId>,
) -> Result<PageOf<Line>> {
    let workspace = actor.require(Permission::ReadExecutionData)?;
    app.store.execution(workspace, id).await?;
    Ok(app.store.logs(workspace, id, filter, page).await?)
}

/// Stops an execution for good.
pub async fn cancel_execution(app: &App, actor: &Actor, id: ExecutionId) -> Result<Execution> {
    let workspace = open_execution(app, actor, id, "cancelled").await?;
    app.engine.cancel(workspace, id).await?;
    Ok(app.store.execution(workspace, id).await?)
}

/// Lets an execution begin no more steps.
pub async fn pause_execution(app: &App, actor: &Actor, id: ExecutionId) -> Result<Execution> {
    let workspace = open_execution(app, actor, id, "paused").await?;
    app.engine.pause(workspace, id).await?;
    Ok(app.store.execution(workspace, id).await?)
}

/// Lets a paused execution go on.
pub async fn resume_execution(app: &App, actor: &Actor, id: ExecutionId) -> Result<Execution> {
    let workspace = open_execution(app, actor, id, "resumed").await?;
    app.engine.resume(workspace, id).await?;
    Ok(app.store.execution(workspace, id).await?)
}

/// The workspace, if the execution has not ended.
async fn open_execution(app: &App, actor: &Actor, id: ExecutionId, done: &str) -> Result<WorkspaceId> {
    let workspace = actor.require(Permission::Execute)?;
    let head = app.store.execution(workspace, id).await?;
    if head.status.is_final() {
        let status = head.status.as_str();
        return Err(Error::Conflict(format!("the execution is {status} and cannot be {done} any more")));
    }
    Ok(workspace)
}

/// Runs a failed execution again from the step that failed: what had completed is taken over.
pub async fn retry_execution(app: &App, actor: &Actor, id: ExecutionId) -> Result<Started> {
    let workspace = actor.require(Permission::Execute)?;
    let head = app.store.execution(workspace, id).await?;
    if !head.status.is_final() || head.status == ExecutionStatus::Completed {
        let status = head.status.as_str();
        let message = format!("the execution is {status}; only one that did not complete can be retried");
        return Err(Error::Conflict(message));
    }
    app.engine.retry(workspace, id, Retry::FromFailed, Some(actor.user())).await.map_err(refused)
}

/// Runs an execution again from its beginning, with what its trigger was given or with these items instead.
pub async fn replay_execution(
    app: &App,
    actor: &Actor,
    id: ExecutionId,
    items: Option<Vec<Object>>,
) -> Result<Started> {
    let workspace = actor.require(Permission::Execute)?;
    let items = items.map(|items| read_items("items", items)).transpose()?;
    let head = app.store.execution(workspace, id).await?;
    if !head.status.is_final() {
        let message = format!("the execution is {}; cancel it first", head.status.as_str());
        return Err(Error::Conflict(message));
    }
    app.engine.retry(workspace, id, Retry::Whole { items }, Some(actor.user())).await.map_err(refused)
}

/// What became of a step whose effect nobody saw end, in the words of whoever looked.
#[derive(Clone, Debug)]
pub enum Settled {
    /// It happened, and this is what the step gives, per port.
    Completed(Vec<Vec<Object>>),
    /// It did not happen, in these words, and the step fails.
    Failed(String),
    /// The step runs again, although the effect may then happen twice.
    RunAgain,
}

/// Says what became of a step that is `unknown`.
pub async fn settle_step(
    app: &App,
    actor: &Actor,
    id: ExecutionId,
    number: u32,
    settled: Settled,
) -> Result<()> {
    let workspace = open_execution(app, actor, id, "settled").await?;
    let (_, trace) = trace(app, workspace, id).await?;
    let step = trace.step(number).ok_or(Error::NotFound("step"))?;
    if step.status != StepStatus::Unknown {
        let message = "only a step that is unknown can be settled; this one is known".to_owned();
        return Err(Error::Conflict(message));
    }
    let settlement = match settled {
        Settled::Completed(ports) => Settlement::Completed(read_ports(ports)?),
        Settled::Failed(message) => Settlement::Failed(message),
        Settled::RunAgain => Settlement::RunAgain,
    };
    Ok(app.engine.settle_lost(workspace, id, number, settlement).await?)
}

/// Lists the waits of an execution that the outside may end.
pub async fn list_waits(app: &App, actor: &Actor, id: ExecutionId) -> Result<Vec<Wait>> {
    let workspace = actor.require(Permission::ReadExecutions)?;
    app.store.execution(workspace, id).await?;
    Ok(app.store.open_waits(workspace, id).await?)
}

/// Ends a wait: its step gives these items, per port.
pub async fn resolve_wait(
    app: &App,
    actor: &Actor,
    id: ExecutionId,
    number: u32,
    outputs: Vec<Vec<Object>>,
) -> Result<()> {
    let workspace = open_execution(app, actor, id, "resumed").await?;
    let waits = app.store.open_waits(workspace, id).await?;
    if !waits.iter().any(|wait| wait.step == number) {
        return Err(Error::NotFound("wait"));
    }
    Ok(app.engine.resolve_wait(workspace, id, number, read_ports(outputs)?).await?)
}

fn read_ports(ports: Vec<Vec<Object>>) -> Result<Vec<Items>> {
    let ports = ports.into_iter().enumerate();
    ports.map(|(port, items)| read_items(&format!("outputs[{port}]"), items)).collect()
}

/// Deletes an execution that has ended, with all that was kept of it.
pub async fn delete_execution(app: &App, actor: &Actor, id: ExecutionId) -> Result<()> {
    let workspace = actor.require(Permission::DeleteExecutions)?;
    Ok(app.store.delete_execution(workspace, id).await?)
}

/// What the engine's refusal means to the caller.
pub(crate) fn refused(error: StartError) -> Error {
    match error {
        StartError::NotFound(what) => Error::NotFound(what),
        StartError::Invalid(message) => Error::Conflict(message),
        StartError::Draining => Error::Unavailable("this process is about to end"),
        StartError::Storage(error) => error.into(),
    }
}
