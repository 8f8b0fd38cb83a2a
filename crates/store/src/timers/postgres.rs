//! Timers on PostgreSQL, by the clock of the server. A timer whose execution somebody is writing to fires a moment later:
//! nobody waits for a lock here while holding another.

use jiff::{SignedDuration, Timestamp};
use model::ids::{ExecutionId, TriggerId, WorkspaceId};

use crate::commit::postgres::Work;
use crate::db::postgres::Postgres;
use crate::db::{Expects, Scope, Statement, params};
use crate::error::Result;
use crate::payload::Packed;
use crate::store::Wakeup;
use crate::timers::{DueTrigger, Firing};

/// Up to this difference the clocks of this machine and of the server count as the same.
const SAME: SignedDuration = SignedDuration::from_millis(500);

const FIRE: &str = "WITH due AS (
    SELECT timer.workspace_id, timer.owner_id, timer.key, head.workflow_id, head.priority, head.concurrency_key,
        head.deaths, head.lease_owner
      FROM timers AS timer
      JOIN executions AS head ON head.workspace_id = timer.workspace_id AND head.id = timer.owner_id
      WHERE timer.owner_kind = 'execution' AND timer.due_at <= now() AND head.status IN ('queued', 'running', 'waiting', 'paused')
      ORDER BY timer.due_at LIMIT $1
      FOR UPDATE OF timer SKIP LOCKED FOR NO KEY UPDATE OF head SKIP LOCKED),
  gone AS (
    DELETE FROM timers AS timer USING due
      WHERE timer.workspace_id = due.workspace_id AND timer.owner_kind = 'execution'
        AND timer.owner_id = due.owner_id AND timer.key = due.key),
  stored AS (
    INSERT INTO execution_signals (workspace_id, execution_id, id, kind, payload, created_at)
      SELECT workspace_id, owner_id, ordered_id(), 'timer',
          convert_to('{\"key\":' || to_json(key)::text || '}', 'UTF8'), clock_timestamp()
        FROM due),
  queued AS (
    INSERT INTO execution_queue
        (workspace_id, execution_id, workflow_id, priority, concurrency_key, deaths, queued_at)
      SELECT DISTINCT workspace_id, owner_id, workflow_id, priority, concurrency_key, deaths, now() FROM due
        WHERE lease_owner IS NULL
      ON CONFLICT DO NOTHING)
  SELECT workspace_id, owner_id, lease_owner IS NULL FROM due";

/// Timers of executions that have ended or are gone would stay due for ever.
const CLEAN: &str = "DELETE FROM timers AS timer
  WHERE timer.owner_kind = 'execution' AND timer.due_at <= now() AND NOT EXISTS (
    SELECT FROM executions AS head
      WHERE head.workspace_id = timer.workspace_id AND head.id = timer.owner_id AND head.status IN ('queued', 'running', 'waiting', 'paused'))";

pub(super) async fn next_due(db: &Postgres) -> Result<Option<Timestamp>> {
    let statement = Statement::new(
        "SELECT min(due_at), clock_timestamp() FROM
           (SELECT min(due_at) AS due_at FROM timers WHERE owner_kind = 'execution'
            UNION ALL SELECT min(due_at) FROM timers WHERE owner_kind = 'trigger') AS next",
        params![],
    );
    let rows = db.rows(Scope::Engine, statement).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let (due_at, server): (Option<Timestamp>, Timestamp) = (row.get(0)?, row.get(1)?);
    // Whoever waits does so by this machine's clock.
    let ahead = Timestamp::now().duration_since(server);
    let shift = if ahead.abs() > SAME { ahead } else { SignedDuration::ZERO };
    Ok(due_at.map(|due_at| due_at.checked_add(shift).unwrap_or(due_at)))
}

pub(super) async fn fire_timers(db: &Postgres, limit: usize) -> Result<Vec<(WorkspaceId, ExecutionId)>> {
    let rows = db.rows(Scope::Engine, Statement::new(FIRE, params![limit])).await?;
    if rows.is_empty() {
        db.rows(Scope::Engine, Statement::new(CLEAN, params![])).await?;
    }
    let mut queued = false;
    let mut fired = Vec::with_capacity(rows.len());
    for row in &rows {
        let execution = row.get(1)?;
        fired.push((row.get(0)?, execution));
        if row.get(2)? {
            queued = true;
        } else {
            db.hint(Wakeup::Signals(execution));
        }
    }
    if queued {
        db.hint(Wakeup::Queue);
    }
    Ok(fired)
}

pub(super) async fn due_triggers(db: &Postgres, limit: usize) -> Result<Vec<DueTrigger>> {
    let statement = Statement::new(
        "SELECT workspace_id, owner_id, due_at FROM timers
          WHERE owner_kind = 'trigger' AND due_at <= now() ORDER BY due_at LIMIT $1",
        params![limit],
    );
    let rows = db.rows(Scope::Engine, statement).await?;
    let due = rows
        .iter()
        .map(|row| Ok(DueTrigger { workspace: row.get(0)?, trigger: row.get(1)?, due_at: row.get(2)? }));
    due.collect()
}

pub(super) async fn fire(db: &Postgres, firing: Firing, starts: Vec<Packed>) -> Result<()> {
    db.committers().submit(Work::Firing(Box::new(firing), starts)).await
}

pub(super) async fn schedule(
    db: &Postgres,
    workspace: WorkspaceId,
    trigger: TriggerId,
    due_at: Option<Timestamp>,
) -> Result<()> {
    let statement = match due_at {
        None => Statement::new(
            "DELETE FROM timers WHERE workspace_id = $1 AND owner_kind = 'trigger' AND owner_id = $2",
            params![workspace, trigger],
        ),
        Some(due_at) => Statement::new(
            "INSERT INTO timers (workspace_id, owner_kind, owner_id, key, due_at)
             SELECT workspace_id, 'trigger', id, '', $1 FROM triggers WHERE workspace_id = $2 AND id = $3
             ON CONFLICT (workspace_id, owner_kind, owner_id, key) DO UPDATE SET due_at = excluded.due_at",
            params![due_at, workspace, trigger],
        )
        .expects(Expects::Found("trigger")),
    };
    db.transaction(Scope::Workspace(workspace), vec![statement]).await?;
    if due_at.is_some() {
        db.hint(Wakeup::Timers);
    }
    Ok(())
}
