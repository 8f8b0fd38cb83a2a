//! What has run so far in an execution, and the graph it ran in: what expressions look back into.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use model::{Items, Text, Value};
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::context::NodeInfo;
use crate::error::NodeError;

/// The graph of a workflow version as expressions see it; built once per version.
#[derive(Debug, Default)]
pub struct Graph {
    /// The workflow's id.
    pub id: Text,
    /// The workflow's name.
    pub name: Text,
    /// Whether its triggers are on.
    pub active: bool,
    nodes: Vec<Arc<NodeInfo>>,
    by_name: HashMap<Text, usize>,
    parents: Vec<Vec<Parent>>,
}

/// An edge that arrives at a node, seen from there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parent {
    /// The node the edge leaves.
    pub node: usize,
    /// The output port it leaves from.
    pub output: usize,
    /// The input port it arrives at.
    pub input: usize,
}

impl Graph {
    /// A graph of these nodes; `parents[i]` are the edges that arrive at node `i`.
    pub fn new(
        id: Text,
        name: Text,
        active: bool,
        nodes: Vec<Arc<NodeInfo>>,
        parents: Vec<Vec<Parent>>,
    ) -> Self {
        let by_name = nodes.iter().enumerate().map(|(index, node)| (node.name.clone(), index)).collect();
        Self { id, name, active, nodes, by_name, parents }
    }

    /// The nodes, by index.
    pub fn nodes(&self) -> &[Arc<NodeInfo>] {
        &self.nodes
    }

    /// The index of the node called `name`.
    pub fn find(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    /// The edges that arrive at `node`.
    pub fn parents(&self, node: usize) -> &[Parent] {
        self.parents.get(node).map_or(&[], Vec::as_slice)
    }

    /// The output port of `ancestor` from which data flows to `node`, nearest first; `None` when there is no way.
    pub fn output_towards(&self, node: usize, ancestor: usize) -> Option<usize> {
        let mut seen = vec![false; self.nodes.len()];
        let mut queue = VecDeque::from([node]);
        while let Some(current) = queue.pop_front() {
            for parent in self.parents(current) {
                if parent.node == ancestor {
                    return Some(parent.output);
                }
                if !std::mem::replace(&mut seen[parent.node], true) {
                    queue.push_back(parent.node);
                }
            }
        }
        None
    }
}

/// Where the items of one input came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Source {
    /// Index of the node.
    pub node: usize,
    /// Its output port.
    #[serde(default)]
    pub output: usize,
    /// Its run.
    #[serde(default)]
    pub run: usize,
}

/// Where the items of each input came from.
pub type Sources = SmallVec<[Option<Source>; 1]>;

/// One completed or failed run of a node.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Run {
    /// Where its inputs came from.
    pub sources: Sources,
    /// What it gave, per output port.
    pub outputs: Vec<Items>,
    /// Why it failed, when it failed; outputs may still be there when the execution went on.
    pub error: Option<NodeError>,
    /// What it wanted to remember.
    pub state: Option<Value>,
}

impl Run {
    /// The items of output `port`.
    pub fn output(&self, port: usize) -> &[model::Item] {
        self.outputs.get(port).map_or(&[], |items| items.as_slice())
    }
}

/// Everything that has run so far. Clones share the runs of every node, until one of them adds a run.
#[derive(Clone, Debug)]
pub struct History {
    graph: Arc<Graph>,
    runs: Vec<Arc<Vec<Run>>>,
}

impl History {
    /// Nothing has run yet.
    pub fn new(graph: Arc<Graph>) -> Self {
        let runs = vec![Arc::default(); graph.nodes().len()];
        Self { graph, runs }
    }

    /// The graph.
    pub fn graph(&self) -> &Arc<Graph> {
        &self.graph
    }

    /// Every run of `node`, oldest first.
    pub fn runs(&self, node: usize) -> &[Run] {
        self.runs.get(node).map_or(&[], |runs| runs.as_slice())
    }

    /// Adds a run of `node`.
    pub fn push(&mut self, node: usize, run: Run) {
        Arc::make_mut(&mut self.runs[node]).push(run);
    }

    /// The items that a source names.
    pub fn items(&self, source: Source) -> Items {
        self.runs(source.node)
            .get(source.run)
            .and_then(|run| run.outputs.get(source.output))
            .cloned()
            .unwrap_or_default()
    }
}
