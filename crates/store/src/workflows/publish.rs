//! Publishing: an immutable version, its triggers, their addresses and their times, all in one transaction.

use jiff::Timestamp;
use model::ids::{RouteId, TriggerId, UserId, VersionId, WorkflowId, WorkspaceId};

use super::{STALE, WorkflowHead};
use crate::db::{Expects, Scope, Statement, params};
use crate::error::{Error, Result};
use crate::fresh::{fresh, random};
use crate::store::{Store, Wakeup};
use crate::versions::sha256;

/// What to publish.
#[derive(Clone, Debug)]
pub struct Publish {
    /// The workflow.
    pub workflow: WorkflowId,
    /// The revision of the draft that was checked.
    pub rev: u64,
    /// The graph, as JSON.
    pub definition: String,
    /// Its triggers.
    pub triggers: Vec<TriggerSpec>,
    /// Who publishes.
    pub user: Option<UserId>,
}

/// A trigger of what is published. One whose node had a trigger before keeps its identity, its address and, while
/// its kind and configuration stay the same, how far it has looked and when it is due.
#[derive(Clone, Debug)]
pub struct TriggerSpec {
    /// The key of its node.
    pub node: String,
    /// `webhook`, `schedule`, `poll`, `form`, ...
    pub kind: String,
    /// What starting its executions needs to know, as JSON.
    pub config: String,
    /// Whether it has an address of its own.
    pub has_route: bool,
    /// When it is due, unless it is due already.
    pub due_at: Option<Timestamp>,
}

/// What was published.
#[derive(Clone, Debug)]
pub struct Published {
    /// The workflow as it is now.
    pub workflow: WorkflowHead,
    /// The version.
    pub version: VersionId,
    /// Its number.
    pub number: u64,
}

impl Store {
    /// Makes the draft the version that triggers start, and switches them on.
    pub async fn publish_workflow(&self, workspace: WorkspaceId, publish: Publish) -> Result<Published> {
        let Publish { workflow, rev, definition, triggers, user } = publish;
        let version = fresh(VersionId::new);
        let now = Timestamp::now();
        // The row of the workflow first: whoever else publishes waits for it.
        let head = Statement::new(
            "UPDATE workflows SET status = 'active', published_version_id = $1, published_at = $2, updated_by = $3,
               updated_at = $4
             WHERE workspace_id = $5 AND id = $6 AND rev = $7 AND deleted_at IS NULL
             RETURNING id, name, description, status, rev, published_version_id, created_by, updated_by, created_at,
               updated_at, published_at",
            params![version, now, user, now, workspace, workflow, rev],
        );
        let insert = Statement::new(
            "INSERT INTO workflow_versions
               (workspace_id, id, workflow_id, version_number, definition, sha256, created_by, created_at)
             SELECT workspace_id, $1, id,
               (SELECT coalesce(max(version_number), 0) + 1 FROM workflow_versions AS earlier
                 WHERE earlier.workspace_id = workflows.workspace_id AND earlier.workflow_id = workflows.id),
               $2, $3, $4, $5
             FROM workflows WHERE workspace_id = $6 AND id = $7
             RETURNING version_number",
            params![
                version,
                definition.as_str(),
                sha256(&definition).as_slice(),
                user,
                now,
                workspace,
                workflow
            ],
        );
        let mut statements =
            vec![head.expects(Expects::NoConflict(STALE)), insert.expects(Expects::Found("workflow"))];
        for trigger in &triggers {
            statements.extend(upsert(workspace, workflow, version, now, trigger));
        }
        statements.extend([
            Statement::new(
                "DELETE FROM timers WHERE workspace_id = $1 AND owner_kind = 'trigger' AND owner_id IN
                   (SELECT id FROM triggers WHERE workspace_id = $2 AND workflow_id = $3 AND version_id <> $4)",
                params![workspace, workspace, workflow, version],
            ),
            // Kept switched off: a node that comes back has its address again.
            Statement::new(
                "UPDATE webhook_routes SET is_active = $1, trigger_id = NULL
                  WHERE workspace_id = $2 AND workflow_id = $3 AND is_test = $4 AND version_id <> $5",
                params![false, workspace, workflow, false, version],
            ),
            Statement::new(
                "DELETE FROM triggers WHERE workspace_id = $1 AND workflow_id = $2 AND version_id <> $3",
                params![workspace, workflow, version],
            ),
        ]);
        let result = self.db.transaction(Scope::Workspace(workspace), statements).await;
        if let Err(Error::Conflict(text)) = result {
            self.workflow(workspace, workflow).await?;
            return Err(Error::Conflict(text));
        }
        let rows = result?;
        self.hint(Wakeup::Triggers);
        let row =
            |index: usize| rows.get(index).and_then(|rows| rows.first()).ok_or(Error::NotFound("workflow"));
        Ok(Published { workflow: WorkflowHead::read(row(0)?)?, version, number: row(1)?.get(0)? })
    }

