//! Data keys: one per workspace is active, retired ones open what they sealed.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use model::ids::{CredentialId, WorkspaceId};
use zeroize::Zeroizing;

use super::{Key, Keyring, Place, open_record, seal_record};
use crate::blobs::hex;
use crate::db::{Expects, Row, Scope, Statement, params};
use crate::error::{Error, Result};
use crate::fresh::random;
use crate::store::Store;

/// What became of records when a data key was rotated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rotated {
    /// Sealed again with the active key.
    pub sealed: u64,
    /// Still sealed with a retired key.
    pub left: u64,
    /// Retired keys that sealed nothing any more and are gone.
    pub destroyed: u64,
}

/// Records that are sealed again at once.
const CHUNK: usize = 100;

/// How long a retired key stays at least: whoever began to write with it has ended by then.
const RETIRED: Duration = Duration::from_secs(3600);

/// What the check of the key says.
const CHECK: &str = "runnel";

/// The setting that holds it.
const CHECK_SETTING: &str = "secrets.check";

impl Store {
    /// The active data key of a workspace, made when there is none.
    pub(crate) async fn active_data_key(
        &self,
        keyring: &Keyring,
        workspace: WorkspaceId,
    ) -> Result<(u32, Arc<Key>)> {
        if let Some(active) = self.stored_data_key(keyring, workspace).await? {
            return Ok(active);
        }
        let insert = insert_data_key(keyring, workspace, 1);
        self.db.transaction(Scope::Workspace(workspace), vec![insert]).await?;
        // Somebody else may have been faster.
        self.stored_data_key(keyring, workspace).await?.ok_or(Error::NotFound("data key"))
    }

    async fn stored_data_key(
        &self,
        keyring: &Keyring,
        workspace: WorkspaceId,
    ) -> Result<Option<(u32, Arc<Key>)>> {
        let rows = self.db.rows(
            Scope::Workspace(workspace),
            "SELECT version, wrapped_key, kek_id FROM data_keys
              WHERE workspace_id = $1 AND state = 'active' ORDER BY version DESC LIMIT 1",
            params![workspace],
        );
        rows.await?.first().map(|row| unwrapped(keyring, workspace, row)).transpose()
    }

    /// The data key of a workspace with this version.
    pub(crate) async fn data_key(
        &self,
        keyring: &Keyring,
        workspace: WorkspaceId,
        version: u32,
    ) -> Result<Arc<Key>> {
        if let Some(key) = keyring.opened(workspace, version) {
            return Ok(key);
        }
        let row = self.db.row(
            Scope::Workspace(workspace),
            "data key",
            "SELECT version, wrapped_key, kek_id FROM data_keys WHERE workspace_id = $1 AND version = $2",
            params![workspace, version],
        );
        Ok(unwrapped(keyring, workspace, &row.await?)?.1)
    }

    /// Wraps all data keys with the first key of the ring. Gives how many were wrapped by another one before. When it
    /// is done the other keys of the ring are no longer needed.
    pub async fn rewrap_data_keys(&self, keyring: &Keyring) -> Result<u64> {
        let rows = self.db.rows(
            Scope::Instance,
            "SELECT workspace_id, version, wrapped_key, kek_id FROM data_keys WHERE kek_id <> $1",
            params![keyring.wrapping_id()],
        );
        let rows = rows.await?;
        for row in &rows {
            let (workspace, version): (WorkspaceId, u32) = (row.get(0)?, row.get(1)?);
            let (wrapped, by): (Vec<u8>, String) = (row.get(2)?, row.get(3)?);
            let key = keyring.unwrap(workspace, version, &wrapped, &by)?;
            let (wrapped, wrapped_by) = keyring.wrap(workspace, version, &key);
            let rewrap = Statement::new(
                "UPDATE data_keys SET wrapped_key = $1, kek_id = $2
                  WHERE workspace_id = $3 AND version = $4 AND kek_id = $5",
                params![wrapped, wrapped_by, workspace, version, by],
            );
            self.db.transaction(Scope::Workspace(workspace), vec![rewrap]).await?;
        }
        self.set_setting(CHECK_SETTING, &check(keyring)).await?;
        Ok(rows.len() as u64)
    }

    /// Gives a workspace a new data key for what is written from now on.
    pub async fn rotate_data_key(&self, keyring: &Keyring, workspace: WorkspaceId) -> Result<u32> {
        let (version, _) = self.active_data_key(keyring, workspace).await?;
        let retire = Statement::new(
            "UPDATE data_keys SET state = 'retired', retired_at = $1
              WHERE workspace_id = $2 AND version = $3 AND state = 'active'",
            params![Timestamp::now(), workspace, version],
        );
        let retire = retire.expects(Expects::NoConflict("somebody else rotates the key at this moment"));
        let insert = insert_data_key(keyring, workspace, version + 1);
        self.db.transaction(Scope::Workspace(workspace), vec![retire, insert]).await?;
        Ok(version + 1)
    }

