//! Beginning and completing steps.

use std::sync::Arc;

use model::{Item, Items, Lineage, Order, Origin};
use sdk::history::{Run, Source};
use sdk::{Emission, Inputs, NodeError};
use smallvec::smallvec;

use super::weight::weigh;
use super::{Entry, Execution, Open, Phase};
use crate::event::{Attempt, Command, Failure, RunStep, StepId};

impl Execution {
    pub(super) fn trigger(&mut self, node: usize, items: Items) -> bool {
        if self.seq > 0 {
            return false;
        }
        self.ready.push_back(Entry { node, inputs: Inputs::single(items), sources: smallvec![None] });
        true
    }

    /// Begins whatever can begin, releases what waits in vain, and finishes when nothing is left.
    pub(super) fn proceed(&mut self, commands: &mut Vec<Command>) {
        if self.ending.is_none() && !self.paused {
            self.begin_due(commands);
            self.begin_ready(commands);
        }
        self.finish_if_done(commands);
    }

    fn begin_ready(&mut self, commands: &mut Vec<Command>) {
        loop {
            while self.has_room() {
                let Some(entry) = self.next_ready() else { break };
                if self.begun == self.limits.steps {
                    let limit = self.limits.steps;
                    let message =
                        format!("the execution was stopped after {limit} steps: is there an endless loop?");
                    return self.fail(Some(entry.node), NodeError::permanent(message), commands);
                }
                self.begin(entry, commands);
            }
            if !(self.open.is_empty() && self.ready.is_empty() && self.release_waiting()) {
                return;
            }
        }
    }

    fn has_room(&self) -> bool {
        if self.is_sequential() {
            return self.open.is_empty();
        }
        // What only waits takes no room, or a handful of long waits would stop everything else.
        let busy = |open: &&Open| matches!(open.phase, Phase::Running { .. });
        self.open.iter().filter(busy).count() < self.plan.max_parallel
    }

    /// The next entry whose node is free: runs of one node never overlap, so that they are numbered in order.
    fn next_ready(&mut self) -> Option<Entry> {
        if self.open.is_empty() {
            return self.ready.pop_front();
        }
        let busy = |node| self.open.iter().any(|open| open.entry.node == node);
        let index = self.ready.iter().position(|entry| !busy(entry.node))?;
        self.ready.remove(index)
    }

    fn begin(&mut self, entry: Entry, commands: &mut Vec<Command>) {
        let run = self.history.runs(entry.node).len() as u32;
        let step = StepId { number: self.begun, node: entry.node as u32, run };
        self.begun += 1;
        let open = Open { step, attempt: 1, entry, phase: Phase::Running { effect: false } };
        commands.push(Command::RunStep(run_step(&open)));
        self.open.push(open);
    }

    pub(super) fn step_started(&mut self, attempt: Attempt) -> bool {
        let Some(index) = self.reporting(attempt) else { return false };
        match &mut self.open[index].phase {
            Phase::Running { effect } => !std::mem::replace(effect, true),
            _ => false,
        }
    }

    pub(super) fn step_succeeded(
        &mut self,
        attempt: Attempt,
        emission: &Emission,
        commands: &mut Vec<Command>,
    ) -> bool {
        let Some(index) = self.reporting(attempt) else { return false };
        let open = self.open.remove(index);
        self.complete(open, emission.clone(), None, commands);
        true
    }

    pub(super) fn step_silent(&mut self, attempt: Attempt) -> bool {
        let Some(index) = self.reporting(attempt) else { return false };
        self.open.remove(index);
        self.last_failure = None;
        // In n8n what waits is only released after a step that left a run.
        if self.is_sequential() && self.ready.is_empty() {
            self.joins.clear();
        }
        true
    }

    /// Records a run and follows the edges that leave the node. `error` is set when the step failed and the execution
    /// goes on.
    pub(super) fn complete(
        &mut self,
        open: Open,
        emission: Emission,
        error: Option<NodeError>,
        commands: &mut Vec<Command>,
    ) {
        let node = open.entry.node;
        let run = self.history.runs(node).len();
        if let Some(response) = emission.response.filter(|_| self.response.is_none()) {
            self.response = Some(response.clone());
            commands.push(Command::Respond(response));
        }
        let mut outputs = emission.ports;
        self.add_matching_ports(node, &mut outputs);
        self.bytes += outputs.iter().map(|items| weigh(items)).sum::<usize>();
        self.last_failure = error.clone().map(|error| Failure { node: Some(node), error });
        self.record(node, Run { sources: open.entry.sources, outputs, error, state: emission.state });
        if self.ending.is_some() {
            return;
        }
        if self.bytes > self.limits.bytes {
            let limit = self.limits.bytes >> 20;
            let message = format!("the execution was stopped because its items take more than {limit} MiB");
            return self.fail(Some(node), NodeError::permanent(message), commands);
        }
        self.follow(node, run);
    }

    pub(super) fn record(&mut self, node: usize, run: Run) {
        self.finished.push((node as u32, self.history.runs(node).len() as u32));
        // In place, unless a step that still runs looks at it.
        Arc::make_mut(&mut self.history).push(node, run);
    }

    /// An entry for items that arrive at a node with one input.
    pub(super) fn direct(node: usize, items: Items, source: Source) -> Entry {
        Entry { node, inputs: Inputs::single(items), sources: smallvec![Some(source)] }
    }

    /// The input whose items expressions see: the first that has any, or just the first in the old order.
    pub(super) fn main_input(&self, ports: &[Option<Items>]) -> usize {
        if self.plan.order == Order::SequentialV0 {
            return 0;
        }
        ports.iter().position(|items| items.as_ref().is_some_and(|items| !items.is_empty())).unwrap_or(0)
    }
}

pub(super) fn run_step(open: &Open) -> RunStep {
    RunStep {
        attempt: open.attempt(),
        inputs: open.entry.inputs.clone(),
        sources: open.entry.sources.clone(),
    }
}

/// The same items, each stemming from its own place on input `port`.
pub(crate) fn in_place(items: &Items, port: usize) -> Items {
    let own = |(index, item): (usize, &Item)| item.lineage.origins() == [Origin::of(port, index)];
    if items.iter().enumerate().all(own) {
        return items.clone();
    }
    let moved = |(index, item): (usize, &Item)| Item {
        json: item.json.clone(),
        binary: item.binary.clone(),
        lineage: Lineage::one(Origin::of(port, index)),
    };
    Arc::new(items.iter().enumerate().map(moved).collect())
}

/// One item without data.
pub(super) fn one_empty_item() -> Items {
    Arc::new(vec![Item::default()])
}
