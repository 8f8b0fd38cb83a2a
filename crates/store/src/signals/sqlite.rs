//! Signals on SQLite.

use model::ids::{ExecutionId, SignalId, WorkspaceId};

use crate::db::sqlite::Sqlite;
use crate::error::{Error, Result};
use crate::signals::{NewSignal, Signal};

pub(super) async fn signal(_db: &Sqlite, _signal: NewSignal) -> Result<SignalId> {
    Err(Error::unfinished())
}

pub(super) async fn signals(
    _db: &Sqlite,
    _workspace: WorkspaceId,
    _execution: ExecutionId,
) -> Result<Vec<Signal>> {
    Err(Error::unfinished())
}
