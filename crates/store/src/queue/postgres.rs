//! The queue on PostgreSQL.

use model::ids::{ExecutionId, WorkerId};

use crate::db::postgres::Postgres;
use crate::error::{Error, Result};
use crate::queue::{Claim, Lease, Reaped};

pub(super) async fn claim(_db: &Postgres, _claim: Claim) -> Result<Vec<Lease>> {
    Err(Error::unfinished())
}

pub(super) async fn heartbeat(
    _db: &Postgres,
    _worker: WorkerId,
    _holds: &[ExecutionId],
) -> Result<Vec<ExecutionId>> {
    Err(Error::unfinished())
}

pub(super) async fn reap(_db: &Postgres, _worker: WorkerId) -> Result<Vec<Reaped>> {
    Err(Error::unfinished())
}

pub(super) async fn depth(_db: &Postgres) -> Result<u64> {
    Err(Error::unfinished())
}
