//! The only clock: rows that come due.

mod postgres;
mod sqlite;

use jiff::Timestamp;
use model::ids::{ExecutionId, TriggerId, WorkspaceId};

use crate::commit::Commit;
use crate::db::{Db, Scope};
use crate::error::Result;
use crate::payload;
use crate::store::Store;

/// A trigger whose time has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueTrigger {
    /// The tenant.
    pub workspace: WorkspaceId,
    /// The trigger.
    pub trigger: TriggerId,
    /// For when it was set.
    pub due_at: Timestamp,
}

/// One occurrence of a trigger: what it starts, and when it is due next.
#[derive(Debug)]
pub struct Firing {
    /// The tenant.
    pub workspace: WorkspaceId,
    /// The trigger.
    pub trigger: TriggerId,
    /// The occurrence. It fires once, whoever tries.
    pub due_at: Timestamp,
    /// The occurrences that this stands for, each recorded with whether it started something.
    pub occurrences: Vec<(Timestamp, bool)>,
    /// The executions it starts.
    pub starts: Vec<Commit>,
    /// When it is due next.
    pub next_due_at: Option<Timestamp>,
    /// For triggers that look for news: how far they have looked, as JSON.
    pub cursor: Option<String>,
    /// What went wrong instead, for people to see.
    pub error: Option<String>,
}

impl Store {
    /// The time of the database: the one clock that all processes share.
    pub async fn now(&self) -> Result<Timestamp> {
        match &self.db {
            Db::Sqlite(db) => Ok(db.now()),
            Db::Postgres(_) => self.db.row(Scope::Engine, "time", "SELECT now()", Vec::new()).await?.get(0),
        }
    }

    /// When the next timer is due.
    pub async fn next_due(&self) -> Result<Option<Timestamp>> {
        match &self.db {
            Db::Sqlite(db) => sqlite::next_due(db).await,
            Db::Postgres(db) => postgres::next_due(db).await,
        }
    }

    /// Turns the timers of executions that are due into signals and queues those without an owner, `limit` at most.
    /// Gives the executions.
    pub async fn fire_timers(&self, limit: usize) -> Result<Vec<(WorkspaceId, ExecutionId)>> {
        match &self.db {
            Db::Sqlite(db) => sqlite::fire_timers(db, limit).await,
            Db::Postgres(db) => postgres::fire_timers(db, limit).await,
        }
    }

    /// The triggers that are due, the longest first; each is due until it was [fired](Self::fire).
    pub async fn due_triggers(&self, limit: usize) -> Result<Vec<DueTrigger>> {
        match &self.db {
            Db::Sqlite(db) => sqlite::due_triggers(db, limit).await,
            Db::Postgres(db) => postgres::due_triggers(db, limit).await,
        }
    }

    /// Fires a trigger: all in one transaction. [`Error::Stale`](crate::Error::Stale) when another process did so
    /// first. A start whose key was accepted before is left out.
    pub async fn fire(&self, mut firing: Firing) -> Result<()> {
        let mut starts = Vec::with_capacity(firing.starts.len());
        for start in std::mem::take(&mut firing.starts) {
            starts.push(payload::pack_commit(&self.blobs, start).await?);
        }
        match &self.db {
            Db::Sqlite(db) => sqlite::fire(db, firing, starts).await,
            Db::Postgres(db) => postgres::fire(db, firing, starts).await,
        }
    }

    /// Sets when a trigger is due, or that it is not.
    pub async fn schedule(
        &self,
        workspace: WorkspaceId,
        trigger: TriggerId,
        due_at: Option<Timestamp>,
    ) -> Result<()> {
        match &self.db {
            Db::Sqlite(db) => sqlite::schedule(db, workspace, trigger, due_at).await,
            Db::Postgres(db) => postgres::schedule(db, workspace, trigger, due_at).await,
        }
    }
}
