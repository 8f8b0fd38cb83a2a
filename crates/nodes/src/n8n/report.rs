//! What an import did: per workflow, and for many.

use std::collections::BTreeMap;

use model::validate::Problem;
use serde::Serialize;

/// What the import of one workflow did.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    /// Its name.
    pub name: String,
    /// What became of each node.
    pub nodes: Vec<NodeReport>,
    /// Inbound addresses that change with the move.
    pub webhooks: Vec<OldWebhook>,
    /// Credentials to connect, by type and name.
    pub credentials: Vec<MissingCredential>,
    /// What was dropped or mended on the way.
    pub warnings: Vec<Problem>,
}

/// What became of a node.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NodeReport {
    /// Its name.
    pub node: String,
    /// Its n8n type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its `typeVersion`.
    pub version: f64,
    /// What it became.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// What a node became.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// A native node that does the same.
    Native,
    /// A native node that differs in some ways.
    Changed {
        /// The differences.
        reasons: Vec<String>,
    },
    /// A note: shown, never run.
    Note,
    /// A placeholder that keeps its JSON and fails when it is reached.
    Unsupported {
        /// Why.
        reason: String,
        /// Whether there is no such node type here at all.
        missing_type: bool,
    },
}

/// An inbound address that changes with the move.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OldWebhook {
    /// The node that is called.
    pub node: String,
    /// Its path in n8n, below `/webhook/`.
    pub old_path: String,
}

/// A credential to connect after the import.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct MissingCredential {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its name in n8n.
    pub name: String,
}

/// Totals over many workflows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// How many workflows there were.
    pub workflows: usize,
    /// How many of them loaded.
    pub loaded: usize,
    /// How many nodes they have, notes included.
    pub nodes: usize,
    /// How many of the nodes are notes.
    pub notes: usize,
    /// How many of the nodes run here.
    pub executable_nodes: usize,
    /// How many workflows consist of such nodes and notes only.
    pub fully_executable_workflows: usize,
    /// Node types that do not exist here, with the number of their nodes; most frequent first.
    #[serde(serialize_with = "by_frequency")]
    pub missing_types: BTreeMap<String, usize>,
}

impl Report {
    /// How many nodes there are for which `is` holds.
    pub fn count(&self, is: impl Fn(&Outcome) -> bool) -> usize {
        self.nodes.iter().filter(|node| is(&node.outcome)).count()
    }

    /// How many nodes run here.
    pub fn executable_nodes(&self) -> usize {
        self.count(|outcome| matches!(outcome, Outcome::Native | Outcome::Changed { .. }))
    }

    /// Whether every node but the notes runs here.
    pub fn is_fully_executable(&self) -> bool {
        self.count(|outcome| matches!(outcome, Outcome::Unsupported { .. })) == 0
    }

    /// The types of nodes that do not exist here, once per node.
    pub fn missing_types(&self) -> impl Iterator<Item = &str> {
        let missing =
            |node: &&NodeReport| matches!(node.outcome, Outcome::Unsupported { missing_type: true, .. });
        self.nodes.iter().filter(missing).map(|node| node.kind.as_str())
    }
}

impl Totals {
    /// Counts a workflow that did not load.
    pub fn add_failed(&mut self) {
        self.workflows += 1;
    }

    /// Counts a workflow that loaded.
    pub fn add(&mut self, report: &Report) {
        self.workflows += 1;
        self.loaded += 1;
        self.nodes += report.nodes.len();
        self.notes += report.count(|outcome| *outcome == Outcome::Note);
        self.executable_nodes += report.executable_nodes();
        self.fully_executable_workflows += usize::from(report.is_fully_executable());
        for kind in report.missing_types() {
            *self.missing_types.entry(kind.to_owned()).or_default() += 1;
        }
    }

    /// Missing node types, most frequent first.
    pub fn missing_by_frequency(&self) -> Vec<(&str, usize)> {
        let mut types: Vec<_> =
            self.missing_types.iter().map(|(kind, count)| (kind.as_str(), *count)).collect();
        types.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        types
    }
}

fn by_frequency<S: serde::Serializer>(
    types: &BTreeMap<String, usize>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut types: Vec<_> = types.iter().collect();
    types.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    serializer.collect_map(types)
}
