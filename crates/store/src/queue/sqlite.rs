//! The queue on SQLite.

use model::ids::{ExecutionId, WorkerId};

use crate::db::sqlite::Sqlite;
use crate::error::{Error, Result};
use crate::queue::{Claim, Lease, Reaped};

pub(super) async fn claim(_db: &Sqlite, _claim: Claim) -> Result<Vec<Lease>> {
    Err(Error::unfinished())
}

pub(super) async fn heartbeat(
    _db: &Sqlite,
    _worker: WorkerId,
    _holds: &[ExecutionId],
) -> Result<Vec<ExecutionId>> {
    Err(Error::unfinished())
}

pub(super) async fn reap(_db: &Sqlite, _worker: WorkerId) -> Result<Vec<Reaped>> {
    Err(Error::unfinished())
}

pub(super) async fn depth(_db: &Sqlite) -> Result<u64> {
    Err(Error::unfinished())
}
