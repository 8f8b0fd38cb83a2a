//! The first start: the owner, the first workspace and its first key, exactly once.

use jiff::Timestamp;
use model::ids::{ApiKeyId, UserId, WorkspaceId};

use crate::api_keys::NewApiKey;
use crate::db::{Expects, Scope, Statement, params};
use crate::error::Result;
use crate::fresh::fresh;
use crate::store::Store;

/// Who sets the instance up.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The owner's address.
    pub email: String,
    /// The owner's name.
    pub name: String,
    /// The hash of the owner's password.
    pub password_hash: String,
    /// The name of the first workspace.
    pub workspace: String,
    /// Its name in addresses.
    pub slug: String,
    /// Its first key; the user is the owner.
    pub key: NewApiKey,
}

/// What setup made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The owner.
    pub user: UserId,
    /// The first workspace.
    pub workspace: WorkspaceId,
    /// Its first key.
    pub key: ApiKeyId,
}

/// The setting that says so.
const DONE: &str = "setup.completed";

impl Store {
    /// Whether the instance is set up.
    pub async fn is_set_up(&self) -> Result<bool> {
        Ok(self.setting(DONE).await?.is_some())
    }

    /// Sets the instance up. Of several at once one succeeds; the others get [`Error::Conflict`](crate::Error::Conflict)
    /// and change nothing.
    pub async fn set_up(&self, setup: Setup) -> Result<Owner> {
        let now = Timestamp::now();
        let (user, workspace) = (fresh(UserId::new), fresh(WorkspaceId::new));
        let (key, insert_key) = setup.key.insert(workspace, user, now);
        let done = Statement::new(
            "INSERT INTO app_settings (key, value, updated_at) VALUES ($1, 'true', $2)
             ON CONFLICT (key) DO NOTHING RETURNING key",
            params![DONE, now],
        );
        let statements = vec![
            done.expects(Expects::NoConflict("the instance is set up already; sign in instead")),
            Statement::new(
                "INSERT INTO users
                   (id, email, name, password_hash, is_instance_admin, is_active, created_at, updated_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
                params![user, setup.email, setup.name, setup.password_hash, true, true, now, now],
            ),
            Statement::new(
                "INSERT INTO workspaces (id, name, slug, owner_user_id, created_at, updated_at)
                 VALUES ($1, $2, $3, $4, $5, $6)",
                params![workspace, setup.workspace, setup.slug, user, now, now],
            ),
            Statement::new(
                "INSERT INTO workspace_members (workspace_id, user_id, role, joined_at)
                 VALUES ($1, $2, 'owner', $3)",
                params![workspace, user, now],
            ),
            insert_key,
        ];
        self.db.transaction(Scope::Instance, statements).await?;
        Ok(Owner { user, workspace, key })
    }
}
