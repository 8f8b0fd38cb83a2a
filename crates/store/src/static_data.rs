//! What a workflow remembers between its executions.

use jiff::Timestamp;
use model::ids::{WorkflowId, WorkspaceId};

use crate::db::{Scope, Statement, params};
use crate::error::Result;
use crate::store::Store;

impl Store {
    /// What a workflow remembers, as JSON.
    pub async fn static_data(&self, workspace: WorkspaceId, workflow: WorkflowId) -> Result<Option<String>> {
        let rows = self.db.rows(
            Scope::Workspace(workspace),
            "SELECT data FROM workflow_static_data WHERE workspace_id = $1 AND workflow_id = $2",
            params![workspace, workflow],
        );
        rows.await?.first().map(|row| row.get(0)).transpose()
    }

    /// Sets what a workflow remembers; executions do it with their commits.
    pub async fn set_static_data(
        &self,
        workspace: WorkspaceId,
        workflow: WorkflowId,
        data: &str,
    ) -> Result<()> {
        let set = Statement::new(
            "INSERT INTO workflow_static_data (workspace_id, workflow_id, data, updated_at)
             VALUES ($1, $2, $3, $4)
             ON CONFLICT (workspace_id, workflow_id)
             DO UPDATE SET data = excluded.data, updated_at = excluded.updated_at",
            params![workspace, workflow, data, Timestamp::now()],
        );
        self.db.transaction(Scope::Workspace(workspace), vec![set]).await.map(drop)
    }
}
