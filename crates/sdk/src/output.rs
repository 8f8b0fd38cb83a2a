//! What a step gives.

use std::sync::Arc;

use model::{Item, Items, Value};
use serde::{Deserialize, Serialize};

/// What a step gives.
#[derive(Clone, Debug)]
pub enum Output {
    /// Items on output ports: the step is complete.
    Items(Emission),
    /// Nothing at all: the branch ends here and no run is recorded.
    Silent,
    /// The step waits; it completes when the wait is over.
    Wait(Wait),
    /// The step runs other workflows; it completes with their results.
    Children(Children),
}

/// The items of a completed step.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Emission {
    /// Items per output port; missing ports count as empty.
    pub ports: Vec<Items>,
    /// What the node wants to remember for its next run in this execution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<Value>,
    /// The answer to the call that started the execution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<Value>,
}

/// A wait that survives restarts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Wait {
    /// When it ends by itself, in Unix milliseconds.
    pub until_ms: Option<f64>,
    /// What else ends it.
    pub resume: Resume,
    /// What the step emits when time ends it.
    pub emit: Vec<Items>,
}

/// What ends a wait before its time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Resume {
    /// Nothing.
    Never,
    /// A call of the execution's resume address; the request becomes the step's item.
    Call {
        /// Allowed methods.
        methods: Vec<String>,
        /// How the call is answered and checked; parameters of the node.
        options: Value,
    },
    /// A person who fills in a form at the execution's form address.
    Form {
        /// The form; parameters of the node.
        options: Value,
    },
}

/// Executions of other workflows, one after the other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Children {
    /// What to run.
    pub workflow: WorkflowSource,
    /// The items of each call.
    pub calls: Vec<Items>,
    /// Whether the step waits for the results; otherwise it emits `pass` at once.
    pub wait: bool,
    /// What the step emits when it does not wait.
    pub pass: Items,
}

/// Where a child's workflow comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum WorkflowSource {
    /// A stored workflow by id, or by file name beside the running workflow file.
    Reference {
        /// Id or file name.
        id: String,
    },
    /// A definition given in place, in our format or n8n's.
    Inline {
        /// The definition.
        definition: Value,
    },
}

impl Output {
    /// Items on the first port.
    pub fn main(items: Vec<Item>) -> Self {
        Self::ports(vec![items])
    }

    /// Items that are already shared, on the first port.
    pub fn shared(items: Items) -> Self {
        Self::Items(Emission { ports: vec![items], ..Emission::default() })
    }

    /// Items per port.
    pub fn ports(ports: Vec<Vec<Item>>) -> Self {
        Self::Items(Emission { ports: ports.into_iter().map(Arc::new).collect(), ..Emission::default() })
    }
}

impl<const N: usize> From<[Vec<Item>; N]> for Output {
    fn from(ports: [Vec<Item>; N]) -> Self {
        Self::ports(ports.into())
    }
}

impl From<Emission> for Output {
    fn from(emission: Emission) -> Self {
        Self::Items(emission)
    }
}
