//! The journal and what else there is of an execution, for those who read it: the owner that goes on after another one,
//! people who watch, addresses that answer a wait.

use jiff::Timestamp;
use model::NodeKey;
use model::ids::{ExecutionId, WorkspaceId};
use model::journal::{Kind, Record};

use crate::db::{Row, Scope, params};
use crate::error::{Error, Result};
use crate::executions::Execution;
use crate::payload;
use crate::store::Store;

/// An execution with all that happened to it.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// Where it stands.
    pub head: Execution,
    /// Its journal.
    pub records: Vec<Record>,
}

/// A wait that the outside may end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// The tenant.
    pub workspace: WorkspaceId,
    /// The execution.
    pub execution: ExecutionId,
    /// The number of the step that waits.
    pub step: u32,
    /// The key of its node.
    pub node: String,
    /// `call` or `form`.
    pub kind: String,
    /// How it may be ended, as JSON.
    pub options: String,
    /// When it ends by itself.
    pub until: Option<Timestamp>,
}

impl Wait {
    fn read(row: &Row) -> Result<Self> {
        Ok(Self {
            workspace: row.get(0)?,
            execution: row.get(1)?,
            step: row.get(2)?,
            node: row.get(3)?,
            kind: row.get(4)?,
            options: row.get(5)?,
            until: row.get(6)?,
        })
    }
}

/// How many records are read at once.
const CHUNK: usize = 1_000;

impl Store {
    /// An execution with its whole journal: what an owner needs to go on.
    pub async fn load(&self, workspace: WorkspaceId, execution: ExecutionId) -> Result<Loaded> {
        // The head first: the journal may have grown since, never shrunk.
        let head = self.execution(workspace, execution).await?;
        let mut records: Vec<Record> =
            Vec::with_capacity(usize::try_from(head.seq).unwrap_or_default().min(CHUNK));
        loop {
            let seq = records.last().map_or(0, |record| record.seq);
            let more = self.journal_after(workspace, execution, seq, CHUNK).await?;
            let complete = more.len() < CHUNK;
            records.extend(more);
            if complete {
                break;
            }
        }
        records.truncate(usize::try_from(head.seq).unwrap_or(usize::MAX));
        if records.len() as u64 != head.seq {
            return Err(Error::Damaged(format!(
                "execution {execution} has {} records and should have {}",
                records.len(),
                head.seq
            )));
        }
        Ok(Loaded { head, records })
    }

    /// The records of an execution after the one with this number, `limit` at most.
    pub async fn journal_after(
        &self,
        workspace: WorkspaceId,
        execution: ExecutionId,
        seq: u64,
        limit: usize,
    ) -> Result<Vec<Record>> {
        let rows = self.db.rows(
            Scope::Workspace(workspace),
            "SELECT seq, kind, node_key, run_index, attempt, at, duration_us, payload, payload_ref
               FROM execution_events WHERE workspace_id = $1 AND execution_id = $2 AND seq > $3
              ORDER BY seq LIMIT $4",
            params![workspace, execution, seq, limit],
        );
        let rows = rows.await?;
        let mut records = Vec::with_capacity(rows.len());
        for (row, expected) in rows.iter().zip(seq + 1..) {
            let record = self.record(workspace, row).await?;
            if record.seq != expected {
                return Err(Error::Damaged(format!("execution {execution} has no record {expected}")));
            }
            records.push(record);
        }
        Ok(records)
    }

    async fn record(&self, workspace: WorkspaceId, row: &Row) -> Result<Record> {
        let word: String = row.get(1)?;
        let kind = Kind::find(&word)
            .ok_or_else(|| Error::Damaged(format!("a record is of the unknown kind {word}")))?;
        let node: Option<String> = row.get(2)?;
        let at: Timestamp = row.get(5)?;
        Ok(Record {
            seq: row.get(0)?,
            kind,
            node: node.map(NodeKey::from),
            run_index: row.get(3)?,
            attempt: row.get(4)?,
            at_us: at.as_microsecond(),
            duration_us: row.get(6)?,
            payload: payload::read(&self.blobs, workspace, row.get(7)?, row.get(8)?).await?,
        })
    }

    /// The waits of an execution that the outside may end.
    pub async fn open_waits(&self, workspace: WorkspaceId, execution: ExecutionId) -> Result<Vec<Wait>> {
        let rows = self.db.rows(
            Scope::Workspace(workspace),
            "SELECT workspace_id, execution_id, step, node_key, kind, options, until_at FROM execution_waits
              WHERE workspace_id = $1 AND execution_id = $2 ORDER BY step",
            params![workspace, execution],
        );
        rows.await?.iter().map(Wait::read).collect()
    }

    /// The waits of an execution whose tenant is not known: resume addresses name the execution only.
    pub async fn find_waits(&self, execution: ExecutionId) -> Result<Vec<Wait>> {
        let rows = self.db.rows(
            Scope::Engine,
            "SELECT workspace_id, execution_id, step, node_key, kind, options, until_at FROM execution_waits
              WHERE execution_id = $1 ORDER BY step",
            params![execution],
        );
        rows.await?.iter().map(Wait::read).collect()
    }
}
