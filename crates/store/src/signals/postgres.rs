//! Signals on PostgreSQL. Storing one locks the head of its execution, so that an owner who is about to let go either
//! sees the signal or is seen to have gone.

use model::ids::{ExecutionId, SignalId, WorkspaceId};

use crate::db::postgres::Postgres;
use crate::db::{Scope, Statement, params};
use crate::error::{Error, Result};
use crate::payload;
use crate::signals::{Kind, NewSignal, Signal};
use crate::store::Wakeup;

const STORE: &str = "WITH head AS (
    SELECT workspace_id, id, workflow_id, priority, concurrency_key, deaths, lease_owner FROM executions
      WHERE workspace_id = $1 AND id = $2 AND status IN ('queued', 'running', 'waiting', 'paused')
      FOR NO KEY UPDATE),
  stored AS (
    INSERT INTO execution_signals (workspace_id, execution_id, id, kind, payload, created_at)
      SELECT workspace_id, id, ordered_id(), $3, $4, clock_timestamp() FROM head RETURNING id),
  queued AS (
    INSERT INTO execution_queue
        (workspace_id, execution_id, workflow_id, priority, concurrency_key, deaths, queued_at)
      SELECT workspace_id, id, workflow_id, priority, concurrency_key, deaths, clock_timestamp() FROM head
        WHERE lease_owner IS NULL
      ON CONFLICT DO NOTHING)
  SELECT stored.id, head.lease_owner IS NULL FROM stored, head";

pub(super) async fn signal(db: &Postgres, signal: NewSignal) -> Result<SignalId> {
    let NewSignal { workspace, execution, kind, payload } = signal;
    let payload = payload::pack_inline(payload.as_bytes());
    let statement = Statement::new(STORE, params![workspace, execution, kind.as_str(), payload.as_ref()]);
    let rows = db.rows(Scope::Workspace(workspace), statement).await?;
    let row = rows.first().ok_or(Error::NotFound("execution"))?;
    db.hint(if row.get(1)? { Wakeup::Queue } else { Wakeup::Signals(execution) });
    row.get(0)
}

pub(super) async fn signals(
    db: &Postgres,
    workspace: WorkspaceId,
    execution: ExecutionId,
) -> Result<Vec<Signal>> {
    let statement = Statement::new(
        "SELECT id, kind, payload FROM execution_signals
          WHERE workspace_id = $1 AND execution_id = $2 ORDER BY id",
        params![workspace, execution],
    );
    let rows = db.rows(Scope::Workspace(workspace), statement).await?;
    let read = rows.iter().map(|row| {
        let kind: String = row.get(1)?;
        let kind = Kind::find(&kind)
            .ok_or_else(|| Error::Damaged(format!("a signal has the unknown kind {kind:?}")))?;
        Ok(Signal { id: row.get(0)?, kind, payload: payload::unpack(row.get(2)?)? })
    });
    read.collect()
}