    /// Switches the triggers of a published workflow on again. `due` says when those with a time are due.
    pub async fn activate_workflow(
        &self,
        workspace: WorkspaceId,
        workflow: WorkflowId,
        due: &[(TriggerId, Timestamp)],
        user: Option<UserId>,
    ) -> Result<WorkflowHead> {
        let now = Timestamp::now();
        let head = Statement::new(
            "UPDATE workflows SET status = 'active', updated_by = $1, updated_at = $2
              WHERE workspace_id = $3 AND id = $4 AND deleted_at IS NULL AND published_version_id IS NOT NULL
             RETURNING id, name, description, status, rev, published_version_id, created_by, updated_by, created_at,
               updated_at, published_at",
            params![user, now, workspace, workflow],
        );
        let mut statements = vec![
            head.expects(Expects::Found("published workflow")),
            Statement::new(
                "UPDATE triggers SET is_active = $1, updated_at = $2 WHERE workspace_id = $3 AND workflow_id = $4",
                params![true, now, workspace, workflow],
            ),
            Statement::new(
                "UPDATE webhook_routes SET is_active = $1
                  WHERE workspace_id = $2 AND workflow_id = $3 AND is_test = $4 AND trigger_id IS NOT NULL",
                params![true, workspace, workflow, false],
            ),
        ];
        statements.extend(due.iter().map(|(trigger, due_at)| {
            Statement::new(
                "INSERT INTO timers (workspace_id, owner_kind, owner_id, key, due_at)
                 SELECT workspace_id, 'trigger', id, '', $1 FROM triggers
                  WHERE workspace_id = $2 AND id = $3 AND workflow_id = $4
                 ON CONFLICT (workspace_id, owner_kind, owner_id, key) DO NOTHING",
                params![*due_at, workspace, *trigger, workflow],
            )
        }));
        let rows = self.db.transaction(Scope::Workspace(workspace), statements).await?;
        self.hint(Wakeup::Triggers);
        self.hint(Wakeup::Timers);
        let row = rows.first().and_then(|rows| rows.first());
        WorkflowHead::read(row.ok_or(Error::NotFound("published workflow"))?)
    }
}

/// What makes a trigger what it is from now on.
fn upsert(
    workspace: WorkspaceId,
    workflow: WorkflowId,
    version: VersionId,
    now: Timestamp,
    trigger: &TriggerSpec,
) -> Vec<Statement> {
    let (node, kind, config) = (trigger.node.as_str(), trigger.kind.as_str(), trigger.config.as_str());
    let mut statements = vec![
        Statement::new(
            "DELETE FROM timers WHERE workspace_id = $1 AND owner_kind = 'trigger' AND owner_id IN
               (SELECT id FROM triggers WHERE workspace_id = $2 AND workflow_id = $3 AND node_key = $4
                   AND (kind <> $5 OR config <> $6))",
            params![workspace, workspace, workflow, node, kind, config],
        ),
        Statement::new(
            "INSERT INTO triggers
               (workspace_id, id, workflow_id, version_id, node_key, kind, config, is_active, created_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
             ON CONFLICT (workspace_id, workflow_id, node_key) DO UPDATE SET
               cursor = CASE WHEN triggers.kind = excluded.kind THEN triggers.cursor END,
               version_id = excluded.version_id, kind = excluded.kind, config = excluded.config,
               is_active = excluded.is_active, last_error = NULL, updated_at = excluded.updated_at",
            params![
                workspace,
                fresh(TriggerId::new),
                workflow,
                version,
                node,
                kind,
                config,
                true,
                now,
                now
            ],
        ),
    ];
    if trigger.has_route {
        statements.push(Statement::new(
            "INSERT INTO webhook_routes
               (workspace_id, id, workflow_id, trigger_id, version_id, node_key, is_test, is_active, created_at)
             SELECT workspace_id, $1, workflow_id, id, version_id, node_key, $2, $3, $4 FROM triggers
              WHERE workspace_id = $5 AND workflow_id = $6 AND node_key = $7
             ON CONFLICT (workspace_id, workflow_id, node_key, is_test) DO UPDATE SET
               trigger_id = excluded.trigger_id, version_id = excluded.version_id, is_active = excluded.is_active",
            params![RouteId::from_bytes(random()), false, true, now, workspace, workflow, node],
        ));
    }
    if let Some(due_at) = trigger.due_at {
        statements.push(Statement::new(
            "INSERT INTO timers (workspace_id, owner_kind, owner_id, key, due_at)
             SELECT workspace_id, 'trigger', id, '', $1 FROM triggers
              WHERE workspace_id = $2 AND workflow_id = $3 AND node_key = $4
             ON CONFLICT (workspace_id, owner_kind, owner_id, key) DO NOTHING",
            params![due_at, workspace, workflow, node],
        ));
    }
    statements
}
