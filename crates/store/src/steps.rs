//! The steps of an execution, as a view over the rows of its journal: cheap, without reading what they gave.

use jiff::Timestamp;
use model::StepStatus;
use model::ids::{ExecutionId, WorkspaceId};

use crate::db::{Row, Scope, params};
use crate::error::{Error, Result};
use crate::store::Store;

/// One run of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The key of its node.
    pub node: String,
    /// How often that node ran before.
    pub run_index: u32,
    /// Where it stands, as far as its last record tells.
    pub status: StepStatus,
    /// How often it was tried.
    pub attempts: u32,
    /// The number of its first record.
    pub first_seq: u64,
    /// The number of its last record.
    pub last_seq: u64,
    /// When its first record was written.
    pub started_at: Timestamp,
    /// When its last record was written.
    pub changed_at: Timestamp,
    /// How long its tries took, in microseconds.
    pub duration_us: u64,
}

impl Step {
    fn read(row: &Row) -> Result<Self> {
        let status: String = row.get(2)?;
        let status = match status.as_str() {
            "completed" => StepStatus::Completed,
            "failed" => StepStatus::Failed,
            "cancelled" => StepStatus::Cancelled,
            "waiting" => StepStatus::Waiting,
            "running" => StepStatus::Running,
            "unknown" => StepStatus::Unknown,
            other => return Err(Error::Damaged(format!("a step has the status {other}"))),
        };
        Ok(Self {
            node: row.get(0)?,
            run_index: row.get(1)?,
            status,
            attempts: row.get(3)?,
            first_seq: row.get(4)?,
            last_seq: row.get(5)?,
            started_at: row.get(6)?,
            changed_at: row.get(7)?,
            duration_us: row.get(8)?,
        })
    }
}

impl Store {
    /// The steps of an execution, in the order of their first records.
    pub async fn steps(&self, workspace: WorkspaceId, execution: ExecutionId) -> Result<Vec<Step>> {
        let rows = self.db.rows(
            Scope::Workspace(workspace),
            "SELECT node_key, run_index, status, attempts, first_seq, last_seq, started_at, changed_at, duration_us
               FROM steps WHERE workspace_id = $1 AND execution_id = $2 ORDER BY first_seq",
            params![workspace, execution],
        );
        rows.await?.iter().map(Step::read).collect()
    }
}
