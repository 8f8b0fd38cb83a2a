//! Credentials: named, encrypted sets of secrets. Lists show everything but the secrets; only use opens them.

use std::sync::Arc;

use jiff::Timestamp;
use model::ids::{CredentialId, UserId, WorkspaceId};
use zeroize::Zeroizing;

use crate::db::{Expects, Row, Scope, Statement, params};
use crate::error::{Error, Result};
use crate::fresh::fresh;
use crate::secrets::{Keyring, Place, Secret, open_record, seal_record};
use crate::store::Store;

/// A credential without its secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// Its id.
    pub id: CredentialId,
    /// What people call it.
    pub name: String,
    /// What it is for, such as `httpHeaderAuth`.
    pub kind: String,
    /// Who made it.
    pub created_by: Option<UserId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

/// A credential to create.
pub struct NewCredential {
    /// What people call it.
    pub name: String,
    /// What it is for.
    pub kind: String,
    /// Its secrets, as a JSON object.
    pub secret: Secret,
    /// Who makes it.
    pub user: Option<UserId>,
}

/// The columns of a credential, in the order in which [`Credential::read`] expects them.
macro_rules! columns {
    () => {
        "id, name, kind, created_by, created_at, updated_at"
    };
}

impl Credential {
    fn read(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            name: row.get(1)?,
            kind: row.get(2)?,
            created_by: row.get(3)?,
            created_at: row.get(4)?,
            updated_at: row.get(5)?,
        })
    }
}

fn place(workspace: WorkspaceId, id: &CredentialId) -> Place<'_> {
    Place { table: "credentials", column: "ciphertext", workspace, row: id.as_bytes() }
}

/// Sealed with a key that may have been retired meanwhile: it is tried again with the next.
const ATTEMPTS: usize = 3;

/// What the caller hears who has bad luck that often.
const RETIRED: &str = "the key of the workspace is being rotated; try again";

impl Store {
    /// Creates a credential.
    pub async fn create_credential(
        &self,
        keyring: &Keyring,
        workspace: WorkspaceId,
        new: NewCredential,
    ) -> Result<CredentialId> {
        let id = fresh(CredentialId::new);
        let now = Timestamp::now();
        for _ in 0..ATTEMPTS {
            let (version, ciphertext) = self.seal_credential(keyring, workspace, &id, &new.secret).await?;
            let insert = Statement::new(
                "INSERT INTO credentials
                   (workspace_id, id, name, kind, ciphertext, key_version, created_by, created_at, updated_at)
                 SELECT workspace_id, $1, $2, $3, $4, version, $5, $6, $7 FROM data_keys
                  WHERE workspace_id = $8 AND version = $9 AND state = 'active'
                 ON CONFLICT (workspace_id, kind, name) DO NOTHING RETURNING id",
                params![
                    id,
                    new.name.as_str(),
                    new.kind.as_str(),
                    ciphertext,
                    new.user,
                    now,
                    now,
                    workspace,
                    version
                ],
            );
            let rows = self.db.transaction(Scope::Workspace(workspace), vec![insert]).await?;
            if rows.first().is_some_and(|rows| !rows.is_empty()) {
                return Ok(id);
            }
            let taken = self.db.rows(
                Scope::Workspace(workspace),
                "SELECT id FROM credentials WHERE workspace_id = $1 AND kind = $2 AND name = $3",
                params![workspace, new.kind.as_str(), new.name.as_str()],
            );
            if !taken.await?.is_empty() {
                return Err(Error::Conflict(format!(
                    "there is a credential \"{}\" of this kind already; choose another name",
                    new.name
                )));
            }
        }
        Err(Error::Conflict(RETIRED.into()))
    }

