//! Timers, waits and child executions: steps that have begun and have nothing to do for now.

use std::sync::Arc;

use model::{Item, Items, Lineage, OnError, Origin};
use sdk::error::ErrorKind;
use sdk::output::Resume;
use sdk::{Children, Emission, NodeError, Wait};

use super::{Execution, Phase};
use crate::event::{Attempt, Command, StartChild, StepId, Timer};
use crate::plan::PlanNode;
use crate::step::move_failed_items;

/// Answers that are kept for waits to come.
const MAX_EARLY: usize = 16;

impl Execution {
    pub(super) fn step_waiting(
        &mut self,
        attempt: Attempt,
        wait: &Wait,
        commands: &mut Vec<Command>,
    ) -> bool {
        let Some(index) = self.reporting(attempt) else { return false };
        if self.ending.is_some() {
            self.open.remove(index);
            return true;
        }
        if wait.resume != Resume::Never
            && let Some(items) = self.early.pop_front()
        {
            self.end_wait(index, items, commands);
            return true;
        }
        let open = &mut self.open[index];
        open.phase = Phase::Waiting(wait.clone());
        open_wait(open.step, wait, commands);
        true
    }

    pub(super) fn timer_fired(&mut self, timer: Timer, commands: &mut Vec<Command>) -> bool {
        match timer {
            Timer::Retry(attempt) => self.retry_is_due(attempt),
            Timer::Wait(step) => {
                let Some(index) = self.open_index(step) else { return false };
                let Phase::Waiting(Wait { until_ms: Some(_), emit, .. }) = &mut self.open[index].phase else {
                    return false;
                };
                let items = std::mem::take(emit);
                self.end_wait(index, items, commands);
                true
            }
        }
    }

    fn retry_is_due(&mut self, attempt: Attempt) -> bool {
        let Some(index) = self.open_index(attempt.step) else { return false };
        let open = &mut self.open[index];
        if !matches!(open.phase, Phase::Pausing { .. }) || open.attempt != attempt.number {
            return false;
        }
        open.attempt += 1;
        open.phase = Phase::Due;
        true
    }

    /// Begins the attempts whose pause is over.
    pub(super) fn begin_due(&mut self, commands: &mut Vec<Command>) {
        for open in &mut self.open {
            if matches!(open.phase, Phase::Due) {
                open.phase = Phase::Running { effect: false };
                commands.push(Command::RunStep(super::steps::run_step(open)));
            }
        }
    }

    /// Somebody answered what a step waited for, or said what became of a step whose effect was lost from sight.
    pub(super) fn wait_resolved(
        &mut self,
        step: StepId,
        items: &[Items],
        commands: &mut Vec<Command>,
    ) -> bool {
        let Some(index) = self.open_index(step) else { return false };
        match &self.open[index].phase {
            Phase::Waiting(wait) if wait.resume != Resume::Never => {}
            Phase::Lost => {}
            _ => return false,
        }
        self.end_wait(index, items.to_vec(), commands);
        true
    }

    /// An answer came first. It is kept for the wait that comes next.
    pub(super) fn resumed_early(&mut self, items: &[Items]) -> bool {
        let room = self.ending.is_none() && self.early.len() < MAX_EARLY;
        if room {
            self.early.push_back(items.to_vec());
        }
        room
    }

    fn end_wait(&mut self, index: usize, ports: Vec<Items>, commands: &mut Vec<Command>) {
        let open = self.open.remove(index);
        self.complete(open, Emission { ports, ..Emission::default() }, None, commands);
    }

