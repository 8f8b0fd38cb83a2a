//! Workflows: drafts that people edit, one at a time by a revision, and what is published of them.

mod publish;

use jiff::Timestamp;
use model::ids::{UserId, VersionId, WorkflowId, WorkspaceId};

use crate::db::{Expects, Row, Scope, Statement, params};
use crate::error::{Error, Result};
use crate::fresh::fresh;
use crate::page::{LAST, Page, PageOf};
use crate::store::{Store, Wakeup};

pub use publish::{Publish, Published, TriggerSpec};

/// A workflow without its draft.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkflowHead {
    /// Its id.
    pub id: WorkflowId,
    /// Its name.
    pub name: String,
    /// What people say about it.
    pub description: String,
    /// Whether its triggers work.
    pub status: WorkflowStatus,
    /// How often its draft was changed.
    pub rev: u64,
    /// The version that triggers start.
    pub published: Option<VersionId>,
    /// Who made it.
    pub created_by: Option<UserId>,
    /// Who changed it last.
    pub updated_by: Option<UserId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
    /// When it was published last.
    pub published_at: Option<Timestamp>,
}

/// A workflow with its draft.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workflow {
    /// All but the draft.
    pub head: WorkflowHead,
    /// The unpublished graph, as JSON.
    pub draft: String,
}

/// Whether the triggers of a workflow work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WorkflowStatus {
    /// Never published.
    Draft,
    /// They do.
    Active,
    /// Switched off for now.
    Paused,
    /// Put away.
    Archived,
}

impl WorkflowStatus {
    /// Every status.
    pub const ALL: [WorkflowStatus; 4] = [Self::Draft, Self::Active, Self::Paused, Self::Archived];

    /// The word that is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Archived => "archived",
        }
    }

    /// The status with this word.
    pub fn find(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }
}

/// A workflow to create.
#[derive(Clone, Debug)]
pub struct NewWorkflow {
    /// Its name.
    pub name: String,
    /// What people say about it.
    pub description: String,
    /// The unpublished graph, as JSON.
    pub draft: String,
    /// Who makes it.
    pub user: Option<UserId>,
}

/// What to change about a workflow; what is absent stays.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// Its name.
    pub name: Option<String>,
    /// What people say about it.
    pub description: Option<String>,
    /// The unpublished graph, as JSON.
    pub draft: Option<String>,
    /// Who changes it.
    pub user: Option<UserId>,
}

/// The columns of a head, in the order in which [`WorkflowHead::read`] expects them.
macro_rules! head {
    () => {
        "id, name, description, status, rev, published_version_id, created_by, updated_by, created_at, \
         updated_at, published_at"
    };
}

impl WorkflowHead {
    fn read(row: &Row) -> Result<Self> {
        let status: String = row.get(3)?;
        let status = WorkflowStatus::find(&status)
            .ok_or_else(|| Error::Damaged(format!("a workflow has the status {status}")))?;
        Ok(Self {
            id: row.get(0)?,
            name: row.get(1)?,
            description: row.get(2)?,
            status,
            rev: row.get(4)?,
            published: row.get(5)?,
            created_by: row.get(6)?,
            updated_by: row.get(7)?,
            created_at: row.get(8)?,
            updated_at: row.get(9)?,
            published_at: row.get(10)?,
        })
    }
}

impl Workflow {
    fn read(row: &Row) -> Result<Self> {
        Ok(Self { head: WorkflowHead::read(row)?, draft: row.get(11)? })
    }
}

/// What a caller hears whose revision is not the newest.
const STALE: &str = "the workflow was changed meanwhile; load it again";

