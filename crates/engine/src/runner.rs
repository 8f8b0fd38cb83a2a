//! Runs executions in memory.
//!
//! [`Runner::run`] runs one execution to its end, or until only something from outside can move it.

mod memory;

use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use model::{ExecutionStatus, Item, Items, Object, Text, Value};
use sdk::context::Level;
use sdk::node::BoxFuture;
use sdk::output::WorkflowSource;
use sdk::{ExecutionInfo, History, Mode, NodeError, Services};
use tokio_util::sync::CancellationToken;

use crate::children::{ToldTo, failure_item, failure_node, not_told, told_to};
use crate::clock::Clock;
use crate::decide::{Execution, Limits};
use crate::event::{Event, Failure};
use crate::journal::Recorded;
use crate::plan::Plan;
use crate::session::{Session, Surroundings};
use memory::Memory;

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
        self.run_at_depth(plan, start, 0).await.1
    }

    /// The same for an execution that `depth` others wait for; boxed, because they run one another.
    fn run_at_depth(
        &self,
        plan: Arc<Plan>,
        start: Start,
        depth: u32,
    ) -> BoxFuture<'static, (Execution, Outcome)> {
        let runner = self.clone();
        Box::pin(async move {
            let mut session = runner.session(&plan, &start, depth);
            let node = start.node.or_else(|| plan.default_start());
            let ended = match node {
                Some(node) => {
                    session.happen(Event::Triggered { node, items: start.items.clone() }, None);
                    session.run().await;
                    true
                }
                None => false,
            };
            let mut outcome = outcome(&mut session);
            if !ended {
                let error = "nothing can start the workflow: add a trigger or name a node to start at";
                outcome.status = ExecutionStatus::Failed;
                outcome.failure = Some(Failure { node: None, error: NodeError::permanent(error) });
            }
            if start.run_error_workflow && outcome.status == ExecutionStatus::Failed {
                let told = failure_item(&plan, &session.around.info, &session.execution);
                runner.run_error_workflow(&plan, &start, told, &mut outcome).await;
            }
            (session.execution, outcome)
        })
    }

    fn session(&self, plan: &Arc<Plan>, start: &Start, depth: u32) -> Session<Memory> {
        let info = ExecutionInfo {
            id: start.id.clone(),
            mode: start.mode,
            zone: start.zone.clone(),
            resume_url: format!("{}webhook-waiting/{}", start.address, start.id).into(),
            resume_form_url: format!("{}form-waiting/{}", start.address, start.id).into(),
            variables: start.variables.clone(),
            static_data: start.static_data.clone(),
            seed: start.seed,
            webhook_url: start.address.clone(),
        };
        let around = Surroundings {
            info: Arc::new(info),
            services: self.services.clone(),
            clock: self.clock.clone(),
            use_pins: start.use_pins,
            ran_before: Duration::ZERO,
        };
        let execution = Execution::new(plan.clone(), self.limits, start.seed);
        Session::new(plan.clone(), execution, around, Memory::new(self.clone(), start.clone(), depth))
    }

    /// Runs the workflow that a failed execution names for this, or an error trigger of its own. One that was named but
    /// cannot run is said in the log of the execution.
    async fn run_error_workflow(&self, plan: &Arc<Plan>, start: &Start, told: Item, outcome: &mut Outcome) {
        if start.mode == Mode::Error {
            return;
        }
        let found = match told_to(plan) {
            ToldTo::Nobody => return,
            ToldTo::Itself(node) => Ok((plan.clone(), node)),
            ToldTo::Other(source) => match self.workflows.resolve(&source).await {
                Ok(found) => failure_node(&found).map(|node| (found, node)).map_err(str::to_owned),
                Err(error) => Err(error.to_string()),
            },
        };
        match found {
            Ok((error_plan, node)) => {
                let start = Start {
                    node: Some(node),
                    items: Arc::new(vec![told]),
                    mode: Mode::Error,
                    id: format!("{}-error", start.id).into(),
                    run_error_workflow: false,
                    ..start.clone()
                };
                let (_, handled) = self.run_at_depth(error_plan, start, 1).await;
                outcome.error_execution = Some(Box::new(handled));
            }
            Err(why) => {
                let node = outcome.failure.as_ref().and_then(|failure| failure.node).unwrap_or_default();
                outcome.logs.push(Log { node, level: Level::Error, text: not_told(plan, why) });
            }
        }
    }
}

fn outcome(session: &mut Session<Memory>) -> Outcome {
    let execution = &session.execution;
    Outcome {
        status: execution.status(),
        failure: execution.failure().cloned(),
        history: execution.history().clone(),
        order: execution.finished().collect(),
        logs: std::mem::take(&mut session.keep.logs),
        journal: std::mem::take(&mut session.keep.journal),
        response: execution.response().cloned(),
        static_data: session.keep.static_data.take(),
        duration: session.took(),
        error_execution: None,
    }
}