    pub(super) fn step_calling(
        &mut self,
        attempt: Attempt,
        children: &Children,
        commands: &mut Vec<Command>,
    ) -> bool {
        let Some(index) = self.reporting(attempt) else { return false };
        if self.ending.is_some() {
            self.open.remove(index);
            return true;
        }
        if children.wait && !children.calls.is_empty() {
            commands.push(start_child(attempt, children, 0));
            let children = Arc::new(children.clone());
            self.open[index].phase = Phase::Calling { children, results: Vec::new() };
            return true;
        }
        commands.extend((0..children.calls.len()).map(|call| start_child(attempt, children, call)));
        let open = self.open.remove(index);
        let items = if children.wait { Items::default() } else { children.pass.clone() };
        self.complete(open, Emission { ports: vec![items], ..Emission::default() }, None, commands);
        true
    }

    pub(super) fn child_finished(
        &mut self,
        step: StepId,
        call: u32,
        result: &Result<Items, NodeError>,
        now_ms: f64,
        commands: &mut Vec<Command>,
    ) -> bool {
        let Some(index) = self.open_index(step) else { return false };
        let attempt = self.open[index].attempt;
        let Phase::Calling { children, results } = &mut self.open[index].phase else { return false };
        if call as usize != results.len() {
            return false;
        }
        let node = self.plan.node(step.node());
        let called = &children.calls[call as usize];
        let items = match result {
            Ok(items) => through_call(items, called),
            Err(error) if stands_for_items(error, node, attempt) => {
                Arc::new(vec![failed_call(error, called)])
            }
            Err(error) => {
                self.failed(index, error, now_ms, commands);
                return true;
            }
        };
        results.push(items);
        if results.len() < children.calls.len() {
            commands.push(start_child(Attempt { step, number: attempt }, children, results.len()));
            return true;
        }
        let mut ports = vec![joined(std::mem::take(results))];
        if let Some(port) = node.error_port.filter(|_| node.info.on_error == OnError::ErrorOutput) {
            move_failed_items(port, &self.open[index].entry.inputs, &mut ports);
        }
        self.end_wait(index, ports, commands);
        true
    }
}

pub(super) fn open_wait(step: StepId, wait: &Wait, commands: &mut Vec<Command>) {
    if let Some(until_ms) = wait.until_ms {
        commands.push(Command::StartTimer(Timer::Wait(step), until_ms));
    }
    if wait.resume != Resume::Never {
        commands.push(Command::OpenWait(step, wait.clone()));
    }
}

pub(super) fn start_child(attempt: Attempt, children: &Children, call: usize) -> Command {
    let items = children.calls[call].clone();
    let workflow = children.workflow.clone();
    let Attempt { step, number: attempt } = attempt;
    Command::StartChild(StartChild { step, attempt, call: call as u32, workflow, items, wait: children.wait })
}

/// Whether an item with the error takes the place of what a failed child would have given. A step that is tried again
/// fails instead.
fn stands_for_items(error: &NodeError, node: &PlanNode, attempt: u32) -> bool {
    let is_last = attempt >= node.max_attempts();
    node.info.on_error != OnError::Stop && is_last && error.kind != ErrorKind::Cancelled
}

/// The item that stands for a failed child; it stems from all items of the call.
fn failed_call(error: &NodeError, call: &Items) -> Item {
    let json = [("error", error.message.clone())].into_iter().collect();
    let origins = call.iter().flat_map(|item| item.lineage.origins().iter().cloned());
    Item { lineage: Lineage::many(origins), ..Item::new(json) }
}

/// The items of a child, whose lineage names items of the call, with the lineage that those had in the calling step.
fn through_call(items: &Items, call: &Items) -> Items {
    let origins = |origin: &Origin| {
        let called: &[Origin] = call.get(origin.item as usize).map_or(&[], |item| item.lineage.origins());
        called.to_vec()
    };
    let moved = |item: &Item| Item {
        lineage: Lineage::many(item.lineage.origins().iter().flat_map(origins)),
        json: item.json.clone(),
        binary: item.binary.clone(),
    };
    Arc::new(items.iter().map(moved).collect())
}

fn joined(mut results: Vec<Items>) -> Items {
    match results.len() {
        1 => results.remove(0),
        _ => Arc::new(results.iter().flat_map(|items| items.iter().cloned()).collect()),
    }
}