impl Store {
    /// Creates a workflow.
    pub async fn create_workflow(&self, workspace: WorkspaceId, new: NewWorkflow) -> Result<Workflow> {
        let now = Timestamp::now();
        let insert = Statement::new(
            concat!(
                "INSERT INTO workflows
                   (workspace_id, id, name, description, draft, created_by, updated_by, created_at, updated_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING ",
                head!(),
                ", draft"
            ),
            params![
                workspace,
                fresh(WorkflowId::new),
                new.name,
                new.description,
                new.draft,
                new.user,
                new.user,
                now,
                now
            ],
        );
        self.changed(workspace, insert.expects(Expects::Found("workspace"))).await
    }

    /// A workflow.
    pub async fn workflow(&self, workspace: WorkspaceId, id: WorkflowId) -> Result<Workflow> {
        let row = self.db.row(
            Scope::Workspace(workspace),
            "workflow",
            concat!(
                "SELECT ",
                head!(),
                ", draft FROM workflows WHERE workspace_id = $1 AND id = $2 AND deleted_at IS NULL"
            ),
            params![workspace, id],
        );
        Workflow::read(&row.await?)
    }

    /// Lists workflows, newest first. A `search` is part of the name, upper and lower case alike.
    pub async fn workflows(
        &self,
        workspace: WorkspaceId,
        search: Option<&str>,
        page: Page<WorkflowId>,
    ) -> Result<PageOf<WorkflowHead>> {
        let pattern = format!("%{}%", escape_like(search.unwrap_or_default()));
        let before = page.after.map_or(LAST, |id| *id.as_bytes());
        let rows = self.db.rows(
            Scope::Workspace(workspace),
            concat!(
                "SELECT ",
                head!(),
                " FROM workflows WHERE workspace_id = $1 AND id < $2 AND deleted_at IS NULL
                    AND lower(name) LIKE lower($3) ESCAPE '!'
                  ORDER BY id DESC LIMIT $4"
            ),
            params![workspace, before, pattern, page.rows()],
        );
        page.collect(&rows.await?, WorkflowHead::read)
    }

    /// Changes a workflow whose revision is `rev`; a draft or name that changes makes the next revision.
    pub async fn update_workflow(
        &self,
        workspace: WorkspaceId,
        id: WorkflowId,
        rev: u64,
        change: Change,
    ) -> Result<Workflow> {
        let update = Statement::new(
            concat!(
                "UPDATE workflows SET name = coalesce($1, name), description = coalesce($2, description),
                   draft = coalesce($3, draft), rev = rev + 1, updated_by = $4, updated_at = $5
                 WHERE workspace_id = $6 AND id = $7 AND rev = $8 AND deleted_at IS NULL RETURNING ",
                head!(),
                ", draft"
            ),
            params![
                change.name,
                change.description,
                change.draft,
                change.user,
                Timestamp::now(),
                workspace,
                id,
                rev
            ],
        );
        match self.changed(workspace, update.expects(Expects::NoConflict(STALE))).await {
            Err(Error::Conflict(text)) => {
                self.workflow(workspace, id).await?;
                Err(Error::Conflict(text))
            }
            result => result,
        }
    }

    /// Switches the triggers of a workflow off for now.
    pub async fn pause_workflow(
        &self,
        workspace: WorkspaceId,
        id: WorkflowId,
        user: Option<UserId>,
    ) -> Result<WorkflowHead> {
        self.switch_off(workspace, id, user, WorkflowStatus::Paused).await
    }

    /// Puts a workflow away: its triggers are off until it is activated or published again.
    pub async fn archive_workflow(
        &self,
        workspace: WorkspaceId,
        id: WorkflowId,
        user: Option<UserId>,
    ) -> Result<WorkflowHead> {
        self.switch_off(workspace, id, user, WorkflowStatus::Archived).await
    }

    async fn switch_off(
        &self,
        workspace: WorkspaceId,
        id: WorkflowId,
        user: Option<UserId>,
        status: WorkflowStatus,
    ) -> Result<WorkflowHead> {
        let now = Timestamp::now();
        let head = Statement::new(
            concat!(
                "UPDATE workflows SET status = $1, updated_by = $2, updated_at = $3
                  WHERE workspace_id = $4 AND id = $5 AND deleted_at IS NULL
                    AND (published_version_id IS NOT NULL OR $6) RETURNING ",
                head!()
            ),
            params![status.as_str(), user, now, workspace, id, status == WorkflowStatus::Archived],
        );
        let statements = vec![
            head.expects(Expects::Found("published workflow")),
            Statement::new(
                "DELETE FROM timers WHERE workspace_id = $1 AND owner_kind = 'trigger' AND owner_id IN
                   (SELECT id FROM triggers WHERE workspace_id = $2 AND workflow_id = $3)",
                params![workspace, workspace, id],
            ),
            Statement::new(
                "UPDATE triggers SET is_active = $1, updated_at = $2 WHERE workspace_id = $3 AND workflow_id = $4",
                params![false, now, workspace, id],
            ),
            Statement::new(
                "UPDATE webhook_routes SET is_active = $1
                  WHERE workspace_id = $2 AND workflow_id = $3 AND is_test = $4",
                params![false, workspace, id, false],
            ),
        ];
        let rows = self.db.transaction(Scope::Workspace(workspace), statements).await?;
        self.hint(Wakeup::Triggers);
        let row = rows.first().and_then(|rows| rows.first());
        WorkflowHead::read(row.ok_or(Error::NotFound("published workflow"))?)
    }

    /// Removes a workflow from sight: it starts nothing any more, and after a while it is gone for good.
    pub async fn delete_workflow(
        &self,
        workspace: WorkspaceId,
        id: WorkflowId,
        user: Option<UserId>,
    ) -> Result<()> {
        let now = Timestamp::now();
        let head = Statement::new(
            "UPDATE workflows SET status = 'archived', deleted_at = $1, updated_by = $2, updated_at = $3
              WHERE workspace_id = $4 AND id = $5 AND deleted_at IS NULL RETURNING id",
            params![now, user, now, workspace, id],
        );
        let statements = vec![
            head.expects(Expects::Found("workflow")),
            Statement::new(
                "DELETE FROM timers WHERE workspace_id = $1 AND owner_kind = 'trigger' AND owner_id IN
                   (SELECT id FROM triggers WHERE workspace_id = $2 AND workflow_id = $3)",
                params![workspace, workspace, id],
            ),
            Statement::new(
                "DELETE FROM webhook_routes WHERE workspace_id = $1 AND workflow_id = $2",
                params![workspace, id],
            ),
            Statement::new(
                "DELETE FROM triggers WHERE workspace_id = $1 AND workflow_id = $2",
                params![workspace, id],
            ),
        ];
        self.db.transaction(Scope::Workspace(workspace), statements).await?;
        self.hint(Wakeup::Triggers);
        Ok(())
    }

    async fn changed(&self, workspace: WorkspaceId, statement: Statement) -> Result<Workflow> {
        let rows = self.db.transaction(Scope::Workspace(workspace), vec![statement]).await?;
        let row = rows.first().and_then(|rows| rows.first());
        Workflow::read(row.ok_or(Error::NotFound("workflow"))?)
    }
}

/// A text in which nothing means anything to `LIKE ... ESCAPE '!'`.
pub(crate) fn escape_like(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        if matches!(letter, '%' | '_' | '!') {
            escaped.push('!');
        }
        escaped.push(letter);
    }
    escaped
}
