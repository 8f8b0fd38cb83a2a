//! Executions that an execution starts: sub-workflows and error workflows.

use std::sync::Arc;

use model::{ExecutionStatus, Item, Items, Lineage, Origin, json};
use sdk::context::Level;
use sdk::history::Source;
use sdk::node::BoxFuture;
use sdk::output::WorkflowSource;
use sdk::{History, Mode, NodeError, StartsOn};

use super::{Log, MAX_DEPTH, Outcome, Runner, Start};
use crate::event::StartChild;
use crate::plan::Plan;

impl Runner {
    /// Runs a child execution; `None` when it waits for something from outside.
    pub(super) fn run_child(
        &self,
        parent: &Arc<Plan>,
        start: &Start,
        child: StartChild,
        depth: usize,
    ) -> BoxFuture<'static, Option<Result<Items, NodeError>>> {
        let runner = self.clone();
        let parent = parent.clone();
        let start = Start {
            mode: Mode::Integrated,
            id: format!("{}-{}-{}", start.id, child.step.number, child.call).into(),
            items: child.items.clone(),
            seed: start.seed ^ ((u64::from(child.step.number) << 32) + u64::from(child.call) + 1),
            run_error_workflow: false,
            cancel: start.cancel.child_token(),
            node: None,
            ..start.clone()
        };
        Box::pin(async move {
            if depth + 1 > MAX_DEPTH {
                let name = &parent.graph().name;
                let message = format!("workflow \"{name}\" runs others more than {MAX_DEPTH} levels deep");
                return Some(Err(NodeError::permanent(message)));
            }
            let plan = match runner.workflows.resolve(&child.workflow).await {
                Ok(plan) => plan,
                Err(error) => return Some(Err(error)),
            };
            let node = plan.start_on(StartsOn::Workflow).or_else(|| plan.default_start());
            let outcome = runner.run_at_depth(plan, Start { node, ..start }, depth + 1).await;
            match outcome.status {
                ExecutionStatus::Completed => Some(Ok(result(&outcome, child.items.len()))),
                ExecutionStatus::Waiting | ExecutionStatus::Paused => None,
                _ => {
                    let error = outcome.failure.map(|failure| failure.error);
                    Some(Err(error.unwrap_or_else(|| NodeError::permanent("the sub-workflow was cancelled"))))
                }
            }
        })
    }

    /// Runs the workflow that a failed execution names for this, or an error trigger of its own. One that was named but
    /// cannot run is said in the log of the execution.
    pub(super) async fn run_error_workflow(&self, plan: &Arc<Plan>, start: &Start, outcome: &mut Outcome) {
        if start.mode == Mode::Error {
            return;
        }
        match self.error_plan(plan).await {
            Ok(Some((error_plan, node))) => {
                let start = Start {
                    node: Some(node),
                    items: Arc::new(vec![failure_item(plan, start, outcome)]),
                    mode: Mode::Error,
                    id: format!("{}-error", start.id).into(),
                    run_error_workflow: false,
                    ..start.clone()
                };
                outcome.error_execution = Some(Box::new(self.run_at_depth(error_plan, start, 1).await));
            }
            Ok(None) => {}
            Err(text) => {
                let node = outcome.failure.as_ref().and_then(|failure| failure.node).unwrap_or_default();
                outcome.logs.push(Log { node, level: Level::Error, text });
            }
        }
    }

    /// The workflow to run when an execution of `plan` has failed, and where it starts.
    async fn error_plan(&self, plan: &Arc<Plan>) -> Result<Option<(Arc<Plan>, usize)>, String> {
        let Some(id) = &plan.error_workflow else {
            return Ok(plan.start_on(StartsOn::Failure).map(|node| (plan.clone(), node)));
        };
        let source = WorkflowSource::Reference { id: id.clone() };
        let found = self.workflows.resolve(&source).await;
        let found = found.map_err(|error| format!("the error workflow \"{id}\" did not run: {error}"))?;
        let node = found.start_on(StartsOn::Failure);
        let node = node.ok_or_else(|| {
            format!("the error workflow \"{id}\" did not run: it has no error trigger; add one")
        })?;
        Ok(Some((found, node)))
    }
}

/// What an error trigger is told.
fn failure_item(plan: &Plan, start: &Start, outcome: &Outcome) -> Item {
    let failure = outcome.failure.as_ref();
    let message = failure.map(|failure| failure.error.message.as_str()).unwrap_or_default();
    let node = failure.and_then(|failure| failure.node);
    let last = node.map(|node| plan.node(node).info.name.clone());
    let graph = plan.graph();
    let told = json!({
        "execution": {
            "id": start.id.clone(),
            "url": format!("{}workflow/{}/executions/{}", start.address, graph.id, start.id),
            "error": { "message": message, "stack": message },
            "lastNodeExecuted": last.unwrap_or_default(),
            "mode": start.mode.as_n8n(),
        },
        "workflow": { "id": graph.id.clone(), "name": graph.name.clone() },
    });
    Item::new(told.as_object().expect("it is an object").clone())
}

/// What a completed child gives: the items of the node that ran last, traced back to the items it was called with.
fn result(outcome: &Outcome, called_with: usize) -> Items {
    let (Some(&(first, _)), Some(&(node, run))) = (outcome.order.first(), outcome.order.last()) else {
        return Items::default();
    };
    let items = outcome.history.items(Source { node, output: 0, run });
    let one_for_one = items.len() == called_with;
    let traced = items.iter().enumerate().map(|(index, item)| {
        let source = Source { node, output: 0, run };
        let lineage = match origin(&outcome.history, source, index, first) {
            Some(origin) => Lineage::one(origin),
            None if one_for_one => Lineage::one(Origin::item(index)),
            None => Lineage::many((0..called_with).map(Origin::item)),
        };
        Item { json: item.json.clone(), binary: item.binary.clone(), lineage }
    });
    Arc::new(traced.collect())
}

/// The item of the call that an item stems from, when there is exactly one way back to the first node.
fn origin(history: &History, mut source: Source, mut index: usize, first: usize) -> Option<Origin> {
    // A way back visits no run twice.
    let longest: usize = (0..history.graph().nodes().len()).map(|node| history.runs(node).len()).sum();
    for _ in 0..=longest {
        let runs = history.runs(source.node);
        let run = runs.get(source.run)?;
        let [origin] = run.output(source.output).get(index)?.lineage.origins() else { return None };
        if source.node == first {
            return Some(Origin::item(origin.item as usize));
        }
        let arrived = origin.run.map_or(Some(run), |earlier| runs.get(earlier as usize))?;
        source = arrived.sources.get(origin.input as usize).copied().flatten()?;
        index = origin.item as usize;
    }
    None
}
