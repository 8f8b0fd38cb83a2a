//! Versions of workflows: immutable, found by id for ever. Number 0 is for test runs of a draft: the same content is the
//! same version.

use jiff::Timestamp;
use model::ids::{UserId, VersionId, WorkflowId, WorkspaceId};
use sha2::{Digest, Sha256};

use crate::db::{Row, Scope, Statement, params};
use crate::error::{Error, Result};
use crate::fresh::fresh;
use crate::page::{Page, PageOf};
use crate::store::Store;

/// A version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// Its id.
    pub id: VersionId,
    /// Its workflow.
    pub workflow: WorkflowId,
    /// Its number within the workflow; 0 for versions of test runs.
    pub number: u64,
    /// The workflow as JSON.
    pub definition: String,
    /// The hash of the definition.
    pub sha256: [u8; 32],
    /// Who published it.
    pub created_by: Option<UserId>,
    /// When.
    pub created_at: Timestamp,
}

/// A version in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionSummary {
    /// Its id.
    pub id: VersionId,
    /// Its number within the workflow.
    pub number: u64,
    /// Who published it.
    pub created_by: Option<UserId>,
    /// When.
    pub created_at: Timestamp,
}

impl Version {
    fn read(row: &Row) -> Result<Self> {
        let sha256: Vec<u8> = row.get(4)?;
        Ok(Self {
            id: row.get(0)?,
            workflow: row.get(1)?,
            number: row.get(2)?,
            definition: row.get(3)?,
            sha256: sha256.try_into().map_err(|_| Error::Damaged("a version's hash is too short".into()))?,
            created_by: row.get(5)?,
            created_at: row.get(6)?,
        })
    }
}

/// The hash by which the content of a version is known.
pub(crate) fn sha256(definition: &str) -> [u8; 32] {
    Sha256::digest(definition).into()
}

impl Store {
    /// A version.
    pub async fn version(&self, workspace: WorkspaceId, id: VersionId) -> Result<Version> {
        let row = self.db.row(
            Scope::Workspace(workspace),
            "version",
            "SELECT id, workflow_id, version_number, definition, sha256, created_by, created_at
               FROM workflow_versions WHERE workspace_id = $1 AND id = $2",
            params![workspace, id],
        );
        Version::read(&row.await?)
    }

    /// A published version by its number.
    pub async fn version_by_number(
        &self,
        workspace: WorkspaceId,
        workflow: WorkflowId,
        number: u64,
    ) -> Result<Version> {
        let row = self.db.row(
            Scope::Workspace(workspace),
            "version",
            "SELECT id, workflow_id, version_number, definition, sha256, created_by, created_at
               FROM workflow_versions
              WHERE workspace_id = $1 AND workflow_id = $2 AND version_number = $3 AND version_number > 0",
            params![workspace, workflow, number],
        );
        Version::read(&row.await?)
    }

    /// The published versions of a workflow, newest first; pages by number.
    pub async fn versions(
        &self,
        workspace: WorkspaceId,
        workflow: WorkflowId,
        page: Page<u64>,
    ) -> Result<PageOf<VersionSummary>> {
        let rows = self.db.rows(
            Scope::Workspace(workspace),
            "SELECT id, version_number, created_by, created_at FROM workflow_versions
              WHERE workspace_id = $1 AND workflow_id = $2 AND version_number > 0 AND version_number < $3
              ORDER BY version_number DESC LIMIT $4",
            params![workspace, workflow, page.after.unwrap_or(i64::MAX as u64), page.rows()],
        );
        page.collect(&rows.await?, |row| {
            Ok(VersionSummary {
                id: row.get(0)?,
                number: row.get(1)?,
                created_by: row.get(2)?,
                created_at: row.get(3)?,
            })
        })
    }

    /// The version with this content, for a test run of a draft: one that is there, or a new one with number 0.
    pub async fn test_version(
        &self,
        workspace: WorkspaceId,
        workflow: WorkflowId,
        definition: &str,
        user: Option<UserId>,
    ) -> Result<VersionId> {
        let sha256 = sha256(definition);
        if let Some(id) = self.version_with(workspace, workflow, &sha256).await? {
            return Ok(id);
        }
        let insert = Statement::new(
            "INSERT INTO workflow_versions
               (workspace_id, id, workflow_id, version_number, definition, sha256, created_by, created_at)
             SELECT workspace_id, $1, id, 0, $2, $3, $4, $5 FROM workflows
              WHERE workspace_id = $6 AND id = $7 AND deleted_at IS NULL
             ON CONFLICT DO NOTHING",
            params![
                fresh(VersionId::new),
                definition,
                sha256.as_slice(),
                user,
                Timestamp::now(),
                workspace,
                workflow
            ],
        );
        self.db.transaction(Scope::Workspace(workspace), vec![insert]).await?;
        // Somebody else may have been faster.
        self.version_with(workspace, workflow, &sha256).await?.ok_or(Error::NotFound("workflow"))
    }

    async fn version_with(
        &self,
        workspace: WorkspaceId,
        workflow: WorkflowId,
        sha256: &[u8; 32],
    ) -> Result<Option<VersionId>> {
        let rows = self.db.rows(
            Scope::Workspace(workspace),
            "SELECT id FROM workflow_versions WHERE workspace_id = $1 AND workflow_id = $2 AND sha256 = $3
              ORDER BY version_number DESC LIMIT 1",
            params![workspace, workflow, sha256.as_slice()],
        );
        rows.await?.first().map(|row| row.get(0)).transpose()
    }
}
