//! Executions as people see them: heads, lists, counts, removal.

mod list;

use jiff::Timestamp;
use model::ExecutionStatus;
use model::ids::{ExecutionId, UserId, VersionId, WorkerId, WorkflowId, WorkspaceId};

use crate::commit::Parent;
use crate::db::{Expects, Row, Scope, Statement, params};
use crate::error::{Error, Result};
use crate::store::Store;

pub(crate) use list::bound;
pub use list::{Filter, Summary};

/// The head of an execution: where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Execution {
    /// The tenant.
    pub workspace: WorkspaceId,
    /// Its id.
    pub id: ExecutionId,
    /// Its workflow.
    pub workflow: WorkflowId,
    /// The version it follows.
    pub version: VersionId,
    /// Where it stands.
    pub status: ExecutionStatus,
    /// Why it runs.
    pub mode: String,
    /// What started it.
    pub trigger_kind: String,
    /// The key of the node at which it started.
    pub trigger_node: String,
    /// The execution that waits for it or caused it.
    pub parent: Option<Parent>,
    /// Executions above it.
    pub depth: u32,
    /// The execution that it repeats.
    pub retry_of: Option<ExecutionId>,
    /// Higher runs first.
    pub priority: i32,
    /// Only so many executions with the same key run at the same time.
    pub concurrency_key: Option<String>,
    /// Options of the start, as JSON.
    pub options: String,
    /// Who asked for it.
    pub created_by: Option<UserId>,
    /// How many records its journal has.
    pub seq: u64,
    /// The number of its last lease.
    pub fence: u64,
    /// Who owns it.
    pub lease_owner: Option<WorkerId>,
    /// Until when, without another heartbeat.
    pub lease_until: Option<Timestamp>,
    /// How many owners in a row died with it.
    pub deaths: u32,
    /// How long its steps have run, in microseconds.
    pub run_us: u64,
    /// Why it ended, as JSON, unless it completed.
    pub error: Option<String>,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
}

/// The columns of a head, in the order in which [`Execution::read`] expects them.
macro_rules! head {
    () => {
        "workspace_id, id, workflow_id, version_id, status, mode, trigger_kind, trigger_node, parent_id, \
         parent_step, parent_call, parent_waits, depth, retry_of, priority, concurrency_key, options, \
         created_by, seq, fence, lease_owner, lease_until, deaths, run_us, error, accepted_at, finished_at"
    };
}

impl Execution {
    pub(crate) fn read(row: &Row) -> Result<Self> {
        let parent: Option<ExecutionId> = row.get(8)?;
        let parent = match parent {
            Some(execution) => {
                Some(Parent { execution, step: row.get(9)?, call: row.get(10)?, waits: row.get(11)? })
            }
            None => None,
        };
        Ok(Self {
            workspace: row.get(0)?,
            id: row.get(1)?,
            workflow: row.get(2)?,
            version: row.get(3)?,
            status: status(row, 4)?,
            mode: row.get(5)?,
            trigger_kind: row.get(6)?,
            trigger_node: row.get(7)?,
            parent,
            depth: row.get(12)?,
            retry_of: row.get(13)?,
            priority: row.get(14)?,
            concurrency_key: row.get(15)?,
            options: row.get(16)?,
            created_by: row.get(17)?,
            seq: row.get(18)?,
            fence: row.get(19)?,
            lease_owner: row.get(20)?,
            lease_until: row.get(21)?,
            deaths: row.get(22)?,
            run_us: row.get(23)?,
            error: row.get(24)?,
            accepted_at: row.get(25)?,
            finished_at: row.get(26)?,
        })
    }
}

/// The status in a column.
pub(crate) fn status(row: &Row, index: usize) -> Result<ExecutionStatus> {
    let word: String = row.get(index)?;
    ExecutionStatus::find(&word).ok_or_else(|| Error::Damaged(format!("an execution has the status {word}")))
}

impl Store {
    /// The head of an execution.
    pub async fn execution(&self, workspace: WorkspaceId, id: ExecutionId) -> Result<Execution> {
        let row = self.db.row(
            Scope::Workspace(workspace),
            "execution",
            concat!("SELECT ", head!(), " FROM executions WHERE workspace_id = $1 AND id = $2"),
            params![workspace, id],
        );
        Execution::read(&row.await?)
    }

    /// The executions that this one started, oldest first.
    pub async fn children(&self, workspace: WorkspaceId, parent: ExecutionId) -> Result<Vec<Execution>> {
        let rows = self.db.rows(
            Scope::Workspace(workspace),
            concat!(
                "SELECT ",
                head!(),
                " FROM executions WHERE workspace_id = $1 AND parent_id = $2 ORDER BY id"
            ),
            params![workspace, parent],
        );
        rows.await?.iter().map(Execution::read).collect()
    }

    /// Removes an execution that has ended, with all that was kept of it.
    pub async fn delete_execution(&self, workspace: WorkspaceId, id: ExecutionId) -> Result<()> {
        let head = Statement::new(
            "DELETE FROM executions WHERE workspace_id = $1 AND id = $2
              AND status IN ('completed', 'failed', 'cancelled', 'timed_out') RETURNING id",
            params![workspace, id],
        );
        let mut statements =
            vec![head.expects(Expects::NoConflict("the execution still runs; cancel it first"))];
        statements.extend(remains(workspace, id));
        match self.db.transaction(Scope::Workspace(workspace), statements).await {
            // Another tenant's execution does not exist either.
            Err(Error::Conflict(text)) => {
                self.execution(workspace, id).await?;
                Err(Error::Conflict(text))
            }
            result => result.map(drop),
        }
    }
}

/// What removes everything that belongs to an execution, except its head.
pub(crate) fn remains(workspace: WorkspaceId, id: ExecutionId) -> Vec<Statement> {
    vec![
        Statement::new(
            "UPDATE blobs SET refcount = refcount -
               (SELECT count(*) FROM execution_events AS event
                 WHERE event.workspace_id = $1 AND event.execution_id = $2 AND event.payload_ref = blobs.sha256)
              WHERE workspace_id = $3 AND sha256 IN
               (SELECT payload_ref FROM execution_events
                 WHERE workspace_id = $4 AND execution_id = $5 AND payload_ref IS NOT NULL)",
            params![workspace, id, workspace, workspace, id],
        ),
        Statement::new(
            "DELETE FROM execution_events WHERE workspace_id = $1 AND execution_id = $2",
            params![workspace, id],
        ),
        Statement::new(
            "DELETE FROM execution_waits WHERE workspace_id = $1 AND execution_id = $2",
            params![workspace, id],
        ),
        Statement::new(
            "DELETE FROM execution_signals WHERE workspace_id = $1 AND execution_id = $2",
            params![workspace, id],
        ),
        Statement::new(
            "DELETE FROM timers WHERE workspace_id = $1 AND owner_kind = 'execution' AND owner_id = $2",
            params![workspace, id],
        ),
    ]
}
