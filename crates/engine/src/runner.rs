//! Carries out what the planner decides, in memory.
//!
//! [`Runner::run`] runs one execution to its end, or until only something from outside can move it. Steps take turns
//! in one task; in parallel order those that wait for the network do so at the same time.

mod children;
mod pool;
mod session;

use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use model::{ExecutionStatus, Items, Object, Text, Value};
use sdk::context::Level;
use sdk::node::BoxFuture;
use sdk::output::WorkflowSource;
use sdk::{History, Mode, NodeError, Services};
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::decide::Limits;
use crate::event::{Event, Failure};
use crate::plan::Plan;
use session::Session;

/// Waits longer than this are not sat out in memory.
const LONGEST_WAIT: Duration = Duration::from_secs(65);
/// Sub-workflows within sub-workflows.
const MAX_DEPTH: usize = 16;

/// Finds the workflows that steps run.
pub trait Workflows: Send + Sync {
    /// The workflow that `source` names, compiled.
    fn resolve<'a>(&'a self, source: &'a WorkflowSource) -> BoxFuture<'a, Result<Arc<Plan>, NodeError>>;
}

/// Knows no workflow.
pub struct NoWorkflows;

impl Workflows for NoWorkflows {
    fn resolve<'a>(&'a self, _: &'a WorkflowSource) -> BoxFuture<'a, Result<Arc<Plan>, NodeError>> {
        Box::pin(async { Err(NodeError::permanent("there are no other workflows here")) })
    }
}

/// Runs executions in memory.
#[derive(Clone)]
pub struct Runner {
    services: Services,
    clock: Arc<dyn Clock>,
    workflows: Arc<dyn Workflows>,
    limits: Limits,
}

/// How an execution begins.
#[derive(Clone, Debug)]
pub struct Start {
    /// The node to start at; the plan's default when absent.
    pub node: Option<usize>,
    /// What that node is given.
    pub items: Items,
    /// Why the execution runs.
    pub mode: Mode,
    /// Whether pins stand in for their nodes.
    pub use_pins: bool,
    /// Whether a failure starts the error workflow.
    pub run_error_workflow: bool,
    /// The execution's id.
    pub id: Text,
    /// The time zone of its expressions.
    pub zone: TimeZone,
    /// `$vars`.
    pub variables: Object,
    /// What the workflow remembers between executions.
    pub static_data: Object,
    /// The source of chance.
    pub seed: u64,
    /// The public address of this instance, with a slash at its end.
    pub address: Text,
    /// Cancels the execution.
    pub cancel: CancellationToken,
}

impl Default for Start {
    fn default() -> Self {
        Self {
            node: None,
            items: Arc::new(vec![model::Item::default()]),
            mode: Mode::Manual,
            use_pins: true,
            run_error_workflow: false,
            id: "1".into(),
            zone: TimeZone::UTC,
            variables: Object::new(),
            static_data: Object::new(),
            seed: 0,
            address: "http://localhost/".into(),
            cancel: CancellationToken::new(),
        }
    }
}

/// What became of an execution.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Where it stands: ended, or waiting for something from outside.
    pub status: ExecutionStatus,
    /// Why it ended without completing.
    pub failure: Option<Failure>,
    /// What has run.
    pub history: Arc<History>,
    /// Every run in the order in which they ended: node and run index.
    pub order: Vec<(usize, usize)>,
    /// What its steps had to say.
    pub logs: Vec<Log>,
    /// Everything that happened.
    pub journal: Vec<Recorded>,
    /// The answer to the call that started it.
    pub response: Option<Value>,
    /// What the workflow remembers now, when a step changed it.
    pub static_data: Option<Object>,
    /// How long it took, waiting included.
    pub duration: Duration,
    /// The execution of the error workflow that its failure started.
    pub error_execution: Option<Box<Outcome>>,
}

/// A line of an execution's log.
#[derive(Clone, Debug, PartialEq)]
pub struct Log {
    /// The node that wrote it.
    pub node: usize,
    /// How important it is.
    pub level: Level,
    /// What it says.
    pub text: String,
}

/// An event in a journal.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// When it was decided on, in Unix milliseconds.
    pub at_ms: f64,
    /// How long the attempt took whose result it is.
    pub duration: Option<Duration>,
    /// What happened.
    pub event: Event,
}

impl Runner {
    /// A runner with these services and this clock, which knows no other workflows.
    pub fn new(services: Services, clock: Arc<dyn Clock>) -> Self {
        Self { services, clock, workflows: Arc::new(NoWorkflows), limits: Limits::default() }
    }

    /// Finds sub-workflows and error workflows here.
    pub fn with_workflows(mut self, workflows: Arc<dyn Workflows>) -> Self {
        self.workflows = workflows;
        self
    }

    /// Stops executions that need more than this.
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Runs an execution until it has ended or only something from outside can move it. A plan without a node to
    /// start at fails at once.
    pub async fn run(&self, plan: Arc<Plan>, start: Start) -> Outcome {
        self.run_at_depth(plan, start, 0).await
    }

    /// The same for an execution that `depth` others wait for; boxed, because they run one another.
    fn run_at_depth(&self, plan: Arc<Plan>, start: Start, depth: usize) -> BoxFuture<'static, Outcome> {
        let runner = self.clone();
        Box::pin(async move {
            let run_error_workflow = start.run_error_workflow;
            let session = Session::new(runner.clone(), plan.clone(), start.clone(), depth);
            let mut outcome = session.run().await;
            if run_error_workflow && outcome.status == ExecutionStatus::Failed {
                runner.run_error_workflow(&plan, &start, &mut outcome).await;
            }
            outcome
        })
    }
}
