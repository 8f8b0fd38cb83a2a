//! Timers on SQLite.

use jiff::Timestamp;
use model::ids::{ExecutionId, TriggerId, WorkspaceId};
use rusqlite::{OptionalExtension, params};

use crate::commit::sqlite::{apply, hint_timer, us};
use crate::db::sqlite::{Sqlite, Tx, error};
use crate::error::{Error, Result};
use crate::payload::Packed;
use crate::signals::{self, Kind, NewSignal};
use crate::timers::{DueTrigger, Firing};

pub(super) async fn next_due(db: &Sqlite) -> Result<Option<Timestamp>> {
    db.read(|connection| {
        let mut statement = connection
            .prepare_cached(
                "SELECT min(due_at) FROM
                   (SELECT min(due_at) AS due_at FROM timers WHERE owner_kind = 'execution'
                    UNION ALL SELECT min(due_at) FROM timers WHERE owner_kind = 'trigger')",
            )
            .map_err(error)?;
        let due_at: Option<i64> =
            statement.query_row([], |row| row.get(0)).optional().map_err(error)?.flatten();
        due_at.map(time).transpose()
    })
    .await
}

pub(super) async fn fire_timers(db: &Sqlite, limit: usize) -> Result<Vec<(WorkspaceId, ExecutionId)>> {
    db.write(move |tx| {
        let due = tx.query(
            "SELECT workspace_id, owner_id, key FROM timers
              WHERE owner_kind = 'execution' AND due_at <= $1 ORDER BY due_at LIMIT $2",
            params![us(tx.now()), limit_of(limit)],
            |row| Ok((row.get(0)?, row.get(1)?, row.get::<_, String>(2)?)),
        )?;
        let mut fired = Vec::with_capacity(due.len());
        for (workspace, execution, key) in due {
            tx.execute(
                "DELETE FROM timers
                  WHERE workspace_id = $1 AND owner_kind = 'execution' AND owner_id = $2 AND key = $3",
                params![workspace, execution, key],
            )?;
            let workspace = WorkspaceId::from_bytes(workspace);
            let execution = ExecutionId::from_bytes(execution);
            let payload = serde_json::json!({ "key": key }).to_string();
            let signal = NewSignal { workspace, execution, kind: Kind::Timer, payload };
            if signals::sqlite::store(tx, &signal)?.is_some() {
                fired.push((workspace, execution));
            }
        }
        Ok(fired)
    })
    .await
}

pub(super) async fn due_triggers(db: &Sqlite, limit: usize) -> Result<Vec<DueTrigger>> {
    let now = db.now();
    db.read(move |connection| {
        let mut statement = connection
            .prepare_cached(
                "SELECT workspace_id, owner_id, due_at FROM timers
                  WHERE owner_kind = 'trigger' AND due_at <= $1 ORDER BY due_at LIMIT $2",
            )
            .map_err(error)?;
        let rows = statement
            .query_map(params![us(now), limit_of(limit)], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .map_err(error)?;
        rows.map(|row| {
            let (workspace, trigger, due_at) = row.map_err(error)?;
            Ok(DueTrigger {
                workspace: WorkspaceId::from_bytes(workspace),
                trigger: TriggerId::from_bytes(trigger),
                due_at: time(due_at)?,
            })
        })
        .collect()
    })
    .await
}

pub(super) async fn fire(db: &Sqlite, firing: Firing, starts: Vec<Packed>) -> Result<()> {
    db.write(move |tx| {
        let (workspace, trigger) = (firing.workspace.as_bytes(), firing.trigger.as_bytes());
        let due_at = us(firing.due_at);
        let taken = match firing.next_due_at {
            Some(next) => tx.execute(
                "UPDATE timers SET due_at = $1
                  WHERE workspace_id = $2 AND owner_kind = 'trigger' AND owner_id = $3 AND key = '' AND due_at = $4",
                params![us(next), workspace, trigger, due_at],
            )?,
            None => tx.execute(
                "DELETE FROM timers
                  WHERE workspace_id = $1 AND owner_kind = 'trigger' AND owner_id = $2 AND key = '' AND due_at = $3",
                params![workspace, trigger, due_at],
            )?,
        };
        if taken == 0 {
            return Err(Error::Stale);
        }
        for (at, started) in &firing.occurrences {
            let recorded = tx.execute(
                "INSERT INTO trigger_occurrences (workspace_id, trigger_id, due_at, started, recorded_at)
                 VALUES ($1, $2, $3, $4, $5) ON CONFLICT (workspace_id, trigger_id, due_at) DO NOTHING",
                params![workspace, trigger, us(*at), started, us(tx.now())],
            )?;
            if recorded == 0 {
                return Err(Error::Stale);
            }
        }
        for start in &starts {
            match apply(tx, start) {
                // A thing that was seen before starts nothing, and the others are no worse for it.
                Ok(()) | Err(Error::Duplicate(_)) => {}
                Err(other) => return Err(other),
            }
        }
        tx.execute(
            "UPDATE triggers
                SET cursor = coalesce($1, cursor), last_fired_at = $2, last_error = $3, updated_at = $2
              WHERE workspace_id = $4 AND id = $5",
            params![firing.cursor, us(tx.now()), firing.error, workspace, trigger],
        )?;
        match firing.next_due_at {
            Some(next) => hint_timer(tx, "trigger", next),
            None => Ok(()),
        }
    })
    .await
}

pub(super) async fn schedule(
    db: &Sqlite,
    workspace: WorkspaceId,
    trigger: TriggerId,
    due_at: Option<Timestamp>,
) -> Result<()> {
    db.write(move |tx| {
        let Some(due_at) = due_at else {
            tx.execute(
                "DELETE FROM timers WHERE workspace_id = $1 AND owner_kind = 'trigger' AND owner_id = $2",
                params![workspace.as_bytes(), trigger.as_bytes()],
            )?;
            return Ok(());
        };
        set(tx, workspace, trigger, due_at)
    })
    .await
}

fn set(tx: &mut Tx<'_>, workspace: WorkspaceId, trigger: TriggerId, due_at: Timestamp) -> Result<()> {
    let changed = tx.execute(
        "INSERT INTO timers (workspace_id, owner_kind, owner_id, key, due_at)
         SELECT workspace_id, 'trigger', id, '', $1 FROM triggers WHERE workspace_id = $2 AND id = $3
         ON CONFLICT (workspace_id, owner_kind, owner_id, key) DO UPDATE SET due_at = excluded.due_at",
        params![us(due_at), workspace.as_bytes(), trigger.as_bytes()],
    )?;
    if changed == 0 {
        return Err(Error::NotFound("trigger"));
    }
    hint_timer(tx, "trigger", due_at)
}

fn limit_of(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

fn time(us: i64) -> Result<Timestamp> {
    Timestamp::from_microsecond(us).map_err(|_| Error::Damaged(format!("{us} is not a time")))
}
