//! The engine of a process: starts executions, owns them while they run, and hands them back.

mod answer;
mod launch;
mod loops;
mod resume;
mod retry;
mod shared;
mod slots;
mod watch;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use jiff::tz::TimeZone;
use model::ids::{ExecutionId, UserId, WorkerId, WorkflowId, WorkspaceId};
use model::{Items, Object, Text, Value, Workflow};
use sdk::credential::{Credentials, NoCredentials};
use sdk::node::BoxFuture;
use sdk::{Catalogue, NodeError, Services};
use store::signals::Kind;
use store::{Commit, NewSignal, Store};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::decide::Limits;
use crate::durable::Wanted;
use crate::plans::Plans;
use crate::session::News;
use crate::start::{Retry, Settlement, StartError, StartRequest, Started};
pub(crate) use shared::Shared;
use slots::Slots;
pub use watch::{Progress, Watch};

/// How a process runs executions.
#[derive(Clone, Debug)]
pub struct Config {
    /// Executions that this process runs at the same time; more are queued. 0 runs none: they are for other processes.
    pub concurrency: usize,
    /// How many of them may belong to one workspace.
    pub workspace_concurrency: usize,
    /// What one execution may use before it is stopped.
    pub limits: Limits,
    /// The time zone of workflows that name none.
    pub zone: TimeZone,
    /// `$vars`.
    pub variables: Object,
    /// The source of ids: from the system's randomness, or fixed for a simulation.
    pub seed: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            concurrency: 256,
            workspace_concurrency: 256,
            limits: Limits::default(),
            zone: TimeZone::UTC,
            variables: Object::new(),
            seed: 0,
        }
    }
}

/// What executions find around them.
#[derive(Clone)]
pub struct World {
    /// The node types.
    pub catalogue: Arc<Catalogue>,
    /// What all steps may use; credentials come from the host instead.
    pub services: Services,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The product around the engine.
    pub host: Arc<dyn Host>,
}

/// What the engine asks of the product around it.
pub trait Host: Send + Sync {
    /// The secrets of a workspace.
    fn credentials(&self, _workspace: WorkspaceId) -> Arc<dyn Credentials> {
        Arc::new(NoCredentials)
    }

    /// The workflow that a step defines in place, in our format or a foreign one.
    fn read_definition(&self, definition: &Value) -> Result<Workflow, NodeError> {
        Workflow::from_json(&definition.to_json())
            .map_err(|problem| NodeError::permanent(format!("the sub-workflow is not valid: {problem}")))
    }

    /// The workflow that a step or a setting names otherwise than by its id.
    fn find_workflow<'a>(
        &'a self,
        _workspace: WorkspaceId,
        _name: &'a str,
    ) -> BoxFuture<'a, Result<Option<WorkflowId>, NodeError>> {
        Box::pin(async { Ok(None) })
    }

    /// The public address of this instance, with a slash at its end.
    fn address(&self) -> Text {
        "http://localhost/".into()
    }

    /// The address that resumes an execution which waits for a call; whoever knows it may call it.
    fn resume_address(&self, _workspace: WorkspaceId, execution: ExecutionId) -> Text {
        format!("{}webhook-waiting/{execution}", self.address()).into()
    }

    /// The address of the form that an execution waits for.
    fn form_address(&self, _workspace: WorkspaceId, execution: ExecutionId) -> Text {
        format!("{}form-waiting/{execution}", self.address()).into()
    }
}

/// A host without secrets at a local address.
pub struct LocalHost;

impl Host for LocalHost {}

/// How long steps may go on after a process was asked to stop.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long handing executions over may take.
const HAND_OVER: Duration = Duration::from_secs(10);

/// The engine of this process. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    pub(crate) shared: Arc<Shared>,
}

impl Engine {
    /// An engine over this store; it does nothing by itself until [`run`](Self::run).
    pub fn new(store: Store, world: World, config: Config) -> Self {
        Self { shared: Arc::new(Shared::new(store, world, config)) }
    }

    /// Starts an execution: here and now with capacity to spare, else as soon as somebody has some.
    pub async fn start(&self, request: StartRequest) -> Result<Started, StartError> {
        self.shared.start(request).await
    }

    /// What would start this execution as a part of somebody else's transaction; it is queued there. For
    /// [`store::timers::Firing::starts`].
    pub async fn prepare(&self, request: StartRequest) -> Result<Commit, StartError> {
        self.shared.prepare(request).await
    }

    /// Runs an execution that has ended again, as a new one.
    pub async fn retry(
        &self,
        workspace: WorkspaceId,
        execution: ExecutionId,
        retry: Retry,
        created_by: Option<UserId>,
    ) -> Result<Started, StartError> {
        self.shared.retry(workspace, execution, retry, created_by).await
    }

    /// Stops an execution for good. Steps that run are asked to stop, and abandoned when they do not.
    pub async fn cancel(&self, workspace: WorkspaceId, execution: ExecutionId) -> store::Result<()> {
        self.signal(workspace, execution, Kind::Cancel, Wanted::default()).await
    }

    /// Lets an execution begin no more steps.
    pub async fn pause(&self, workspace: WorkspaceId, execution: ExecutionId) -> store::Result<()> {
        self.signal(workspace, execution, Kind::Pause, Wanted::default()).await
    }

    /// Lets a paused execution go on.
    pub async fn resume(&self, workspace: WorkspaceId, execution: ExecutionId) -> store::Result<()> {
        self.signal(workspace, execution, Kind::Resume, Wanted::default()).await
    }

