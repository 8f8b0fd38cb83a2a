//! What an execution left, in the words of the command line.

use indexmap::IndexMap;
use model::{Binaries, ExecutionStatus, Item, Items, Lineage, Object, StepStatus, Text};
use serde::Serialize;
use serde::ser::{SerializeStruct, Serializer};

/// What an execution left: what `runnel exec --json` prints.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Record {
    /// How it ended.
    pub(crate) status: ExecutionStatus,
    /// Why it failed.
    pub(crate) error: Option<Failure>,
    /// How long it took.
    pub(crate) duration_ms: f64,
    /// The nodes in the order in which their steps ended.
    pub(crate) order: Vec<Text>,
    /// Every run of every node that ran.
    pub(crate) nodes: IndexMap<Text, Vec<Run>>,
}

/// Why an execution failed.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Failure {
    /// The node that failed, unless the execution as a whole did.
    pub(crate) node: Option<Text>,
    /// What happened and what to do about it.
    pub(crate) message: String,
    /// More about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
    /// The input item it happened to.
    pub(crate) item: Option<usize>,
}

/// One run of a node.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Run {
    /// How it ended.
    pub(crate) status: StepStatus,
    /// Its items by output port.
    #[serde(serialize_with = "items_by_port")]
    pub(crate) outputs: Vec<Items>,
    /// Why it failed.
    pub(crate) error: Option<Failure>,
    /// How long it took.
    pub(crate) duration_ms: f64,
}

/// The status as people and programs read it.
pub(crate) fn status_word(status: ExecutionStatus) -> &'static str {
    match status {
        ExecutionStatus::Queued => "queued",
        ExecutionStatus::Running => "running",
        ExecutionStatus::Waiting => "waiting",
        ExecutionStatus::Paused => "paused",
        ExecutionStatus::Completed => "completed",
        ExecutionStatus::Failed => "failed",
        ExecutionStatus::Cancelled => "cancelled",
        ExecutionStatus::TimedOut => "timed_out",
    }
}

fn items_by_port<S: Serializer>(ports: &[Items], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(ports.iter().map(|items| Port(items)))
}

struct Port<'a>(&'a [Item]);

impl Serialize for Port<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(Whole))
    }
}

/// An item with all its members, empty ones included, so that programs need no special cases.
struct Whole<'a>(&'a Item);

impl Serialize for Whole<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Item { json, binary, lineage } = self.0;
        let mut item = serializer.serialize_struct("Item", 3)?;
        item.serialize_field("json", json as &Object)?;
        match binary {
            Some(files) => item.serialize_field("binary", files.as_ref() as &Binaries)?,
            None => item.serialize_field("binary", &Binaries::default())?,
        }
        item.serialize_field("lineage", lineage as &Lineage)?;
        item.end()
    }
}
