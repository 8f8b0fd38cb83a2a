//! How the owner of an execution records what happened.

pub(crate) mod postgres;
pub(crate) mod sqlite;

use jiff::Timestamp;
use model::ExecutionStatus;
use model::ids::{ExecutionId, SignalId, UserId, VersionId, WorkerId, WorkflowId, WorkspaceId};
use model::journal::Record;

use crate::db::Db;
use crate::error::Result;
use crate::payload;
use crate::signals::NewSignal;
use crate::store::Store;

/// What one step of an execution's owner changes: all of it or nothing.
///
/// It counts only while `fence` is that of the current lease and `seq` the number of records there are: a stale owner
/// changes nothing and gets [`Error::Stale`](crate::Error::Stale).
#[derive(Clone, Debug)]
pub struct Commit {
    /// The tenant.
    pub workspace: WorkspaceId,
    /// The execution.
    pub execution: ExecutionId,
    /// In the first commit of an execution: what it is. `fence` is then the one it is born with.
    pub create: Option<Box<NewExecution>>,
    /// The lease under which this is decided.
    pub fence: u64,
    /// How many records the journal has before this.
    pub seq: u64,
    /// What happened, numbered from `seq + 1` without gaps.
    pub records: Vec<Record>,
    /// Where the execution stands now.
    pub status: ExecutionStatus,
    /// Once it has ended: when and why. Its timers, waits and signals are deleted.
    pub finish: Option<Finish>,
    /// How long its steps have run so far, in microseconds, waiting not counted.
    pub run_us: u64,
    /// Timers to set; one with the same key is replaced.
    pub timers: Vec<ExecutionTimer>,
    /// Keys of timers that are no longer needed.
    pub dropped_timers: Vec<String>,
    /// Waits that the outside may end.
    pub waits: Vec<NewWait>,
    /// Steps whose wait is over.
    pub closed_waits: Vec<u32>,
    /// Signals that became records.
    pub taken: Vec<SignalId>,
    /// What this execution wants of others: a child's end for its parent, a cancellation for its children.
    pub signals: Vec<NewSignal>,
    /// Executions to create in the same transaction; each has `create`, its first records and usually
    /// [`LeaseAfter::Queue`].
    pub children: Vec<Commit>,
    /// What the workflow remembers from now on, as JSON.
    pub static_data: Option<String>,
    /// What the rest of the product should know, delivered at least once.
    pub events: Vec<NewEvent>,
    /// Who owns the execution from now on.
    pub lease: LeaseAfter,
}

/// Who owns an execution after a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaseAfter {
    /// This worker; in the first commit it takes the lease.
    Keep(WorkerId),
    /// Nobody: there is nothing to do until a timer or a signal. When a signal came meanwhile it is queued.
    Release,
    /// Nobody yet: it is queued for whoever has time.
    Queue,
}

/// What an execution is, from its first moment.
#[derive(Clone, Debug)]
pub struct NewExecution {
    /// Its workflow.
    pub workflow: WorkflowId,
    /// The version it follows to its end.
    pub version: VersionId,
    /// Why it runs: `production`, `manual`, `test`, `replay`, `integrated`, `error`, `webhook`.
    pub mode: String,
    /// The key of the node at which it starts.
    pub trigger_node: String,
    /// What started it: `manual`, `webhook`, `schedule`, `poll`, `api`, `subworkflow`, `error`, `form`, `event`.
    pub trigger_kind: String,
    /// The execution that waits for it or caused it, with the number of the step and of the call.
    pub parent: Option<Parent>,
    /// Executions above it.
    pub depth: u32,
    /// The execution that it repeats.
    pub retry_of: Option<ExecutionId>,
    /// Higher runs first; 0 is usual.
    pub priority: i32,
    /// Only so many executions with the same key run at the same time.
    pub concurrency_key: Option<String>,
    /// Makes a second start with the same key an [`Error::Duplicate`](crate::Error::Duplicate).
    pub key: Option<StartKey>,
    /// Who asked for it.
    pub created_by: Option<UserId>,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// Options of the start that the owner needs again after a restart, as JSON.
    pub options: String,
}

/// Which step of which execution started a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parent {
    /// The execution.
    pub execution: ExecutionId,
    /// The number of its step.
    pub step: u32,
    /// Which of the step's calls.
    pub call: u32,
    /// Whether the step waits for the end.
    pub waits: bool,
}

/// What makes two starts one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartKey {
    /// Within what it is unique: a trigger or a workflow.
    pub scope: [u8; 16],
    /// The key: a provider's event id, a header, a field of the body.
    pub key: String,
    /// After this a start with the same key is a new one.
    pub until: Timestamp,
}

/// How an execution ended.
#[derive(Clone, Debug)]
pub struct Finish {
    /// When.
    pub at: Timestamp,
    /// Why, as JSON, unless it completed.
    pub error: Option<String>,
}

/// A time at which an execution wants to be woken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecutionTimer {
    /// Its identity within the execution, such as `wait:3` or `retry:3:1`.
    pub key: String,
    /// When.
    pub due_at: Timestamp,
}

/// A wait that the outside may end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewWait {
    /// The number of the step that waits.
    pub step: u32,
    /// The key of its node.
    pub node: String,
    /// `call`, `form`, or `unknown` when somebody must say what became of the step's effect.
    pub kind: String,
    /// How it may be ended, as JSON.
    pub options: String,
    /// When it ends by itself.
    pub until: Option<Timestamp>,
}

/// Something that the rest of the product should know.
#[derive(Clone, Debug)]
pub struct NewEvent {
    /// Such as `execution.completed`.
    pub kind: &'static str,
    /// What it is about.
    pub subject: [u8; 16],
    /// The rest, as JSON.
    pub data: String,
}

impl Store {
    /// Makes a commit durable. Returns once it is: what was promised on its strength cannot be lost any more.
    pub async fn commit(&self, commit: Commit) -> Result<()> {
        let packed = payload::pack_commit(&self.blobs, commit).await?;
        match &self.db {
            Db::Sqlite(db) => sqlite::commit(db, packed).await,
            Db::Postgres(db) => postgres::commit(db, packed).await,
        }
    }
}
