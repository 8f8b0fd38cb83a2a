//! Following the edges that leave a node.

use std::sync::Arc;

use model::{Items, Order};
use sdk::Inputs;
use sdk::history::Source;
use smallvec::smallvec;

use super::condition::matches;
use super::joins::Arrived;
use super::{Arrival, Entry, Execution};
use crate::plan::{Carries, Plan};

impl Execution {
    /// Adds the ports of conditional edges: the items of their port that meet the condition.
    pub(super) fn add_matching_ports(&self, node: usize, outputs: &mut Vec<Items>) {
        let node = self.plan.node(node);
        for target in &node.targets {
            let Carries::Matching { condition, from } = &target.carries else { continue };
            let items = outputs.get(*from).cloned().unwrap_or_default();
            let kept = items.iter().filter(|item| matches(condition, &item.json)).cloned().collect();
            if outputs.len() <= target.output {
                outputs.resize(target.output + 1, Items::default());
            }
            outputs[target.output] = Arc::new(kept);
        }
    }

    /// Hands what a run gave to the nodes behind it.
    pub(super) fn follow(&mut self, node: usize, run: usize) {
        let plan = self.plan.clone();
        let targets = &plan.node(node).targets;
        if self.plan.order == Order::SequentialV0 {
            for position in 0..targets.len() {
                self.follow_one(&plan, node, position, run);
            }
        } else {
            for position in &plan.node(node).upwards {
                self.follow_one(&plan, node, *position, run);
            }
        }
    }

    fn follow_one(&mut self, plan: &Plan, node: usize, position: usize, run: usize) {
        let target = &plan.node(node).targets[position];
        let source = Source { node, output: target.output, run };
        let items = self.history.items(source);
        let legacy = self.plan.order == Order::SequentialV0;
        let exists = target.output < self.history.runs(node)[run].outputs.len();
        let reached = match target.carries {
            Carries::Nothing => true,
            // The old order takes an empty list for an answer at any input but the first.
            Carries::Items => !items.is_empty() || (legacy && exists && target.slot > 0),
            Carries::Matching { .. } => !items.is_empty(),
        };
        if !reached {
            return;
        }
        let arrival = Arrival { items, source };
        if plan.node(target.node).joins() {
            let empty = arrival.items.is_empty();
            match self.joins.arrive(plan, target.node, target.slot, arrival) {
                Arrived::Full(slots) => {
                    let entry = self.join_entry(target.node, slots, false);
                    self.enqueue(entry);
                }
                Arrived::First if legacy => self.force_parents(source, target.node, empty),
                Arrived::First | Arrived::More => {}
            }
        } else if plan.node(target.node).data_slots == 1 {
            self.enqueue(Self::direct(target.node, arrival.items, source));
        } else {
            self.enqueue(Self::ordered_only(target.node));
        }
    }

    /// New entries go to the front (each branch runs to its end), in the old order to the back (level by level).
    pub(super) fn enqueue(&mut self, entry: Entry) {
        if self.plan.order == Order::SequentialV0 {
            self.ready.push_back(entry);
        } else {
            self.ready.push_front(entry);
        }
    }

    /// An entry for a node that only control edges lead to: it has nothing to look at but runs.
    pub(super) fn ordered_only(node: usize) -> Entry {
        let items = super::steps::one_empty_item();
        Entry { node, inputs: Inputs::single(items), sources: smallvec![None] }
    }
}
