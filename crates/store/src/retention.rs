//! What is old goes, in small pieces so that nobody waits for long: executions by age and how they ended, and what is
//! only remembered for a while. What has not ended never goes.

use std::time::Duration;

use jiff::Timestamp;
use model::ids::{ExecutionId, WorkflowId, WorkspaceId};

use crate::db::{Scope, Statement, params};
use crate::error::Result;
use crate::executions::{bound, remains};
use crate::store::Store;

/// Which executions are old.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Those that ended well.
    Completed,
    /// All others that ended.
    Troubled,
}

/// What a piece of pruning did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Executions that are gone.
    pub removed: u64,
    /// Whether there may be more.
    pub more: bool,
}

/// What was forgotten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// Keys of starts.
    pub starts: u64,
    /// Answers to requests.
    pub requests: u64,
    /// Test addresses.
    pub routes: u64,
    /// Occurrences of triggers.
    pub occurrences: u64,
}

/// Executions that are removed in one transaction.
const PIECE: usize = 50;

/// Rows that are forgotten in one transaction.
const ROWS: usize = 1_000;

/// How long the address of a node's test calls outlives its last use.
const TEST_ROUTES: Duration = Duration::from_secs(30 * 24 * 60 * 60);

impl Store {
    /// Removes some executions of a workspace that ended before then, the oldest first. Call it until there are no more,
    /// with a pause between.
    pub async fn prune_executions(
        &self,
        workspace: WorkspaceId,
        ended: Ended,
        before: Timestamp,
    ) -> Result<Pruned> {
        let sql = match ended {
            Ended::Completed => {
                "SELECT id FROM executions
                  WHERE workspace_id = $1 AND status = 'completed' AND id < $2 AND finished_at < $3
                  ORDER BY id LIMIT $4"
            }
            Ended::Troubled => {
                "SELECT id FROM executions
                  WHERE workspace_id = $1 AND status IN ('failed', 'cancelled', 'timed_out') AND id < $2
                    AND finished_at < $3 ORDER BY id LIMIT $4"
            }
        };
        // What ended before then was accepted before then: younger ones need not be looked at.
        let params = params![workspace, bound(before), before, PIECE];
        let rows = self.db.rows(Scope::Workspace(workspace), sql, params).await?;
        let ids: Vec<ExecutionId> = rows.iter().map(|row| row.get(0)).collect::<Result<_>>()?;
        self.remove(workspace, &ids).await
    }

    /// Removes some executions of workflows that were deleted before then, and those workflows that have none left.
    pub async fn purge_workflows(&self, workspace: WorkspaceId, before: Timestamp) -> Result<Pruned> {
        let deleted = self.db.rows(
            Scope::Workspace(workspace),
            "SELECT id FROM workflows WHERE workspace_id = $1 AND deleted_at < $2 ORDER BY id LIMIT 10",
            params![workspace, before],
        );
        let mut pruned = Pruned::default();
        for row in deleted.await? {
            let workflow: WorkflowId = row.get(0)?;
            let ended = self.db.rows(
                Scope::Workspace(workspace),
                "SELECT id FROM executions WHERE workspace_id = $1 AND workflow_id = $2
                    AND status IN ('completed', 'failed', 'cancelled', 'timed_out') ORDER BY id LIMIT $3",
                params![workspace, workflow, PIECE],
            );
            let ids: Vec<ExecutionId> = ended.await?.iter().map(|row| row.get(0)).collect::<Result<_>>()?;
            let piece = self.remove(workspace, &ids).await?;
            pruned.removed += piece.removed;
            pruned.more |= piece.more;
            // One that still runs follows its version to the end.
            let gone = Statement::new(
                "DELETE FROM workflows WHERE workspace_id = $1 AND id = $2 AND NOT EXISTS
                   (SELECT 1 FROM executions WHERE workspace_id = $3 AND workflow_id = $4)",
                params![workspace, workflow, workspace, workflow],
            );
            self.db.transaction(Scope::Workspace(workspace), vec![gone]).await?;
        }
        Ok(pruned)
    }

    async fn remove(&self, workspace: WorkspaceId, ids: &[ExecutionId]) -> Result<Pruned> {
        let mut statements = Vec::new();
        for id in ids {
            statements.push(Statement::new(
                "DELETE FROM executions WHERE workspace_id = $1 AND id = $2
                    AND status IN ('completed', 'failed', 'cancelled', 'timed_out')",
                params![workspace, *id],
            ));
            statements.extend(remains(workspace, *id));
        }
        if !statements.is_empty() {
            self.db.transaction(Scope::Workspace(workspace), statements).await?;
        }
        Ok(Pruned { removed: ids.len() as u64, more: ids.len() == PIECE })
    }

    /// Forgets what was remembered for a while, of all tenants: cheap, to be called every few minutes. `before` is for
    /// the occurrences of triggers, which nothing but people needs after a day.
    pub async fn forget_old(&self, before: Timestamp) -> Result<Forgotten> {
        let now = Timestamp::now();
        let routes = now.checked_sub(TEST_ROUTES).unwrap_or(Timestamp::MIN);
        let statements = vec![
            Statement::new(
                "DELETE FROM inbox_events WHERE (workspace_id, scope, dedupe_key) IN
                   (SELECT workspace_id, scope, dedupe_key FROM inbox_events WHERE expires_at <= $1 LIMIT $2)
                 RETURNING dedupe_key",
                params![now, ROWS],
            ),
            Statement::new(
                "DELETE FROM idempotency_keys WHERE (workspace_id, key) IN
                   (SELECT workspace_id, key FROM idempotency_keys WHERE expires_at <= $1 LIMIT $2)
                 RETURNING key",
                params![now, ROWS],
            ),
            Statement::new(
                "DELETE FROM webhook_routes WHERE is_test = $1 AND expires_at < $2 RETURNING id",
                params![true, routes],
            ),
            Statement::new(
                "DELETE FROM trigger_occurrences WHERE (workspace_id, trigger_id, due_at) IN
                   (SELECT workspace_id, trigger_id, due_at FROM trigger_occurrences
                     WHERE recorded_at < $1 AND due_at < $2 LIMIT $3)
                 RETURNING trigger_id",
                params![before, before, ROWS],
            ),
        ];
        let rows = self.db.transaction(Scope::Engine, statements).await?;
        let count = |index: usize| rows.get(index).map_or(0, Vec::len) as u64;
        Ok(Forgotten { starts: count(0), requests: count(1), routes: count(2), occurrences: count(3) })
    }
}
