//! What was accepted already: webhook deliveries and starts with a key. Commits write it.

use jiff::Timestamp;
use model::ids::{ExecutionId, WorkspaceId};

use crate::db::{Scope, params};
use crate::error::Result;
use crate::store::Store;

impl Store {
    /// The execution that a start with this key began, while the key is remembered. The scope is a trigger or a
    /// workflow.
    pub async fn find_start(
        &self,
        workspace: WorkspaceId,
        scope: [u8; 16],
        key: &str,
    ) -> Result<Option<ExecutionId>> {
        let rows = self.db.rows(
            Scope::Workspace(workspace),
            "SELECT execution_id FROM inbox_events
              WHERE workspace_id = $1 AND scope = $2 AND dedupe_key = $3 AND expires_at > $4",
            params![workspace, scope, key, Timestamp::now()],
        );
        rows.await?.first().map(|row| row.get(0)).transpose()
    }
}