    /// Seals some of the records of a workspace again that a retired key sealed, and removes retired keys that are no
    /// longer needed. Call it until nothing is left.
    pub async fn reseal(&self, keyring: &Keyring, workspace: WorkspaceId) -> Result<Rotated> {
        let (version, key) = self.active_data_key(keyring, workspace).await?;
        let rows = self.db.rows(
            Scope::Workspace(workspace),
            "SELECT id, key_version, ciphertext FROM credentials
              WHERE workspace_id = $1 AND key_version <> $2 ORDER BY id LIMIT $3",
            params![workspace, version, CHUNK + 1],
        );
        let rows = rows.await?;
        let mut rotated = Rotated { left: rows.len().saturating_sub(CHUNK) as u64, ..Rotated::default() };
        for row in rows.iter().take(CHUNK) {
            let (id, was): (CredentialId, u32) = (row.get(0)?, row.get(1)?);
            let ciphertext: Vec<u8> = row.get(2)?;
            let place = Place { table: "credentials", column: "ciphertext", workspace, row: id.as_bytes() };
            let retired = self.data_key(keyring, workspace, was).await?;
            let secret = open_record(&retired, was, place, &ciphertext)?;
            let reseal = Statement::new(
                "UPDATE credentials SET ciphertext = $1, key_version = $2
                  WHERE workspace_id = $3 AND id = $4 AND ciphertext = $5",
                params![seal_record(&key, version, place, &secret), version, workspace, id, ciphertext],
            );
            self.db.transaction(Scope::Workspace(workspace), vec![reseal]).await?;
            rotated.sealed += 1;
        }
        let before = Timestamp::now().checked_sub(RETIRED).unwrap_or(Timestamp::MIN);
        let destroy = Statement::new(
            "DELETE FROM data_keys WHERE workspace_id = $1 AND state = 'retired' AND retired_at < $2
                AND version NOT IN (SELECT key_version FROM credentials WHERE workspace_id = $3)
             RETURNING version",
            params![workspace, before, workspace],
        );
        let gone = self.db.transaction(Scope::Workspace(workspace), vec![destroy]).await?;
        rotated.destroyed = gone.first().map_or(0, Vec::len) as u64;
        Ok(rotated)
    }

    /// Whether the keyring opens what this database holds. The first keyring that asks decides.
    pub async fn check_key(&self, keyring: &Keyring) -> Result<bool> {
        if let Some(known) = self.setting(CHECK_SETTING).await? {
            return Ok(opens(keyring, &known));
        }
        let note = Statement::new(
            "INSERT INTO app_settings (key, value, updated_at) VALUES ($1, $2, $3) ON CONFLICT (key) DO NOTHING",
            params![CHECK_SETTING, check(keyring), Timestamp::now()],
        );
        self.db.transaction(Scope::Instance, vec![note]).await?;
        Ok(self.setting(CHECK_SETTING).await?.is_some_and(|known| opens(keyring, &known)))
    }
}

fn insert_data_key(keyring: &Keyring, workspace: WorkspaceId, version: u32) -> Statement {
    let key = Zeroizing::new(random());
    let (wrapped, wrapped_by) = keyring.wrap(workspace, version, &key);
    Statement::new(
        "INSERT INTO data_keys (workspace_id, version, wrapped_key, kek_id, state, created_at)
         VALUES ($1, $2, $3, $4, 'active', $5) ON CONFLICT (workspace_id, version) DO NOTHING",
        params![workspace, version, wrapped, wrapped_by, Timestamp::now()],
    )
}

fn unwrapped(keyring: &Keyring, workspace: WorkspaceId, row: &Row) -> Result<(u32, Arc<Key>)> {
    let version: u32 = row.get(0)?;
    if let Some(key) = keyring.opened(workspace, version) {
        return Ok((version, key));
    }
    let (wrapped, by): (Vec<u8>, String) = (row.get(1)?, row.get(2)?);
    let key = keyring.unwrap(workspace, version, &wrapped, &by)?;
    Ok((version, keyring.keep_open(workspace, version, key)))
}

/// A text sealed with the key of the instance, as JSON.
fn check(keyring: &Keyring) -> String {
    format!("\"{}\"", hex(&keyring.seal_check(CHECK)))
}

fn opens(keyring: &Keyring, known: &str) -> bool {
    let known = known.trim_matches('"');
    if !known.is_ascii() || !known.len().is_multiple_of(2) {
        return false;
    }
    let sealed: Option<Vec<u8>> = (0..known.len() / 2)
        .map(|index| u8::from_str_radix(&known[index * 2..index * 2 + 2], 16).ok())
        .collect();
    sealed.is_some_and(|sealed| keyring.opens_check(&sealed, CHECK))
}
