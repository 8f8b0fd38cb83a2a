//! What executions that start one another tell each other.

use std::sync::Arc;

use model::{Item, Items, Lineage, Origin, json};
use sdk::history::Source;
use sdk::output::WorkflowSource;
use sdk::{ExecutionInfo, History, NodeError, StartsOn};

use crate::decide::Execution;
use crate::plan::Plan;

/// Sub-workflows within sub-workflows.
pub(crate) const MAX_DEPTH: u32 = 16;

/// Why a workflow at this depth may run no others, if it may not.
pub(crate) fn check_depth(plan: &Plan, depth: u32) -> Result<(), NodeError> {
    if depth < MAX_DEPTH {
        return Ok(());
    }
    let name = &plan.graph().name;
    Err(NodeError::permanent(format!("workflow \"{name}\" runs others more than {MAX_DEPTH} levels deep")))
}

/// Where an execution starts that a step of another one runs.
pub(crate) fn called_node(plan: &Plan) -> Option<usize> {
    plan.start_on(StartsOn::Workflow).or_else(|| plan.default_start())
}

/// Where a failure of an execution of `plan` is told.
pub(crate) enum ToldTo {
    /// Nowhere.
    Nobody,
    /// At a trigger for failures of the same workflow.
    Itself(usize),
    /// In another workflow.
    Other(WorkflowSource),
}

/// Where a failure of an execution of `plan` is told.
pub(crate) fn told_to(plan: &Plan) -> ToldTo {
    match &plan.error_workflow {
        Some(id) => ToldTo::Other(WorkflowSource::Reference { id: id.clone() }),
        None => plan.start_on(StartsOn::Failure).map_or(ToldTo::Nobody, ToldTo::Itself),
    }
}

/// Why the error workflow did not run.
pub(crate) fn not_told(plan: &Plan, why: impl std::fmt::Display) -> String {
    let id = plan.error_workflow.as_deref().unwrap_or_default();
    format!("the error workflow \"{id}\" did not run: {why}")
}

/// Where an error workflow starts.
pub(crate) fn failure_node(error_plan: &Plan) -> Result<usize, &'static str> {
    error_plan.start_on(StartsOn::Failure).ok_or("it has no error trigger; add one")
}

/// What an error trigger is told.
pub(crate) fn failure_item(plan: &Plan, info: &ExecutionInfo, execution: &Execution) -> Item {
    let failure = execution.failure();
    let message = failure.map(|failure| failure.error.message.as_str()).unwrap_or_default();
    let node = failure.and_then(|failure| failure.node);
    let last = node.map(|node| plan.node(node).info.name.clone());
    let graph = plan.graph();
    let told = json!({
        "execution": {
            "id": info.id.clone(),
            "url": format!("{}workflow/{}/executions/{}", info.webhook_url, graph.id, info.id),
            "error": { "message": message, "stack": message },
            "lastNodeExecuted": last.unwrap_or_default(),
            "mode": info.mode.as_n8n(),
        },
        "workflow": { "id": graph.id.clone(), "name": graph.name.clone() },
    });
    Item::new(told.as_object().expect("it is an object").clone())
}

/// What a completed child gives: the items of the node that ran last, traced back to the items it was called with.
pub(crate) fn result(execution: &Execution, called_with: usize) -> Items {
    let history = execution.history();
    let mut order = execution.finished();
    let Some((first, _)) = order.next() else { return Items::default() };
    let (node, run) = execution.finished().last().expect("there is a first one");
    let items = history.items(Source { node, output: 0, run });
    let one_for_one = items.len() == called_with;
    let traced = items.iter().enumerate().map(|(index, item)| {
        let source = Source { node, output: 0, run };
        let lineage = match origin(history, source, index, first) {
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
