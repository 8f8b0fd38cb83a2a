//! Triggers of published workflows.

use jiff::Timestamp;
use model::ids::{TriggerId, VersionId, WorkflowId, WorkspaceId};

use crate::db::{Row, Scope, params};
use crate::error::Result;
use crate::store::Store;

/// A trigger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trigger {
    /// The tenant.
    pub workspace: WorkspaceId,
    /// Its id.
    pub id: TriggerId,
    /// Its workflow.
    pub workflow: WorkflowId,
    /// The version that it starts.
    pub version: VersionId,
    /// The key of its node.
    pub node: String,
    /// `webhook`, `schedule`, `poll`, `form`, ...
    pub kind: String,
    /// What starting its executions needs to know, as JSON.
    pub config: String,
    /// Whether it starts executions.
    pub is_active: bool,
    /// How far it has looked, as JSON.
    pub cursor: Option<String>,
    /// When it fired last.
    pub last_fired_at: Option<Timestamp>,
    /// What went wrong then.
    pub last_error: Option<String>,
    /// When it is due.
    pub due_at: Option<Timestamp>,
}

/// The columns of a trigger, in the order in which [`Trigger::read`] expects them.
macro_rules! select {
    () => {
        "SELECT triggers.workspace_id, triggers.id, workflow_id, version_id, node_key, kind, config, is_active,
           cursor, last_fired_at, last_error, timers.due_at
         FROM triggers LEFT JOIN timers ON timers.workspace_id = triggers.workspace_id
           AND timers.owner_kind = 'trigger' AND timers.owner_id = triggers.id AND timers.key = '' "
    };
}

impl Trigger {
    fn read(row: &Row) -> Result<Self> {
        Ok(Self {
            workspace: row.get(0)?,
            id: row.get(1)?,
            workflow: row.get(2)?,
            version: row.get(3)?,
            node: row.get(4)?,
            kind: row.get(5)?,
            config: row.get(6)?,
            is_active: row.get(7)?,
            cursor: row.get(8)?,
            last_fired_at: row.get(9)?,
            last_error: row.get(10)?,
            due_at: row.get(11)?,
        })
    }
}

impl Store {
    /// The triggers of all tenants that start executions.
    pub async fn active_triggers(&self) -> Result<Vec<Trigger>> {
        let rows = self.db.rows(
            Scope::Engine,
            concat!(select!(), "WHERE is_active = $1 ORDER BY triggers.workspace_id, triggers.id"),
            params![true],
        );
        rows.await?.iter().map(Trigger::read).collect()
    }

    /// A trigger.
    pub async fn trigger(&self, workspace: WorkspaceId, id: TriggerId) -> Result<Trigger> {
        let row = self.db.row(
            Scope::Workspace(workspace),
            "trigger",
            concat!(select!(), "WHERE triggers.workspace_id = $1 AND triggers.id = $2"),
            params![workspace, id],
        );
        Trigger::read(&row.await?)
    }

    /// The triggers of a workflow.
    pub async fn triggers(&self, workspace: WorkspaceId, workflow: WorkflowId) -> Result<Vec<Trigger>> {
        let rows = self.db.rows(
            Scope::Workspace(workspace),
            concat!(
                select!(),
                "WHERE triggers.workspace_id = $1 AND triggers.workflow_id = $2 ORDER BY triggers.node_key"
            ),
            params![workspace, workflow],
        );
        rows.await?.iter().map(Trigger::read).collect()
    }

    /// The occurrences of a trigger since then, oldest first, each with whether it started something.
    pub async fn occurrences(
        &self,
        workspace: WorkspaceId,
        trigger: TriggerId,
        since: Timestamp,
        limit: usize,
    ) -> Result<Vec<(Timestamp, bool)>> {
        let rows = self.db.rows(
            Scope::Workspace(workspace),
            "SELECT due_at, started FROM trigger_occurrences
              WHERE workspace_id = $1 AND trigger_id = $2 AND due_at >= $3 ORDER BY due_at LIMIT $4",
            params![workspace, trigger, since, limit],
        );
        rows.await?.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
    }
}
