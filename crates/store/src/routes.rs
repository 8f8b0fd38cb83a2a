//! Addresses of webhooks. The id is the address and the secret: 128 random bits, looked up by nothing else.

use jiff::Timestamp;
use model::ids::{RouteId, TriggerId, VersionId, WorkflowId, WorkspaceId};

use crate::db::{Expects, Row, Scope, Statement, params};
use crate::error::{Error, Result};
use crate::fresh::random;
use crate::store::{Store, Wakeup};

/// An address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The tenant.
    pub workspace: WorkspaceId,
    /// The address.
    pub id: RouteId,
    /// Its workflow.
    pub workflow: WorkflowId,
    /// The trigger that it starts; a test address has none.
    pub trigger: Option<TriggerId>,
    /// The version that it starts.
    pub version: VersionId,
    /// The key of the node.
    pub node: String,
    /// Whether it is for test calls.
    pub is_test: bool,
    /// Whether calls are answered.
    pub is_active: bool,
    /// Until when.
    pub expires_at: Option<Timestamp>,
}

/// The columns of a route, in the order in which [`Route::read`] expects them.
macro_rules! columns {
    () => {
        "workspace_id, id, workflow_id, trigger_id, version_id, node_key, is_test, is_active, expires_at"
    };
}

impl Route {
    fn read(row: &Row) -> Result<Self> {
        Ok(Self {
            workspace: row.get(0)?,
            id: row.get(1)?,
            workflow: row.get(2)?,
            trigger: row.get(3)?,
            version: row.get(4)?,
            node: row.get(5)?,
            is_test: row.get(6)?,
            is_active: row.get(7)?,
            expires_at: row.get(8)?,
        })
    }
}

impl Store {
    /// The addresses of all tenants that answer calls.
    pub async fn active_routes(&self) -> Result<Vec<Route>> {
        let rows = self.db.rows(
            Scope::Engine,
            concat!(
                "SELECT ",
                columns!(),
                " FROM webhook_routes WHERE is_active = $1 AND (expires_at IS NULL OR expires_at > $2)"
            ),
            params![true, Timestamp::now()],
        );
        rows.await?.iter().map(Route::read).collect()
    }

    /// An address of any tenant that answers calls.
    pub async fn find_route(&self, id: RouteId) -> Result<Option<Route>> {
        let rows = self.db.rows(
            Scope::Engine,
            concat!(
                "SELECT ",
                columns!(),
                " FROM webhook_routes WHERE id = $1 AND is_active = $2
                    AND (expires_at IS NULL OR expires_at > $3)"
            ),
            params![id, true, Timestamp::now()],
        );
        rows.await?.first().map(Route::read).transpose()
    }

    /// The addresses of a workflow, also those that answer no calls.
    pub async fn routes(&self, workspace: WorkspaceId, workflow: WorkflowId) -> Result<Vec<Route>> {
        let rows = self.db.rows(
            Scope::Workspace(workspace),
            concat!(
                "SELECT ",
                columns!(),
                " FROM webhook_routes WHERE workspace_id = $1 AND workflow_id = $2 ORDER BY node_key, is_test"
            ),
            params![workspace, workflow],
        );
        rows.await?.iter().map(Route::read).collect()
    }

    /// Opens the test address of a node for a while. A node keeps its test address; what it starts is that version.
    pub async fn open_test_route(
        &self,
        workspace: WorkspaceId,
        (workflow, version): (WorkflowId, VersionId),
        node: &str,
        expires_at: Timestamp,
    ) -> Result<Route> {
        let open = Statement::new(
            concat!(
                "INSERT INTO webhook_routes
                   (workspace_id, id, workflow_id, version_id, node_key, is_test, is_active, expires_at, created_at)
                 SELECT workspace_id, $1, id, $2, $3, $4, $5, $6, $7 FROM workflows
                  WHERE workspace_id = $8 AND id = $9 AND deleted_at IS NULL
                 ON CONFLICT (workspace_id, workflow_id, node_key, is_test) DO UPDATE SET
                   version_id = excluded.version_id, is_active = excluded.is_active, expires_at = excluded.expires_at
                 RETURNING ",
                columns!()
            ),
            params![
                RouteId::from_bytes(random()),
                version,
                node,
                true,
                true,
                expires_at,
                Timestamp::now(),
                workspace,
                workflow
            ],
        );
        let open = open.expects(Expects::Found("workflow"));
        let rows = self.db.transaction(Scope::Workspace(workspace), vec![open]).await?;
        self.hint(Wakeup::Triggers);
        let row = rows.first().and_then(|rows| rows.first());
        Route::read(row.ok_or(Error::NotFound("workflow"))?)
    }

    /// Gives a node an address before it is published, so that it can be told to others; it answers no calls yet.
    pub async fn mint_route(
        &self,
        workspace: WorkspaceId,
        workflow: WorkflowId,
        node: &str,
    ) -> Result<Route> {
        let mint = Statement::new(
            "INSERT INTO webhook_routes
               (workspace_id, id, workflow_id, version_id, node_key, is_test, is_active, created_at)
             SELECT workspace_id, $1, id, $2, $3, $4, $5, $6 FROM workflows
              WHERE workspace_id = $7 AND id = $8 AND deleted_at IS NULL
             ON CONFLICT (workspace_id, workflow_id, node_key, is_test) DO NOTHING",
            params![
                RouteId::from_bytes(random()),
                // What it starts is decided by publishing.
                VersionId::from_bytes([0; 16]),
                node,
                false,
                false,
                Timestamp::now(),
                workspace,
                workflow
            ],
        );
        let read = Statement::new(
            concat!(
                "SELECT ",
                columns!(),
                " FROM webhook_routes
                  WHERE workspace_id = $1 AND workflow_id = $2 AND node_key = $3 AND is_test = $4"
            ),
            params![workspace, workflow, node, false],
        );
        let read = read.expects(Expects::Found("workflow"));
        let rows = self.db.transaction(Scope::Workspace(workspace), vec![mint, read]).await?;
        let row = rows.last().and_then(|rows| rows.first());
        Route::read(row.ok_or(Error::NotFound("workflow"))?)
    }

    /// Closes a test address.
    pub async fn close_test_route(
        &self,
        workspace: WorkspaceId,
        workflow: WorkflowId,
        node: &str,
    ) -> Result<()> {
        let close = Statement::new(
            "UPDATE webhook_routes SET is_active = $1
              WHERE workspace_id = $2 AND workflow_id = $3 AND node_key = $4 AND is_test = $5",
            params![false, workspace, workflow, node, true],
        );
        self.db.transaction(Scope::Workspace(workspace), vec![close]).await?;
        self.hint(Wakeup::Triggers);
        Ok(())
    }
}
