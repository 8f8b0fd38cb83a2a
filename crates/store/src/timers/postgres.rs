//! Timers on PostgreSQL.

use jiff::Timestamp;
use model::ids::{ExecutionId, TriggerId, WorkspaceId};

use crate::db::postgres::Postgres;
use crate::error::{Error, Result};
use crate::payload::Packed;
use crate::timers::{DueTrigger, Firing};

pub(super) async fn next_due(_db: &Postgres) -> Result<Option<Timestamp>> {
    Err(Error::unfinished())
}

pub(super) async fn fire_timers(_db: &Postgres, _limit: usize) -> Result<Vec<(WorkspaceId, ExecutionId)>> {
    Err(Error::unfinished())
}

pub(super) async fn due_triggers(_db: &Postgres, _limit: usize) -> Result<Vec<DueTrigger>> {
    Err(Error::unfinished())
}

pub(super) async fn fire(_db: &Postgres, _firing: Firing, _starts: Vec<Packed>) -> Result<()> {
    Err(Error::unfinished())
}

pub(super) async fn schedule(
    _db: &Postgres,
    _workspace: WorkspaceId,
    _trigger: TriggerId,
    _due_at: Option<Timestamp>,
) -> Result<()> {
    Err(Error::unfinished())
}
