//! The engine of a process: starts executions, owns them while they run, and hands them back.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use model::ids::{ExecutionId, UserId, WorkspaceId};
use model::{Items, Object, Text, Value, Workflow};
use sdk::credential::{Credentials, NoCredentials};
use sdk::{Catalogue, NodeError, Services};
use store::{Commit, Store};
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::decide::Limits;
use crate::plans::Plans;
use crate::start::{Retry, Settlement, StartError, StartRequest, Started};

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

/// The engine of this process. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) store: Store,
    pub(crate) world: World,
    pub(crate) config: Config,
    pub(crate) plans: Plans,
}

impl Engine {
    /// An engine over this store; it does nothing by itself until [`run`](Self::run).
    pub fn new(store: Store, world: World, config: Config) -> Self {
        let plans = Plans::new(store.clone(), world.catalogue.clone());
        Self { shared: Arc::new(Shared { store, world, config, plans }) }
    }

    /// Starts an execution: here and now with capacity to spare, else as soon as somebody has some.
    pub async fn start(&self, _request: StartRequest) -> Result<Started, StartError> {
        Err(StartError::Draining)
    }

    /// What would start this execution as a part of somebody else's transaction; it is queued there. For
    /// [`store::timers::Firing::starts`].
    pub async fn prepare(&self, _request: StartRequest) -> Result<Commit, StartError> {
        Err(StartError::Draining)
    }

    /// Runs an execution that has ended again, as a new one.
    pub async fn retry(
        &self,
        _workspace: WorkspaceId,
        _execution: ExecutionId,
        _retry: Retry,
        _created_by: Option<UserId>,
    ) -> Result<Started, StartError> {
        Err(StartError::Draining)
    }

    /// Stops an execution for good. Steps that run are asked to stop, and abandoned when they do not.
    pub async fn cancel(&self, _workspace: WorkspaceId, _execution: ExecutionId) -> store::Result<()> {
        Ok(())
    }

    /// Lets an execution begin no more steps.
    pub async fn pause(&self, _workspace: WorkspaceId, _execution: ExecutionId) -> store::Result<()> {
        Ok(())
    }

    /// Lets a paused execution go on.
    pub async fn resume(&self, _workspace: WorkspaceId, _execution: ExecutionId) -> store::Result<()> {
        Ok(())
    }

    /// Ends the wait of a step: it emits these items, per port. One that comes before the wait, or after its end,
    /// changes nothing.
    pub async fn resolve_wait(
        &self,
        _workspace: WorkspaceId,
        _execution: ExecutionId,
        _step: u32,
        _outputs: Vec<Items>,
    ) -> store::Result<()> {
        Ok(())
    }

    /// Says what became of a step whose status is `unknown`.
    pub async fn settle_lost(
        &self,
        _workspace: WorkspaceId,
        _execution: ExecutionId,
        _step: u32,
        _settlement: Settlement,
    ) -> store::Result<()> {
        Ok(())
    }

    /// How far an execution is, from now on: for live views. It only says that there is more to read; what happened
    /// stands in the journal.
    pub fn watch(&self, _execution: ExecutionId) -> Watch {
        Watch { progress: tokio::sync::watch::channel(Progress { seq: 0, ended: false }).1 }
    }

    /// The product around it.
    pub fn host(&self) -> &Arc<dyn Host> {
        &self.shared.world.host
    }

    /// The workflow versions, compiled.
    pub fn plans(&self) -> &Plans {
        &self.shared.plans
    }

    /// Whether it takes new work: false once it was asked to stop.
    pub fn is_ready(&self) -> bool {
        true
    }

    /// What it does, in numbers.
    pub fn metrics(&self) -> Metrics {
        Metrics::default()
    }

    /// Claims and runs executions, fires timers, delivers signals and keeps its leases, until the token is cancelled.
    /// Then it takes nothing more, gives what runs 30 seconds and hands back the rest.
    pub fn run(self, shutdown: CancellationToken) -> impl Future<Output = ()> + Send + 'static {
        async move { shutdown.cancelled().await }
    }

    /// Takes no new work, lets what runs go on for so long, then hands it back. Returns when this process owns nothing.
    pub async fn drain(&self, _patience: Duration) {}
}

/// How far an execution is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The number of the last record of its journal; 0 when that is not known.
    pub seq: u64,
    /// Whether it has ended.
    pub ended: bool,
}

/// A view of the progress of one execution. It keeps only the newest, so that a slow reader costs nothing.
#[derive(Clone, Debug)]
pub struct Watch {
    progress: tokio::sync::watch::Receiver<Progress>,
}

impl Watch {
    /// What is known now.
    pub fn now(&self) -> Progress {
        *self.progress.borrow()
    }

    /// Waits for more than was seen so far. A hint that nothing is known (`seq` 0) means: look.
    pub async fn changed(&mut self) -> Progress {
        if self.progress.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
        *self.progress.borrow_and_update()
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
