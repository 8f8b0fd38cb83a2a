//! Tenants and who belongs to them.

use jiff::Timestamp;
use model::ids::{UserId, WorkspaceId};

use crate::db::{Expects, Row, Scope, Statement, params};
use crate::error::{Error, Result};
use crate::fresh::fresh;
use crate::store::Store;

/// A tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workspace {
    /// Its id.
    pub id: WorkspaceId,
    /// Its name.
    pub name: String,
    /// Its name in addresses.
    pub slug: String,
    /// Who owns it.
    pub owner: UserId,
    /// The zone of its schedules.
    pub timezone: String,
    /// Its settings, as JSON.
    pub settings: String,
    /// Whether it may be used.
    pub is_active: bool,
    /// Since when.
    pub created_at: Timestamp,
}

/// What somebody may do in a workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Everything, also giving it away.
    Owner,
    /// Everything but that.
    Admin,
    /// Workflows and executions.
    Editor,
    /// Looking.
    Viewer,
}

impl Role {
    /// Every role.
    pub const ALL: [Role; 4] = [Role::Owner, Role::Admin, Role::Editor, Role::Viewer];

    /// The word that is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Owner => "owner",
            Role::Admin => "admin",
            Role::Editor => "editor",
            Role::Viewer => "viewer",
        }
    }

    /// The role with this word.
    pub fn find(word: &str) -> Option<Self> {
        Role::ALL.into_iter().find(|role| role.as_str() == word)
    }

    pub(crate) fn read(row: &Row, index: usize) -> Result<Self> {
        let word: String = row.get(index)?;
        Role::find(&word).ok_or_else(|| Error::Damaged(format!("a member has the role {word}")))
    }
}

impl Workspace {
    fn read(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            name: row.get(1)?,
            slug: row.get(2)?,
            owner: row.get(3)?,
            timezone: row.get(4)?,
            settings: row.get(5)?,
            is_active: row.get(6)?,
            created_at: row.get(7)?,
        })
    }
}

impl Store {
    /// Creates a tenant that somebody owns.
    pub async fn create_workspace(&self, name: &str, slug: &str, owner: UserId) -> Result<WorkspaceId> {
        let (id, now) = (fresh(WorkspaceId::new), Timestamp::now());
        let workspace = Statement::new(
            "INSERT INTO workspaces (id, name, slug, owner_user_id, created_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (slug) DO NOTHING RETURNING id",
            params![id, name, slug, owner, now, now],
        );
        let member = Statement::new(
            "INSERT INTO workspace_members (workspace_id, user_id, role, joined_at) VALUES ($1, $2, $3, $4)",
            params![id, owner, Role::Owner.as_str(), now],
        );
        let taken = Expects::NoConflict("another workspace has this address; choose another one");
        self.db.transaction(Scope::Workspace(id), vec![workspace.expects(taken), member]).await?;
        Ok(id)
    }

    /// A tenant.
    pub async fn workspace(&self, id: WorkspaceId) -> Result<Workspace> {
        let row = self.db.row(
            Scope::Workspace(id),
            "workspace",
            "SELECT id, name, slug, owner_user_id, timezone, settings, is_active, created_at FROM workspaces
              WHERE id = $1",
            params![id],
        );
        Workspace::read(&row.await?)
    }

    /// All tenants.
    pub async fn workspaces(&self) -> Result<Vec<Workspace>> {
        let rows = self.db.rows(
            Scope::Instance,
            "SELECT id, name, slug, owner_user_id, timezone, settings, is_active, created_at FROM workspaces
              ORDER BY id",
            params![],
        );
        rows.await?.iter().map(Workspace::read).collect()
    }

    /// What somebody may do in a workspace, if they belong to it.
    pub async fn role(&self, workspace: WorkspaceId, user: UserId) -> Result<Option<Role>> {
        let rows = self.db.rows(
            Scope::Workspace(workspace),
            "SELECT role FROM workspace_members WHERE workspace_id = $1 AND user_id = $2",
            params![workspace, user],
        );
        rows.await?.first().map(|row| Role::read(row, 0)).transpose()
    }
}
