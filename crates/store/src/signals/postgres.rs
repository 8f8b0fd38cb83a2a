//! Signals on PostgreSQL.

use model::ids::{ExecutionId, SignalId, WorkspaceId};

use crate::db::postgres::Postgres;
use crate::error::{Error, Result};
use crate::signals::{NewSignal, Signal};

pub(super) async fn signal(_db: &Postgres, _signal: NewSignal) -> Result<SignalId> {
    Err(Error::unfinished())
}

pub(super) async fn signals(
    _db: &Postgres,
    _workspace: WorkspaceId,
    _execution: ExecutionId,
) -> Result<Vec<Signal>> {
    Err(Error::unfinished())
}