    /// Ends the wait of a step: it emits these items, per port. One that comes after the end of the wait changes nothing;
    /// one that comes while the step still works towards its wait ends the wait at once.
    pub async fn resolve_wait(
        &self,
        workspace: WorkspaceId,
        execution: ExecutionId,
        step: u32,
        outputs: Vec<Items>,
    ) -> store::Result<()> {
        let wanted = Wanted { step: Some(step), outputs: Some(outputs), ..Wanted::default() };
        self.signal(workspace, execution, Kind::Resolve, wanted).await
    }

    /// Ends the wait of whichever step waits for a call or a form. When none does yet, the next wait ends at once.
    pub async fn resolve_next_wait(
        &self,
        workspace: WorkspaceId,
        execution: ExecutionId,
        outputs: Vec<Items>,
    ) -> store::Result<()> {
        let wanted = Wanted { outputs: Some(outputs), ..Wanted::default() };
        self.signal(workspace, execution, Kind::Resolve, wanted).await
    }

    /// Says what became of a step whose status is `unknown`.
    pub async fn settle_lost(
        &self,
        workspace: WorkspaceId,
        execution: ExecutionId,
        step: u32,
        settlement: Settlement,
    ) -> store::Result<()> {
        self.signal(workspace, execution, Kind::Resolve, Wanted::settlement(step, settlement)).await
    }

    async fn signal(
        &self,
        workspace: WorkspaceId,
        execution: ExecutionId,
        kind: Kind,
        wanted: Wanted,
    ) -> store::Result<()> {
        let signal = NewSignal { workspace, execution, kind, payload: wanted.to_json() };
        self.shared.store.signal(signal).await?;
        if !self.shared.slots.tell(execution, News::Wanted) {
            self.shared.queue_bell.notify_one();
        }
        Ok(())
    }

    /// How far an execution is, from now on: for live views. It only says that there is more to read; what happened
    /// stands in the journal. Hints come while the engine [runs](Self::run).
    pub fn watch(&self, execution: ExecutionId) -> Watch {
        self.shared.watched.watch(execution)
    }

    /// The product around it.
    pub fn host(&self) -> &Arc<dyn Host> {
        &self.shared.world.host
    }

    /// The workflow versions, compiled.
    pub fn plans(&self) -> &Plans {
        &self.shared.plans
    }

    /// The name under which it owns executions.
    pub fn worker(&self) -> WorkerId {
        self.shared.worker
    }

    /// Whether it takes new work: false once it was asked to stop.
    pub fn is_ready(&self) -> bool {
        !self.shared.is(&self.shared.draining)
    }

    /// What it does, in numbers.
    pub fn metrics(&self) -> Metrics {
        let counters = &self.shared.counters;
        let read = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
        Metrics {
            running: self.shared.slots.running() as u64,
            started: read(&counters.started),
            completed: read(&counters.completed),
            failed: read(&counters.failed),
            stopped: read(&counters.ended_otherwise),
            claimed: read(&counters.claimed),
            timers_fired: read(&counters.timers_fired),
            reaped: read(&counters.reaped),
            quarantined: read(&counters.quarantined),
            stuck_executions: read(&counters.stuck),
        }
    }

    /// Claims and runs executions, fires timers and triggers, delivers signals and keeps its leases, until the token is
    /// cancelled. Then it takes nothing more, gives what runs 30 seconds and hands back the rest.
    pub async fn run(self, shutdown: CancellationToken) {
        let shared = &self.shared;
        let mut loops = JoinSet::new();
        // Listens before anything happens.
        loops.spawn(shared.clone().hint_loop(shared.store.wakeups()));
        loops.spawn(shared.clone().heartbeat_loop());
        if shared.config.concurrency > 0 {
            loops.spawn(shared.clone().reap_loop());
            loops.spawn(shared.clone().claim_loop());
            loops.spawn(shared.clone().timer_loop());
            loops.spawn(shared.clone().stuck_loop());
            loops.spawn(crate::triggers::run(self.clone(), shutdown.clone()));
        }
        shutdown.cancelled().await;
        self.drain(PATIENCE).await;
        loops.shutdown().await;
    }

    /// Takes no new work, lets what runs go on for so long, then hands it back. Returns when this process owns nothing,
    /// or at least has tried hard.
    pub async fn drain(&self, patience: Duration) {
        let shared = &self.shared;
        shared.draining.store(true, Ordering::Release);
        shared.queue_bell.notify_one();
        let slots: &Arc<Slots> = &shared.slots;
        let emptied = async {
            // What is being claimed belongs to this process already.
            drop(shared.claiming.lock().await);
            slots.emptied().await;
        };
        _ = tokio::time::timeout(patience, emptied).await;
        shared.stopped.store(true, Ordering::Release);
        slots.tell_all(News::Leave);
        if tokio::time::timeout(HAND_OVER, slots.emptied()).await.is_err() {
            tracing::warn!(
                executions = slots.running(),
                "executions could not be handed over; others will find them"
            );
        }
    }
}

/// What an engine does, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Metrics {
    /// Executions that run here now.
    pub running: u64,
    /// Executions that were started here.
    pub started: u64,
    /// Executions that ended here well.
    pub completed: u64,
    /// Executions that ended here with an error.
    pub failed: u64,
    /// Executions that ended here otherwise.
    pub stopped: u64,
    /// Executions that were claimed from the queue.
    pub claimed: u64,
    /// Timers that were fired.
    pub timers_fired: u64,
    /// Executions whose owner had died.
    pub reaped: u64,
    /// Executions that were ended because they had killed their owners.
    pub quarantined: u64,
    /// Executions that were found without an owner, a timer or a wait, and queued again.
    pub stuck_executions: u64,
}
