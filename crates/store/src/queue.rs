//! How executions find an owner, and lose a dead one.

mod postgres;
pub(crate) mod sqlite;

use std::time::Duration;

use jiff::Timestamp;
use model::ids::{ExecutionId, VersionId, WorkerId, WorkflowId, WorkspaceId};

use crate::db::{Db, Scope};
use crate::error::Result;
use crate::store::Store;

/// From so many deaths on, an execution is suspected of killing its owners: it runs only where no other suspect does. One
/// death says little, because a process that dies takes all its executions along.
pub const SUSPECT_DEATHS: u32 = 2;

/// What a worker asks for.
#[derive(Clone, Debug)]
pub struct Claim {
    /// Who asks.
    pub worker: WorkerId,
    /// Leases at most.
    pub limit: usize,
    /// Workflows that run as many executions as they may.
    pub full_workflows: Vec<WorkflowId>,
    /// Workspaces that run as many executions as they may.
    pub full_workspaces: Vec<WorkspaceId>,
    /// Concurrency keys that are taken.
    pub full_keys: Vec<(WorkflowId, String)>,
    /// Whether [suspects](SUSPECT_DEATHS) may be among them.
    pub suspects: bool,
}

/// The ownership of an execution: ends [`LEASE`](crate::LEASE) after the last heartbeat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The tenant.
    pub workspace: WorkspaceId,
    /// The execution.
    pub execution: ExecutionId,
    /// Its workflow.
    pub workflow: WorkflowId,
    /// The version it follows.
    pub version: VersionId,
    /// What [`Commit::fence`](crate::Commit::fence) must say from now on.
    pub fence: u64,
    /// How many owners in a row died with it before they could commit anything.
    pub deaths: u32,
    /// Its concurrency key.
    pub concurrency_key: Option<String>,
}

/// Executions whose owner died before they were queued again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reaped {
    /// The tenant.
    pub workspace: WorkspaceId,
    /// The execution.
    pub execution: ExecutionId,
    /// How many owners in a row died with it.
    pub deaths: u32,
}

impl Store {
    /// Takes queued executions: fairly between workspaces, then higher priority first, then the oldest.
    pub async fn claim(&self, claim: Claim) -> Result<Vec<Lease>> {
        match &self.db {
            Db::Sqlite(db) => sqlite::claim(db, claim).await,
            Db::Postgres(db) => postgres::claim(db, claim).await,
        }
    }

    /// Says that a worker lives, which renews all its leases. Gives the executions that it no longer owns among those
    /// it `holds`.
    pub async fn heartbeat(&self, worker: WorkerId, holds: &[ExecutionId]) -> Result<Vec<ExecutionId>> {
        match &self.db {
            Db::Sqlite(db) => sqlite::heartbeat(db, worker, holds).await,
            Db::Postgres(db) => postgres::heartbeat(db, worker, holds).await,
        }
    }

    /// Queues executions whose lease has run out. With SQLite, where the folder has one process, all those of other
    /// workers.
    pub async fn reap(&self, worker: WorkerId) -> Result<Vec<Reaped>> {
        match &self.db {
            Db::Sqlite(db) => sqlite::reap(db, worker).await,
            Db::Postgres(db) => postgres::reap(db, worker).await,
        }
    }

    /// How long until the lease of somebody runs out unless it is renewed; zero when one has.
    pub async fn next_expiry(&self) -> Result<Option<Duration>> {
        let now = self.now().await?;
        let rows = self.db.rows(
            Scope::Engine,
            "SELECT min(lease_until) FROM executions WHERE lease_owner IS NOT NULL",
            Vec::new(),
        );
        let until: Option<Timestamp> = rows.await?.first().map_or(Ok(None), |row| row.get(0))?;
        Ok(until.map(|until| Duration::try_from(until.duration_since(now)).unwrap_or_default()))
    }

    /// How many executions are queued.
    pub async fn queue_depth(&self) -> Result<u64> {
        match &self.db {
            Db::Sqlite(db) => sqlite::depth(db).await,
            Db::Postgres(db) => postgres::depth(db).await,
        }
    }
}
