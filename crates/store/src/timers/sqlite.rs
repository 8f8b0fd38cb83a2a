//! Timers on SQLite.

use jiff::Timestamp;
use model::ids::{ExecutionId, TriggerId, WorkspaceId};

use crate::db::sqlite::Sqlite;
use crate::error::{Error, Result};
use crate::timers::{DueTrigger, Firing};

pub(super) async fn next_due(_db: &Sqlite) -> Result<Option<Timestamp>> {
    Err(Error::unfinished())
}

pub(super) async fn fire_timers(_db: &Sqlite, _limit: usize) -> Result<Vec<(WorkspaceId, ExecutionId)>> {
    Err(Error::unfinished())
}

pub(super) async fn due_triggers(_db: &Sqlite, _limit: usize) -> Result<Vec<DueTrigger>> {
    Err(Error::unfinished())
}

pub(super) async fn fire(_db: &Sqlite, _firing: Firing) -> Result<()> {
    Err(Error::unfinished())
}

pub(super) async fn schedule(
    _db: &Sqlite,
    _workspace: WorkspaceId,
    _trigger: TriggerId,
    _due_at: Option<Timestamp>,
) -> Result<()> {
    Err(Error::unfinished())
}
