//! An execution that lives only as long as it runs.

use std::future::{Future, pending};
use std::sync::Arc;
use std::time::Duration;

use model::{ExecutionStatus, Items, Object, Value};
use sdk::context::Level;
use sdk::node::BoxFuture;
use sdk::{Mode, NodeError};

use super::{Log, Outcome, Runner, Start};
use crate::children::{called_node, check_depth, result};
use crate::decide::Execution;
use crate::event::{Attempt, Event, StartChild};
use crate::journal::Recorded;
use crate::plan::Plan;
use crate::session::{Called, Gone, Keep, News, Next, Urgency};

/// Keeps what happens in memory and runs children within the same process.
pub(super) struct Memory {
    runner: Runner,
    start: Start,
    depth: u32,
    heard_cancel: bool,
    told_cancel: bool,
    pub(super) logs: Vec<Log>,
    pub(super) journal: Vec<Recorded>,
    pub(super) static_data: Option<Object>,
}

impl Memory {
    pub(super) fn new(runner: Runner, start: Start, depth: u32) -> Self {
        Self {
            runner,
            start,
            depth,
            heard_cancel: false,
            told_cancel: false,
            logs: Vec::new(),
            journal: Vec::new(),
            static_data: None,
        }
    }

    /// Runs a child execution; `None` when it waits for something from outside.
    fn run_child(
        &self,
        parent: &Arc<Plan>,
        child: StartChild,
    ) -> BoxFuture<'static, Option<Result<Items, NodeError>>> {
        let (runner, parent, depth) = (self.runner.clone(), parent.clone(), self.depth);
        let start = Start {
            mode: Mode::Integrated,
            id: format!("{}-{}-{}", self.start.id, child.step.number, child.call).into(),
            items: child.items.clone(),
            seed: self.start.seed ^ ((u64::from(child.step.number) << 32) + u64::from(child.call) + 1),
            run_error_workflow: false,
            cancel: self.start.cancel.child_token(),
            node: None,
            ..self.start.clone()
        };
        Box::pin(async move {
            if let Err(error) = check_depth(&parent, depth) {
                return Some(Err(error));
            }
            let plan = match runner.workflows.resolve(&child.workflow).await {
                Ok(plan) => plan,
                Err(error) => return Some(Err(error)),
            };
            let node = called_node(&plan);
            let (execution, outcome) = runner.run_at_depth(plan, Start { node, ..start }, depth + 1).await;
            outcome_for_parent(&execution, outcome, child.items.len())
        })
    }
}

fn outcome_for_parent(
    execution: &Execution,
    outcome: Outcome,
    called_with: usize,
) -> Option<Result<Items, NodeError>> {
    match outcome.status {
        ExecutionStatus::Completed => Some(Ok(result(execution, called_with))),
        ExecutionStatus::Waiting | ExecutionStatus::Paused => None,
        _ => {
            let error = outcome.failure.map(|failure| failure.error);
            Some(Err(error.unwrap_or_else(|| NodeError::permanent("the sub-workflow was cancelled"))))
        }
    }
}

impl Keep for Memory {
    const PATIENCE: Duration = Duration::from_secs(65);

    fn record(&mut self, _: &Plan, recorded: Recorded) {
        self.journal.push(recorded);
    }

    fn log(&mut self, _: &Plan, node: usize, level: Level, text: String) {
        self.logs.push(Log { node, level, text });
    }

    fn remember(&mut self, data: &Object) {
        self.static_data = Some(data.clone());
    }

    // The answer is in the outcome.
    fn respond(&mut self, _: Value) {}

    async fn call(&mut self, plan: &Arc<Plan>, child: StartChild) -> Called {
        Called::Here(self.run_child(plan, child))
    }

    // What runs in the pool was abandoned there.
    fn stop_child(&mut self, _: Attempt, _: u32) {}

    fn urgency(&self) -> Urgency {
        Urgency::None
    }

    async fn commit(&mut self, _: &Execution, _: Duration, _: Next) -> Result<(), Gone> {
        Ok(())
    }

    fn news(&self) -> impl Future<Output = News> + Send {
        let cancel = (!self.heard_cancel).then(|| self.start.cancel.clone());
        async move {
            match cancel {
                Some(cancel) => cancel.cancelled().await,
                None => pending().await,
            }
            News::Wanted
        }
    }

    fn has_news(&self) -> bool {
        !self.heard_cancel && self.start.cancel.is_cancelled()
    }

    async fn fetch(&mut self) -> Result<(), Gone> {
        self.heard_cancel = true;
        Ok(())
    }

    fn next_wanted(&mut self, _: &Execution) -> Option<Event> {
        let wanted = self.heard_cancel && !std::mem::replace(&mut self.told_cancel, true);
        wanted.then_some(Event::CancelAsked)
    }
}
