//! What a workflow, an execution and an item **are**.
//!
//! [`Workflow`] is the graph people draw; [`Item`] is one record on an edge; [`Value`] is JSON that clones for free.
//! [`status`] holds the two status machines, [`policy`] what happens on errors and delays,
//! [`validate`] says what is wrong with a workflow, [`journal`] is what is kept of an execution.
//! Deliberately absent: I/O, async, the clock, randomness and how anything runs.

pub mod ids;
pub mod item;
pub mod journal;
pub mod policy;
pub mod status;
pub mod strict;
pub mod validate;
pub mod value;
pub mod workflow;

#[doc(hidden)]
pub use serde_json;

pub use item::{Binaries, Binary, Blob, Item, Items, Lineage, Origin};
pub use policy::{Backoff, OnError, OnUnknown, Retry};
pub use status::{ExecutionStatus, StepStatus};
pub use validate::{Problem, Severity};
pub use value::{Object, Text, Value};
pub use workflow::{CredentialRef, Edge, EdgeKind, Imported, Node, NodeKey, Order, Settings, Workflow};
