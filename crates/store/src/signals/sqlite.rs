//! Signals on SQLite.

use model::ids::{ExecutionId, SignalId, WorkspaceId};
use rusqlite::params;

use crate::db::sqlite::{Sqlite, Tx, error};
use crate::error::{Error, Result};
use crate::signals::{Kind, NewSignal, Signal};
use crate::store::Wakeup;
use crate::{payload, queue};

pub(super) async fn signal(db: &Sqlite, signal: NewSignal) -> Result<SignalId> {
    db.write(move |tx| store(tx, &signal)?.ok_or(Error::NotFound("execution"))).await
}

/// Stores a signal and queues its execution unless it has an owner; nothing when it has ended or never was.
pub(crate) fn store(tx: &mut Tx<'_>, signal: &NewSignal) -> Result<Option<SignalId>> {
    let NewSignal { workspace, execution, kind, payload } = signal;
    let open = tx.first(
        "SELECT lease_owner IS NOT NULL FROM executions
          WHERE workspace_id = $1 AND id = $2 AND finished_at IS NULL",
        params![workspace.as_bytes(), execution.as_bytes()],
        |row| row.get(0),
    )?;
    let Some(owned) = open else {
        return Ok(None);
    };
    let id = tx.signal_id();
    tx.execute(
        "INSERT INTO execution_signals (workspace_id, execution_id, id, kind, payload, created_at)
         VALUES ($1, $2, $3, $4, $5, $6)",
        params![
            workspace.as_bytes(),
            execution.as_bytes(),
            id.as_bytes(),
            kind.as_str(),
            payload::pack_inline(payload.as_bytes()),
            tx.now().as_microsecond(),
        ],
    )?;
    if owned {
        tx.hint(Wakeup::Signals(*execution));
    } else {
        queue::sqlite::push(tx, *workspace, *execution)?;
    }
    Ok(Some(id))
}

pub(super) async fn signals(
    db: &Sqlite,
    workspace: WorkspaceId,
    execution: ExecutionId,
) -> Result<Vec<Signal>> {
    db.read(move |connection| {
        let mut statement = connection
            .prepare_cached(
                "SELECT id, kind, payload FROM execution_signals
                  WHERE workspace_id = $1 AND execution_id = $2 ORDER BY id",
            )
            .map_err(error)?;
        let rows = statement
            .query_map(params![workspace.as_bytes(), execution.as_bytes()], |row| {
                Ok((row.get(0)?, row.get::<_, String>(1)?, row.get(2)?))
            })
            .map_err(error)?;
        rows.map(|row| {
            let (id, kind, payload) = row.map_err(error)?;
            let kind = Kind::find(&kind)
                .ok_or_else(|| Error::Damaged(format!("a signal has the unknown kind {kind:?}")))?;
            Ok(Signal { id: SignalId::from_bytes(id), kind, payload: payload::unpack(payload)? })
        })
        .collect()
    })
    .await
}
