//! A test case, whatever format it came from.

use std::path::PathBuf;

use model::{ExecutionStatus, Item, Object, Order, Value};
use sdk::Mode;
use sdk::net::Mock;

use super::compare::Scope;
use super::expressions::ExpressionCase;

/// A test case.
pub(crate) struct Case {
    /// What it is called.
    pub(crate) id: String,
    /// What it belongs to.
    pub(crate) group: String,
    /// What it tests.
    pub(crate) subject: Subject,
}

/// What a case tests.
pub(crate) enum Subject {
    /// What an execution of a workflow does.
    Workflow(Box<WorkflowCase>),
    /// What an expression gives.
    Expression(Box<ExpressionCase>),
}

/// An execution of a workflow and what it should do.
pub(crate) struct WorkflowCase {
    /// The workflow, in our format or n8n's.
    pub(crate) workflow: Value,
    /// The folder in which names of other workflow files are looked up.
    pub(crate) folder: Option<PathBuf>,
    /// The order of an n8n workflow that names none.
    pub(crate) missing_order: Order,
    /// Whether the node types that exist only for tests may be used.
    pub(crate) test_nodes: bool,
    /// The node to start at, by name.
    pub(crate) start: Option<String>,
    /// What it is given.
    pub(crate) input: Vec<Item>,
    /// Why the execution runs.
    pub(crate) mode: Mode,
    /// Items to use instead of running a node, by node name.
    pub(crate) pins: Vec<(String, Vec<Item>)>,
    /// Nodes that are disabled for the test, by name.
    pub(crate) disabled: Vec<String>,
    /// Credentials by type; they apply to every node.
    pub(crate) credentials: Object,
    /// `$vars`.
    pub(crate) variables: Object,
    /// Answers in place of the network.
    pub(crate) mocks: Vec<Mock>,
    /// Files that nodes find in `$FILES_DIR`.
    pub(crate) files: Vec<(String, Vec<u8>)>,
    /// The time in Unix milliseconds, where it stands still.
    pub(crate) now_ms: Option<f64>,
    /// The time zone of a workflow that names none.
    pub(crate) timezone: String,
    /// How long it takes at least, in seconds.
    pub(crate) slow_seconds: f64,
    /// What should come out.
    pub(crate) expected: Expected,
    /// Nodes that ran where the expectation was recorded, so that they have to run here.
    pub(crate) must_run: Vec<String>,
}

/// What should come out of an execution.
#[derive(Clone, Debug)]
pub(crate) struct Expected {
    /// How it ends.
    pub(crate) status: ExecutionStatus,
    /// The message of its error.
    pub(crate) error: Option<String>,
    /// The node that fails.
    pub(crate) failed_node: Option<String>,
    /// The nodes in the order in which their steps end.
    pub(crate) order: Option<Vec<String>>,
    /// How often nodes run.
    pub(crate) runs: Vec<(String, usize)>,
    /// What nodes give.
    pub(crate) outputs: Vec<Output>,
}

impl Default for Expected {
    fn default() -> Self {
        Self {
            status: ExecutionStatus::Completed,
            error: None,
            failed_node: None,
            order: None,
            runs: Vec::new(),
            outputs: Vec::new(),
        }
    }
}

/// What a node should give.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Output {
    /// The node, by name.
    pub(crate) node: String,
    /// Which of its runs.
    pub(crate) run: Which,
    /// From which port.
    pub(crate) port: Port,
    /// The items, each `{json, binary?, pairedItem?}` or bare data.
    pub(crate) items: Vec<Value>,
    /// What of them counts.
    pub(crate) scope: Scope,
}

/// Which run of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    /// The one with this index.
    Index(usize),
    /// The last one.
    Last,
}

/// An output port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Port {
    /// By position.
    Index(usize),
    /// By name.
    Named(String),
}
