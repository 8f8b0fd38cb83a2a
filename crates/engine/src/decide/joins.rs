//! Nodes with several inputs: what waits for more of them, and what is released when no more will come.

use std::collections::VecDeque;

use model::Items;
use sdk::history::Sources;
use sdk::{Inputs, Required};
use smallvec::{SmallVec, smallvec};

use super::{Arrival, Entry, Execution};
use crate::plan::Plan;

/// What has arrived at the inputs of a step to come.
pub(super) type Slots = SmallVec<[Option<Arrival>; 2]>;

/// What waits for more inputs: by node, in the order in which the nodes began to wait; for each node the oldest first.
#[derive(Clone, Debug, Default)]
pub(super) struct Joins {
    nodes: Vec<(usize, VecDeque<Slots>)>,
}

impl Joins {
    /// Takes in what arrives at a slot of a node: the oldest entry that still lacks it gets it. Gives that entry when
    /// it lacks nothing more, or whether the node just began to wait.
    pub(super) fn arrive(&mut self, plan: &Plan, node: usize, slot: usize, arrival: Arrival) -> Arrived {
        let place = self.nodes.iter().position(|(other, _)| *other == node);
        let place = place.unwrap_or_else(|| {
            self.nodes.push((node, VecDeque::new()));
            self.nodes.len() - 1
        });
        let waiting = &mut self.nodes[place].1;
        let began = waiting.is_empty();
        let index = waiting.iter().position(|slots| slots[slot].is_none()).unwrap_or_else(|| {
            let plan = plan.node(node);
            waiting.push_back(smallvec![None; plan.data_slots + plan.control_slots]);
            waiting.len() - 1
        });
        waiting[index][slot] = Some(arrival);
        if waiting[index].iter().any(Option::is_none) {
            return if began { Arrived::First } else { Arrived::More };
        }
        let full = waiting.remove(index).expect("the entry was just found");
        if waiting.is_empty() {
            self.nodes.remove(place);
        }
        Arrived::Full(full)
    }

    pub(super) fn clear(&mut self) {
        self.nodes.clear();
    }

    fn take_oldest(&mut self, place: usize) -> Slots {
        let (_, waiting) = &mut self.nodes[place];
        let oldest = waiting.pop_front().expect("a node is listed while entries of it wait");
        if waiting.is_empty() {
            self.nodes.remove(place);
        }
        oldest
    }
}

/// What an arrival led to.
pub(super) enum Arrived {
    /// The node began to wait.
    First,
    /// The node waited and goes on waiting.
    More,
    /// An entry has all its inputs.
    Full(Slots),
}

impl Execution {
    /// When nothing else can run, lets a node run with the inputs that it has: the first that waits for no other
    /// waiting node, has what it requires and has any items. Entries without items are dropped on the way.
    pub(super) fn release_waiting(&mut self) -> bool {
        let plan = self.plan.clone();
        let mut place = 0;
        while place < self.joins.nodes.len() {
            let (node, waiting) = &self.joins.nodes[place];
            let node = *node;
            let behind_another = self.joins.nodes.iter().any(|(other, _)| plan.is_ancestor(*other, node));
            if behind_another || !self.has_required(node, &waiting[0]) {
                place += 1;
                continue;
            }
            let oldest = self.joins.take_oldest(place);
            let data = &oldest[..plan.node(node).data_slots];
            let controlled = data.is_empty() && oldest.iter().any(Option::is_some);
            if controlled || data.iter().flatten().any(|arrival| !arrival.items.is_empty()) {
                let entry = self.join_entry(node, oldest, true);
                self.ready.push_back(entry);
                return true;
            }
            place = 0;
        }
        false
    }

    fn has_required(&self, node: usize, slots: &[Option<Arrival>]) -> bool {
        let node = self.plan.node(node);
        let arrived = slots[..node.data_slots].iter().flatten().count();
        match node.required {
            _ if self.plan.order == model::Order::SequentialV0 => true,
            Required::None => true,
            Required::AtLeast(count) if count >= node.inputs => false,
            Required::AtLeast(count) => arrived >= count,
            Required::All => false,
        }
    }

    /// The entry for a node with these slots. When it is released, what is missing counts as empty.
    pub(super) fn join_entry(&self, node: usize, slots: Slots, released: bool) -> Entry {
        let plan_node = self.plan.node(node);
        if plan_node.data_slots == 0 {
            return Self::ordered_only(node);
        }
        let mut ports: SmallVec<[Option<Items>; 2]> = SmallVec::new();
        let mut sources = Sources::new();
        for slot in slots.into_iter().take(plan_node.data_slots) {
            sources.push(slot.as_ref().map(|arrival| arrival.source));
            ports.push(slot.map(|arrival| arrival.items).or_else(|| released.then(Items::default)));
        }
        while released && ports.len() < plan_node.inputs {
            ports.push(Some(Items::default()));
        }
        let main = self.main_input(&ports);
        Entry { node, inputs: Inputs::new(ports, main), sources }
    }
}
