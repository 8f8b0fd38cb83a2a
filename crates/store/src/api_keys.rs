//! Keys of the API. Only their public part and a keyed hash of the rest are kept.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use model::ids::{ApiKeyId, UserId, WorkspaceId};

use crate::db::{Expects, Row, Scope, Statement, params};
use crate::error::Result;
use crate::fresh::fresh;
use crate::store::Store;
use crate::workspaces::Role;

/// A key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// The tenant.
    pub workspace: WorkspaceId,
    /// Its id.
    pub id: ApiKeyId,
    /// Whose rights it has at most.
    pub user: UserId,
    /// What people call it.
    pub name: String,
    /// Its public part.
    pub prefix: String,
    /// What it may be used for, as a JSON list.
    pub scopes: String,
    /// Until when it may be used.
    pub expires_at: Option<Timestamp>,
    /// When it was used last, to within minutes.
    pub last_used_at: Option<Timestamp>,
    /// Whether it may be used.
    pub is_active: bool,
    /// Since when.
    pub created_at: Timestamp,
}

/// A key that somebody shows, with what decides whether it is the right one and what it may do now.
#[derive(Clone)]
pub struct PresentedKey {
    /// The key.
    pub key: ApiKey,
    /// The keyed hash of its secret part.
    pub hash: Vec<u8>,
    /// What its user may do in its workspace now; without a role the key is worth nothing.
    pub role: Option<Role>,
    /// Whether its user may sign in.
    pub user_is_active: bool,
}

/// A key to create.
#[derive(Clone)]
pub struct NewApiKey {
    /// What people call it.
    pub name: String,
    /// Its public part.
    pub prefix: String,
    /// The keyed hash of its secret part.
    pub hash: Vec<u8>,
    /// What it may be used for, as a JSON list.
    pub scopes: String,
    /// Until when it may be used.
    pub expires_at: Option<Timestamp>,
}

impl fmt::Debug for NewApiKey {
    // Without the hash.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewApiKey").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

/// The columns of a key, in the order in which [`ApiKey::read`] expects them.
macro_rules! columns {
    () => {
        "api_keys.workspace_id, api_keys.id, api_keys.user_id, api_keys.name, prefix, scopes, expires_at, \
         last_used_at, api_keys.is_active, api_keys.created_at"
    };
}

impl ApiKey {
    fn read(row: &Row) -> Result<Self> {
        Ok(Self {
            workspace: row.get(0)?,
            id: row.get(1)?,
            user: row.get(2)?,
            name: row.get(3)?,
            prefix: row.get(4)?,
            scopes: row.get(5)?,
            expires_at: row.get(6)?,
            last_used_at: row.get(7)?,
            is_active: row.get(8)?,
            created_at: row.get(9)?,
        })
    }
}

impl NewApiKey {
    /// What creates it, with the id that it gets.
    pub(crate) fn insert(
        self,
        workspace: WorkspaceId,
        user: UserId,
        now: Timestamp,
    ) -> (ApiKeyId, Statement) {
        let id = fresh(ApiKeyId::new);
        let insert = Statement::new(
            "INSERT INTO api_keys
               (workspace_id, id, user_id, name, prefix, key_hash, scopes, expires_at, is_active, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            params![
                workspace,
                id,
                user,
                self.name,
                self.prefix,
                self.hash,
                self.scopes,
                self.expires_at,
                true,
                now
            ],
        );
        (id, insert)
    }
}

/// How much later a use must be to be written down.
const COARSE: Duration = Duration::from_secs(300);

impl Store {
    /// Creates a key.
    pub async fn create_api_key(
        &self,
        workspace: WorkspaceId,
        user: UserId,
        new: NewApiKey,
    ) -> Result<ApiKeyId> {
        let (id, insert) = new.insert(workspace, user, Timestamp::now());
        self.db.transaction(Scope::Workspace(workspace), vec![insert]).await?;
        Ok(id)
    }

    /// The key with this public part, whatever its tenant: whoever shows a key says nothing else.
    pub async fn find_api_key(&self, prefix: &str) -> Result<Option<PresentedKey>> {
        let rows = self.db.rows(
            Scope::Instance,
            concat!(
                "SELECT ",
                columns!(),
                ", key_hash, role, users.is_active FROM api_keys
                  JOIN users ON users.id = api_keys.user_id
                  LEFT JOIN workspace_members ON workspace_members.workspace_id = api_keys.workspace_id
                   AND workspace_members.user_id = api_keys.user_id
                 WHERE prefix = $1"
            ),
            params![prefix],
        );
        let rows = rows.await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let role: Option<String> = row.get(11)?;
        Ok(Some(PresentedKey {
            key: ApiKey::read(row)?,
            hash: row.get(10)?,
            role: role.map(|_| Role::read(row, 11)).transpose()?,
            user_is_active: row.get(12)?,
        }))
    }

    /// The keys of a workspace, oldest first.
    pub async fn api_keys(&self, workspace: WorkspaceId) -> Result<Vec<ApiKey>> {
        let rows = self.db.rows(
            Scope::Workspace(workspace),
            concat!("SELECT ", columns!(), " FROM api_keys WHERE workspace_id = $1 ORDER BY id"),
            params![workspace],
        );
        rows.await?.iter().map(ApiKey::read).collect()
    }

    /// Notes that a key was used, at most every few minutes.
    pub async fn touch_api_key(&self, key: &ApiKey) -> Result<()> {
        let now = Timestamp::now();
        let before = now.checked_sub(COARSE).unwrap_or(Timestamp::MIN);
        if key.last_used_at.is_some_and(|at| at > before) {
            return Ok(());
        }
        let touch = Statement::new(
            "UPDATE api_keys SET last_used_at = $1 WHERE workspace_id = $2 AND id = $3
                AND (last_used_at IS NULL OR last_used_at <= $4)",
            params![now, key.workspace, key.id, before],
        );
        self.db.transaction(Scope::Workspace(key.workspace), vec![touch]).await.map(drop)
    }

    /// Revokes a key.
    pub async fn delete_api_key(&self, workspace: WorkspaceId, id: ApiKeyId) -> Result<()> {
        let delete = Statement::new(
            "DELETE FROM api_keys WHERE workspace_id = $1 AND id = $2",
            params![workspace, id],
        );
        let delete = delete.expects(Expects::Found("API key"));
        self.db.transaction(Scope::Workspace(workspace), vec![delete]).await.map(drop)
    }
}
