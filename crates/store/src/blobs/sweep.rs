//! Removes blobs that nobody refers to.

use std::time::Duration;

use jiff::Timestamp;
use model::ids::WorkspaceId;

use super::{Blobs, blocking, files};
use crate::db::{Scope, Statement, params};
use crate::error::Result;
use crate::store::Store;

/// What a sweep did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Put aside, to be removed by a later sweep.
    pub aside: u64,
    /// Put aside earlier and needed after all.
    pub back: u64,
    /// Removed for good.
    pub removed: u64,
    /// How many bytes that gave back.
    pub freed: u64,
}

impl Store {
    /// Removes blobs of a workspace that nobody has referred to for `grace`, which must be longer than any commit
    /// takes. Looks at one in 256 of them per `shard`: call it once in a while with the next.
    pub async fn sweep_blobs(&self, workspace: WorkspaceId, shard: u8, grace: Duration) -> Result<Swept> {
        let mut swept = Swept::default();
        if let Blobs::Files(folder) = &self.blobs {
            let folder = folder.clone();
            blocking(move || files::clean(&folder)).await?;
        }
        // Commits that follow insert a row of their own.
        let unused =
            Statement::new("DELETE FROM blobs WHERE workspace_id = $1 AND refcount <= 0", params![workspace]);
        self.db.transaction(Scope::Workspace(workspace), vec![unused]).await?;
        let before = Timestamp::now().checked_sub(grace).unwrap_or(Timestamp::MIN);
        for found in self.blobs.list(workspace, shard).await? {
            if found.changed_at > before {
                continue;
            }
            let used = self.uses_blob(workspace, found.sha256).await?;
            match (used, found.aside) {
                (true, false) => {}
                (true, true) => {
                    self.blobs.put_back(workspace, found.sha256).await?;
                    swept.back += 1;
                }
                (false, false) => {
                    self.blobs.put_aside(workspace, found.sha256).await?;
                    swept.aside += 1;
                }
                (false, true) => {
                    self.blobs.remove_aside(workspace, found.sha256).await?;
                    swept.removed += 1;
                    swept.freed += found.size;
                }
            }
        }
        Ok(swept)
    }

    /// Whether a blob has a row.
    pub(crate) async fn uses_blob(&self, workspace: WorkspaceId, sha256: [u8; 32]) -> Result<bool> {
        let rows = self.db.rows(
            Scope::Workspace(workspace),
            "SELECT refcount FROM blobs WHERE workspace_id = $1 AND sha256 = $2",
            params![workspace, sha256.as_slice()],
        );
        Ok(!rows.await?.is_empty())
    }
}
