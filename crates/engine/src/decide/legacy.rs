//! The old breadth-first order (n8n's v0): a node with several inputs makes the nodes in front of it run, if need be on
//! an item without data.

use sdk::Inputs;
use sdk::history::Source;
use smallvec::smallvec;

use super::steps::one_empty_item;
use super::{Entry, Execution};

impl Execution {
    /// `target` has just begun to wait, with what came from `source` as its first input: makes whatever feeds its
    /// other inputs run, unless that will run anyway.
    pub(super) fn force_parents(&mut self, source: Source, target: usize, sent_nothing: bool) {
        let plan = self.plan.clone();
        let siblings: Vec<usize> = plan.node(source.node).targets.iter().map(|target| target.node).collect();
        for parent in self.parents_by_input(target) {
            if parent == source.node || self.is_ready(parent) || self.has_run(parent) {
                continue;
            }
            // A sibling runs anyway if it is sent anything; a parent that sent nothing makes nobody run.
            if siblings.contains(&parent) && (sent_nothing || !self.is_sent_nothing(parent, source.run)) {
                continue;
            }
            let Some(node) = self.first_to_run(parent, &siblings) else { continue };
            if self.is_sent_nothing(node, source.run) {
                let source = Source { output: 0, run: 0, ..source };
                let inputs = Inputs::single(one_empty_item());
                self.enqueue(Entry { node, inputs, sources: smallvec![Some(source)] });
            }
        }
    }

    /// The node that must run first for `parent` to run: the last in its line of ancestors that neither has run nor
    /// will run anyway.
    fn first_to_run(&self, parent: usize, siblings: &[usize]) -> Option<usize> {
        let mut first = parent;
        let mut seen = vec![false; self.plan.nodes().len()];
        let mut stack = vec![parent];
        while let Some(node) = stack.pop() {
            if std::mem::replace(&mut seen[node], true) {
                continue;
            }
            if (node != parent && siblings.contains(&node)) || self.is_ready(node) {
                return None;
            }
            if self.has_run(node) {
                break;
            }
            first = node;
            stack.extend(self.parents_by_input(node).into_iter().rev());
        }
        Some(first)
    }

    /// The nodes whose data arrives at `node`, those of its first input first.
    fn parents_by_input(&self, node: usize) -> Vec<usize> {
        let mut parents = self.plan.graph().parents(node).to_vec();
        parents.sort_by_key(|parent| parent.input);
        parents.into_iter().map(|parent| parent.node).collect()
    }

    /// Whether nothing arrived at the first input of `node` in this run of its parents.
    fn is_sent_nothing(&self, node: usize, run: usize) -> bool {
        let parents = self.plan.graph().parents(node).iter().filter(|parent| parent.input == 0);
        parents
            .map(|parent| Source { node: parent.node, output: parent.output, run })
            .all(|source| self.history.items(source).is_empty())
    }

    fn is_ready(&self, node: usize) -> bool {
        self.ready.iter().any(|entry| entry.node == node)
    }

    fn has_run(&self, node: usize) -> bool {
        !self.history.runs(node).is_empty()
    }
}
