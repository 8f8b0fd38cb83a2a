//! The workflow definition: our own JSON format, the graph people draw.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::item::Item;
use crate::policy::{OnError, OnUnknown, Retry};
use crate::value::{Object, Text, Value};

/// A node's identity within its workflow; edges and journals refer to it.
pub type NodeKey = Text;

/// A workflow: a graph of nodes, and how it runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a workflow: an object with nodes and edges")]
pub struct Workflow {
    /// Address of the JSON Schema, for editors.
    #[serde(rename = "$schema", default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// Identity across files, where the workflow has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// What people call it.
    #[serde(default)]
    pub name: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// The vertices.
    #[serde(default)]
    pub nodes: Vec<Node>,
    /// The links between ports.
    #[serde(default)]
    pub edges: Vec<Edge>,
    /// How it runs.
    #[serde(default)]
    pub settings: Settings,
    /// Outputs to use instead of running a node, by node key; test runs only.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<String, Vec<Object>>")]
    pub pins: BTreeMap<NodeKey, Vec<Item>>,
    /// What an import brought that we keep but do not interpret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Object>,
}

/// A vertex of the graph.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Node {
    /// Identity within the workflow.
    #[schemars(with = "String")]
    pub key: NodeKey,
    /// The node type, such as `core.set`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The version of the node type.
    #[serde(default = "one")]
    pub version: u32,
    /// What people call it; unique, because expressions refer to it.
    #[schemars(with = "String")]
    pub name: Text,
    /// Where it is drawn: x, y.
    #[serde(default)]
    pub position: [f64; 2],
    /// Its settings; text that starts with `=` is an expression.
    #[serde(default)]
    pub parameters: Object,
    /// Credentials by credential type.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub credentials: BTreeMap<String, CredentialRef>,
    /// A disabled node passes its input on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub disabled: bool,
    /// What happens when it fails for good.
    #[serde(default)]
    pub on_error: OnError,
    /// Whether and how it is tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<Retry>,
    /// What happens when a crash hid whether its effect happened; matters for nodes whose effect is not safe to repeat.
    #[serde(default, skip_serializing_if = "is_default")]
    pub on_unknown: OnUnknown,
    /// How long one attempt may run, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// Emit one empty item when there would be none.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub always_output: bool,
    /// See only the first item of every input.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub execute_once: bool,
    /// What people wrote about it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub notes: String,
    /// What it was imported from, until it is edited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Imported>,
}

/// The foreign form of an imported node, so that export is exact.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Imported {
    /// The foreign node type, such as `n8n-nodes-base.set`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its version.
    pub type_version: f64,
    /// Its parameters as they were.
    #[serde(default)]
    pub parameters: Object,
    /// Everything else of the foreign node that we do not interpret.
    #[serde(default, skip_serializing_if = "Object::is_empty")]
    pub extra: Object,
}

/// A reference to a credential: by id once known, by name until then.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CredentialRef {
    /// Identity in the workspace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// What people call it.
    #[serde(default)]
    pub name: String,
}

/// A link from an output port to an input port.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Edge {
    /// The node it leaves.
    #[schemars(with = "String")]
    pub source: NodeKey,
    /// The output port it leaves from.
    #[serde(default = "main_port")]
    #[schemars(with = "String")]
    pub source_port: Text,
    /// The node it reaches.
    #[schemars(with = "String")]
    pub target: NodeKey,
    /// The input port it arrives at.
    #[serde(default = "main_port")]
    #[schemars(with = "String")]
    pub target_port: Text,
    /// What it does.
    #[serde(default)]
    pub kind: EdgeKind,
    /// For conditional edges: which items pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<EdgeCondition>,
    /// Whether it counts.
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    pub enabled: bool,
}

/// What an edge does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EdgeKind {
    /// Carries items.
    #[default]
    Data,
    /// Only orders: the target runs after the source, without its items.
    Control,
    /// Carries the items that meet its condition; none means the target is not reached.
    Conditional,
}

/// Which items pass a conditional edge.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EdgeCondition {
    /// Path of the field, such as `customer.age`.
    pub field: String,
    /// How to compare: `equals`, `not_equals`, `greater_than`, `less_than`, `contains`, `exists`, ...
    pub operator: String,
    /// What to compare with.
    #[serde(default)]
    pub value: Value,
}

/// How a workflow runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// In which order branches run.
    #[serde(default)]
    pub order: Order,
    /// How many steps may run at the same time in parallel order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_parallel: Option<u32>,
    /// IANA time zone of expressions and schedules; the instance's default when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// Longest running time of an execution, waiting not counted, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// How many executions may run at the same time; others are queued. Waiting ones do not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_concurrent: Option<u32>,
    /// Executions with the same key run one after the other: text, or an expression over the first item of the trigger
    /// such as `={{ $json.body.customer }}`. An empty key is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency_key: Option<String>,
    /// The workflow to start when an execution fails: an id, or a path for workflow files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_workflow: Option<String>,
    /// Settings an import brought that we keep but do not interpret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Object>,
}

/// In which order branches run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Independent branches run at the same time.
    #[default]
    Parallel,
    /// One step at a time, each branch to its end, topmost first (n8n's v1).
    Sequential,
    /// One step at a time, level by level (n8n's v0), for old imports.
    SequentialV0,
}

fn one() -> u32 {
    1
}

fn yes() -> bool {
    true
}

fn is_true(value: &bool) -> bool {
    *value
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn main_port() -> Text {
    Text::from("main")
}