    /// Changes the name of a credential, or its secrets, or both.
    pub async fn update_credential(
        &self,
        keyring: &Keyring,
        workspace: WorkspaceId,
        id: CredentialId,
        name: Option<&str>,
        secret: Option<&Secret>,
    ) -> Result<()> {
        let now = Timestamp::now();
        if let Some(name) = name {
            let rename = Statement::new(
                "UPDATE credentials SET name = $1, updated_at = $2 WHERE workspace_id = $3 AND id = $4",
                params![name, now, workspace, id],
            );
            let rename = rename.expects(Expects::Found("credential"));
            self.db.transaction(Scope::Workspace(workspace), vec![rename]).await?;
        }
        let Some(secret) = secret else { return Ok(()) };
        for _ in 0..ATTEMPTS {
            let (version, ciphertext) = self.seal_credential(keyring, workspace, &id, secret).await?;
            let update = Statement::new(
                "UPDATE credentials SET ciphertext = $1, key_version = $2, updated_at = $3
                  WHERE workspace_id = $4 AND id = $5 AND EXISTS
                    (SELECT 1 FROM data_keys WHERE workspace_id = $6 AND version = $7 AND state = 'active')
                 RETURNING id",
                params![ciphertext, version, now, workspace, id, workspace, version],
            );
            let rows = self.db.transaction(Scope::Workspace(workspace), vec![update]).await?;
            if rows.first().is_some_and(|rows| !rows.is_empty()) {
                return Ok(());
            }
            self.credential(workspace, id).await?;
        }
        Err(Error::Conflict(RETIRED.into()))
    }

    async fn seal_credential(
        &self,
        keyring: &Keyring,
        workspace: WorkspaceId,
        id: &CredentialId,
        secret: &Secret,
    ) -> Result<(u32, Vec<u8>)> {
        let (version, key): (u32, Arc<Zeroizing<[u8; 32]>>) =
            self.active_data_key(keyring, workspace).await?;
        Ok((version, seal_record(&key, version, place(workspace, id), secret)))
    }

    /// The credentials of a workspace, without their secrets, by name.
    pub async fn credentials(&self, workspace: WorkspaceId) -> Result<Vec<Credential>> {
        let rows = self.db.rows(
            Scope::Workspace(workspace),
            concat!("SELECT ", columns!(), " FROM credentials WHERE workspace_id = $1 ORDER BY name, id"),
            params![workspace],
        );
        rows.await?.iter().map(Credential::read).collect()
    }

    /// A credential, without its secrets.
    pub async fn credential(&self, workspace: WorkspaceId, id: CredentialId) -> Result<Credential> {
        let row = self.db.row(
            Scope::Workspace(workspace),
            "credential",
            concat!("SELECT ", columns!(), " FROM credentials WHERE workspace_id = $1 AND id = $2"),
            params![workspace, id],
        );
        Credential::read(&row.await?)
    }

    /// A credential with its secrets, for use: the caller has checked that whoever uses it may.
    pub async fn open_credential(
        &self,
        keyring: &Keyring,
        workspace: WorkspaceId,
        id: CredentialId,
    ) -> Result<(Credential, Secret)> {
        let row = self.db.row(
            Scope::Workspace(workspace),
            "credential",
            concat!(
                "SELECT ",
                columns!(),
                ", key_version, ciphertext FROM credentials WHERE workspace_id = $1 AND id = $2"
            ),
            params![workspace, id],
        );
        let row = row.await?;
        let (version, ciphertext): (u32, Vec<u8>) = (row.get(6)?, row.get(7)?);
        let key = self.data_key(keyring, workspace, version).await?;
        let secret = open_record(&key, version, place(workspace, &id), &ciphertext)?;
        Ok((Credential::read(&row)?, secret))
    }

    /// Removes a credential.
    pub async fn delete_credential(&self, workspace: WorkspaceId, id: CredentialId) -> Result<()> {
        let delete = Statement::new(
            "DELETE FROM credentials WHERE workspace_id = $1 AND id = $2",
            params![workspace, id],
        );
        let delete = delete.expects(Expects::Found("credential"));
        self.db.transaction(Scope::Workspace(workspace), vec![delete]).await.map(drop)
    }
}
