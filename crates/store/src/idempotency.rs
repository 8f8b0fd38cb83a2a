//! Requests that came with an idempotency key: each happens once, and its answer is kept for whoever sends it again.

use jiff::Timestamp;
use model::ids::WorkspaceId;

use crate::db::{Scope, Statement, params};
use crate::error::{Error, Result};
use crate::store::Store;

/// A request with a key.
#[derive(Clone, Debug)]
pub struct Begin {
    /// The key.
    pub key: String,
    /// The hash of what is asked.
    pub request_sha256: [u8; 32],
    /// How long its answer is kept.
    pub expires_at: Timestamp,
    /// Whoever began before this and has not finished never will.
    pub abandoned_before: Timestamp,
}

/// What became of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun {
    /// It is new: the request is to be done.
    First,
    /// The request was done.
    Answered {
        /// The status of the answer.
        status: u16,
        /// The body of the answer.
        body: String,
    },
    /// Somebody is about to do it.
    Running,
    /// The key was used for another request.
    Different,
}

impl Store {
    /// Takes a key for a request, or tells what became of it.
    pub async fn begin_request(&self, workspace: WorkspaceId, begin: Begin) -> Result<Begun> {
        let now = Timestamp::now();
        let sha256 = begin.request_sha256.as_slice();
        let statements = vec![
            Statement::new(
                "DELETE FROM idempotency_keys WHERE workspace_id = $1 AND key = $2
                    AND (expires_at <= $3 OR (status IS NULL AND created_at < $4))",
                params![workspace, begin.key.as_str(), now, begin.abandoned_before],
            ),
            Statement::new(
                "INSERT INTO idempotency_keys (workspace_id, key, request_sha256, created_at, expires_at)
                 VALUES ($1, $2, $3, $4, $5) ON CONFLICT (workspace_id, key) DO NOTHING RETURNING key",
                params![workspace, begin.key.as_str(), sha256, now, begin.expires_at],
            ),
            Statement::new(
                "SELECT request_sha256, status, body FROM idempotency_keys WHERE workspace_id = $1 AND key = $2",
                params![workspace, begin.key.as_str()],
            ),
        ];
        let rows = self.db.transaction(Scope::Workspace(workspace), statements).await?;
        let [_, inserted, found] = rows.as_slice() else {
            return Err(Error::Damaged("a transaction lost its results".into()));
        };
        if !inserted.is_empty() {
            return Ok(Begun::First);
        }
        let Some(row) = found.first() else { return Ok(Begun::Running) };
        let (asked, status, body) =
            (row.get::<Vec<u8>>(0)?, row.get::<Option<u32>>(1)?, row.get::<Option<String>>(2)?);
        Ok(match status.and_then(|status| u16::try_from(status).ok()) {
            _ if asked != sha256 => Begun::Different,
            None => Begun::Running,
            Some(status) => Begun::Answered { status, body: body.unwrap_or_default() },
        })
    }

    /// Keeps the answer to a request.
    pub async fn finish_request(
        &self,
        workspace: WorkspaceId,
        key: &str,
        status: u16,
        body: &str,
    ) -> Result<()> {
        let finish = Statement::new(
            "UPDATE idempotency_keys SET status = $1, body = $2
              WHERE workspace_id = $3 AND key = $4 AND status IS NULL",
            params![u32::from(status), body, workspace, key],
        );
        self.db.transaction(Scope::Workspace(workspace), vec![finish]).await.map(drop)
    }

    /// Gives a key back whose request did not happen.
    pub async fn forget_request(&self, workspace: WorkspaceId, key: &str) -> Result<()> {
        let forget = Statement::new(
            "DELETE FROM idempotency_keys WHERE workspace_id = $1 AND key = $2 AND status IS NULL",
            params![workspace, key],
        );
        self.db.transaction(Scope::Workspace(workspace), vec![forget]).await.map(drop)
    }
}
