//! The outbox: what the rest of the product should know, read at least once by every reader in an order that all share.
//!
//! On PostgreSQL a number is given before its transaction is visible. Readers therefore follow transactions, and stop
//! before the oldest one that has not ended: what they have passed does not change any more.

use jiff::Timestamp;
use model::ids::WorkspaceId;

use crate::db::{Db, Row, Scope, Statement, params};
use crate::error::Result;
use crate::store::Store;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Where it is in the outbox.
    pub position: Position,
    /// The tenant.
    pub workspace: WorkspaceId,
    /// Such as `execution.completed`.
    pub kind: String,
    /// What it is about.
    pub subject: [u8; 16],
    /// The rest, as JSON.
    pub data: String,
    /// When.
    pub at: Timestamp,
}

/// How far a reader has read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    transaction: i64,
    seq: i64,
}

impl Position {
    fn parse(text: &str) -> Option<Self> {
        let (transaction, seq) = text.trim_matches('"').split_once('.')?;
        Some(Self { transaction: transaction.parse().ok()?, seq: seq.parse().ok()? })
    }

    fn to_json(self) -> String {
        format!("\"{}.{}\"", self.transaction, self.seq)
    }
}

impl Event {
    fn read(row: &Row) -> Result<Self> {
        Ok(Self {
            position: Position { transaction: row.get(0)?, seq: row.get(1)? },
            workspace: row.get(2)?,
            kind: row.get(3)?,
            subject: row.get(4)?,
            data: row.get(5)?,
            at: row.get(6)?,
        })
    }
}

impl Store {
    /// What happened after this position in all workspaces, oldest first.
    pub async fn events_after(&self, position: Position, limit: usize) -> Result<Vec<Event>> {
        let Position { transaction, seq } = position;
        let rows = match &self.db {
            Db::Sqlite(_) => {
                let sql = "SELECT 0, seq, workspace_id, kind, subject, data, at FROM domain_events
                            WHERE seq > $1 ORDER BY seq LIMIT $2";
                self.db.rows(Scope::Engine, sql, params![seq, limit]).await
            }
            Db::Postgres(_) => {
                let sql = "SELECT tx, seq, workspace_id, kind, subject, data, at FROM domain_events
                            WHERE (tx, seq) > ($1, $2)
                              AND tx < pg_snapshot_xmin(pg_current_snapshot())::text::bigint
                            ORDER BY tx, seq LIMIT $3";
                self.db.rows(Scope::Engine, sql, params![transaction, seq, limit]).await
            }
        };
        rows?.iter().map(Event::read).collect()
    }

    /// How far a reader had read when it said so last.
    pub async fn event_reader(&self, reader: &str) -> Result<Position> {
        let known = self.setting(&format!("outbox.{reader}")).await?;
        Ok(known.as_deref().and_then(Position::parse).unwrap_or_default())
    }

    /// Notes how far a reader has read. What it read since it did so last it reads again after a crash.
    pub async fn set_event_reader(&self, reader: &str, position: Position) -> Result<()> {
        self.set_setting(&format!("outbox.{reader}"), &position.to_json()).await
    }

    /// Removes the oldest events that happened before then, `limit` at most. Gives how many there were.
    pub async fn prune_events(&self, before: Timestamp, limit: usize) -> Result<u64> {
        let prune = Statement::new(
            "DELETE FROM domain_events WHERE seq IN
               (SELECT seq FROM (SELECT seq, at FROM domain_events ORDER BY seq LIMIT $1) AS oldest WHERE at < $2)
             RETURNING seq",
            params![limit, before],
        );
        let rows = self.db.transaction(Scope::Engine, vec![prune]).await?;
        Ok(rows.first().map_or(0, Vec::len) as u64)
    }
}
