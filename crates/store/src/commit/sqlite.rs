//! Commits on SQLite.

use jiff::Timestamp;
use model::journal::Record;
use rusqlite::params;

use crate::blobs::NewBlob;
use crate::commit::{Commit, LeaseAfter, NewExecution};
use crate::db::sqlite::{Sqlite, Tx};
use crate::error::{Error, Result};
use crate::payload::{Packed, Payload};
use crate::store::{LEASE, Wakeup};
use crate::{queue, signals};

pub(super) async fn commit(db: &Sqlite, packed: Packed) -> Result<()> {
    db.write(move |tx| apply(tx, &packed)).await
}

/// Applies a commit. What can be refused comes first, so that a refused commit has hardly ever changed anything.
pub(crate) fn apply(tx: &mut Tx<'_>, packed: &Packed) -> Result<()> {
    let commit = &packed.commit;
    match &commit.create {
        Some(new) => create(tx, commit, new)?,
        None => advance(tx, commit)?,
    }
    append(tx, packed)?;
    let ended = commit.status.is_final();
    if !ended {
        set_timers(tx, commit)?;
        open_waits(tx, commit)?;
    }
    if ended && commit.create.is_none() {
        clear(tx, commit)?;
    } else {
        for id in &commit.taken {
            let sql =
                "DELETE FROM execution_signals WHERE workspace_id = $1 AND execution_id = $2 AND id = $3";
            tx.execute(
                sql,
                params![commit.workspace.as_bytes(), commit.execution.as_bytes(), id.as_bytes()],
            )?;
        }
    }
    for child in &packed.children {
        apply(tx, child)?;
    }
    for signal in &commit.signals {
        // Whoever ended meanwhile wants to know nothing any more.
        signals::sqlite::store(tx, signal)?;
    }
    if let Some(data) = &commit.static_data {
        remember(tx, commit, data)?;
    }
    for event in &commit.events {
        tx.execute(
            "INSERT INTO domain_events (workspace_id, kind, subject, data, at) VALUES ($1, $2, $3, $4, $5)",
            params![commit.workspace.as_bytes(), event.kind, event.subject, event.data, us(tx.now())],
        )?;
    }
    if !ended {
        hand_over(tx, commit)?;
    }
    let seq = commit.seq + commit.records.len() as u64;
    tx.hint(Wakeup::Progress { execution: commit.execution, seq, ended });
    Ok(())
}

/// The row of a new execution, unless it was started before.
fn create(tx: &mut Tx<'_>, commit: &Commit, new: &NewExecution) -> Result<()> {
    if let Some(key) = &new.key {
        let accepted = tx.execute(
            "INSERT INTO inbox_events (workspace_id, scope, dedupe_key, execution_id, received_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (workspace_id, scope, dedupe_key) DO UPDATE
                SET execution_id = excluded.execution_id, received_at = excluded.received_at,
                    expires_at = excluded.expires_at
              WHERE inbox_events.expires_at <= excluded.received_at",
            params![
                commit.workspace.as_bytes(),
                key.scope,
                key.key,
                commit.execution.as_bytes(),
                us(new.accepted_at),
                us(key.until)
            ],
        )?;
        if accepted == 0 {
            let first = tx.first(
                "SELECT execution_id FROM inbox_events
                  WHERE workspace_id = $1 AND scope = $2 AND dedupe_key = $3",
                params![commit.workspace.as_bytes(), key.scope, key.key],
                |row| row.get(0).map(model::ids::ExecutionId::from_bytes),
            )?;
            return Err(Error::Duplicate(first.unwrap_or(commit.execution)));
        }
        // Two go for one that comes, so that what has expired never piles up.
        tx.execute(
            "DELETE FROM inbox_events WHERE (workspace_id, scope, dedupe_key) IN
               (SELECT workspace_id, scope, dedupe_key FROM inbox_events WHERE expires_at <= $1 LIMIT 2)",
            params![us(new.accepted_at)],
        )?;
    }
    let owner = owner(commit);
    let parent = new.parent.as_ref();
    let created = tx.execute(
        "INSERT INTO executions (workspace_id, id, workflow_id, version_id, status, mode, trigger_kind, trigger_node,
           parent_id, parent_step, parent_call, parent_waits, depth, retry_of, priority, concurrency_key, options,
           created_by, seq, fence, lease_owner, lease_until, run_us, error, accepted_at, finished_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22,
           $23, $24, $25, $26)
         ON CONFLICT (workspace_id, id) DO NOTHING",
        params![
            commit.workspace.as_bytes(),
            commit.execution.as_bytes(),
            new.workflow.as_bytes(),
            new.version.as_bytes(),
            commit.status.as_str(),
            new.mode,
            new.trigger_kind,
            new.trigger_node,
            parent.map(|parent| *parent.execution.as_bytes()),
            parent.map(|parent| parent.step),
            parent.map(|parent| parent.call),
            parent.map(|parent| parent.waits),
            new.depth,
            new.retry_of.as_ref().map(|id| *id.as_bytes()),
            new.priority,
            new.concurrency_key,
            new.options,
            new.created_by.as_ref().map(|id| *id.as_bytes()),
            integer(commit.seq + commit.records.len() as u64),
            integer(commit.fence),
            owner,
            owner.map(|_| us(tx.now() + LEASE)),
            integer(commit.run_us),
            commit.finish.as_ref().and_then(|finish| finish.error.as_deref()),
            us(new.accepted_at),
            finished_at(tx, commit),
        ],
    )?;
    if created == 0 { Err(Error::Duplicate(commit.execution)) } else { Ok(()) }
}

/// The head of an execution that there is, if this is its owner.
fn advance(tx: &mut Tx<'_>, commit: &Commit) -> Result<()> {
    let seq = commit.seq + commit.records.len() as u64;
    let owner = owner(commit);
    let changed = tx.execute(
        "UPDATE executions
            SET status = $1, seq = $2, run_us = $3, deaths = 0, lease_owner = $4,
                lease_until = CASE WHEN $4 IS NULL THEN NULL ELSE lease_until END, error = $5, finished_at = $6
          WHERE workspace_id = $7 AND id = $8 AND fence = $9 AND seq = $10 AND lease_owner IS NOT NULL",
        params![
            commit.status.as_str(),
            integer(seq),
            integer(commit.run_us),
            owner,
            commit.finish.as_ref().and_then(|finish| finish.error.as_deref()),
            finished_at(tx, commit),
            commit.workspace.as_bytes(),
            commit.execution.as_bytes(),
            integer(commit.fence),
            integer(commit.seq),
        ],
    )?;
    if changed == 0 { Err(Error::Stale) } else { Ok(()) }
}

/// The records, and the blobs that hold what is too large for them.
fn append(tx: &mut Tx<'_>, packed: &Packed) -> Result<()> {
    let commit = &packed.commit;
    let worker = match commit.lease {
        LeaseAfter::Keep(worker) => Some(*worker.as_bytes()),
        LeaseAfter::Release | LeaseAfter::Queue => None,
    };
    for NewBlob { sha256, size, codec, uses } in &packed.blobs {
        tx.execute(
            "INSERT INTO blobs (workspace_id, sha256, size, codec, refcount, created_at)
             VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (workspace_id, sha256) DO UPDATE SET refcount = refcount + excluded.refcount",
            params![commit.workspace.as_bytes(), sha256, integer(*size), codec, uses, us(tx.now())],
        )?;
    }
    for (index, (record, payload)) in commit.records.iter().zip(&packed.payloads).enumerate() {
        let Record { seq, kind, node, run_index, attempt, at_us, duration_us, payload: _ } = record;
        if *seq != commit.seq + index as u64 + 1 {
            return Err(Error::Refused(format!("record {seq} of {} leaves a gap", commit.execution)));
        }
        let (payload, blob) = match payload {
            Payload::Inline(bytes) => (Some(bytes.as_slice()), None),
            Payload::Blob(sha256) => (None, Some(sha256)),
        };
        tx.execute(
            "INSERT INTO execution_events (workspace_id, execution_id, seq, kind, node_key, run_index, attempt, at,
               duration_us, payload, payload_ref, worker_id)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
            params![
                commit.workspace.as_bytes(),
                commit.execution.as_bytes(),
                integer(*seq),
                kind.as_str(),
                node.as_deref(),
                run_index,
                attempt,
                at_us,
                duration_us.map(integer),
                payload,
                blob,
                worker,
            ],
        )?;
    }
    Ok(())
}

fn set_timers(tx: &mut Tx<'_>, commit: &Commit) -> Result<()> {
    for key in &commit.dropped_timers {
        tx.execute(
            "DELETE FROM timers
              WHERE workspace_id = $1 AND owner_kind = 'execution' AND owner_id = $2 AND key = $3",
            params![commit.workspace.as_bytes(), commit.execution.as_bytes(), key],
        )?;
    }
    for timer in &commit.timers {
        tx.execute(
            "INSERT INTO timers (workspace_id, owner_kind, owner_id, key, due_at)
             VALUES ($1, 'execution', $2, $3, $4)
             ON CONFLICT (workspace_id, owner_kind, owner_id, key) DO UPDATE SET due_at = excluded.due_at",
            params![commit.workspace.as_bytes(), commit.execution.as_bytes(), timer.key, us(timer.due_at)],
        )?;
    }
    match commit.timers.iter().map(|timer| timer.due_at).min() {
        Some(due_at) => hint_timer(tx, "execution", due_at),
        None => Ok(()),
    }
}

/// Gives a hint when a timer is due before the others of its kind.
pub(crate) fn hint_timer(tx: &mut Tx<'_>, kind: &str, due_at: Timestamp) -> Result<()> {
    let earlier = tx.first(
        "SELECT 1 FROM timers WHERE owner_kind = $1 AND due_at < $2 LIMIT 1",
        params![kind, us(due_at)],
        |_| Ok(()),
    )?;
    if earlier.is_none() {
        tx.hint(Wakeup::Timers);
    }
    Ok(())
}

fn open_waits(tx: &mut Tx<'_>, commit: &Commit) -> Result<()> {
    for step in &commit.closed_waits {
        tx.execute(
            "DELETE FROM execution_waits WHERE workspace_id = $1 AND execution_id = $2 AND step = $3",
            params![commit.workspace.as_bytes(), commit.execution.as_bytes(), step],
        )?;
    }
    for wait in &commit.waits {
        tx.execute(
            "INSERT INTO execution_waits
               (workspace_id, execution_id, step, node_key, kind, options, until_at, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
             ON CONFLICT (workspace_id, execution_id, step) DO UPDATE
                SET node_key = excluded.node_key, kind = excluded.kind, options = excluded.options,
                    until_at = excluded.until_at",
            params![
                commit.workspace.as_bytes(),
                commit.execution.as_bytes(),
                wait.step,
                wait.node,
                wait.kind,
                wait.options,
                wait.until.map(us),
                us(tx.now()),
            ],
        )?;
    }
    Ok(())
}

/// Removes what only an execution has that goes on. Most have nothing: one look is cheaper than four statements.
fn clear(tx: &mut Tx<'_>, commit: &Commit) -> Result<()> {
    let place = params![commit.workspace.as_bytes(), commit.execution.as_bytes()];
    let left = tx.first(
        "SELECT EXISTS (SELECT 1 FROM timers WHERE workspace_id = ?1 AND owner_kind = 'execution' AND owner_id = ?2),
                EXISTS (SELECT 1 FROM execution_waits WHERE workspace_id = ?1 AND execution_id = ?2),
                EXISTS (SELECT 1 FROM execution_signals WHERE workspace_id = ?1 AND execution_id = ?2),
                EXISTS (SELECT 1 FROM execution_queue WHERE workspace_id = ?1 AND execution_id = ?2)",
        place,
        |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?]),
    )?;
    let statements = [
        "DELETE FROM timers WHERE workspace_id = $1 AND owner_kind = 'execution' AND owner_id = $2",
        "DELETE FROM execution_waits WHERE workspace_id = $1 AND execution_id = $2",
        "DELETE FROM execution_signals WHERE workspace_id = $1 AND execution_id = $2",
        "DELETE FROM execution_queue WHERE workspace_id = $1 AND execution_id = $2",
    ];
    for (sql, is_left) in statements.into_iter().zip(left.unwrap_or([true; 4])) {
        if is_left {
            tx.execute(sql, place)?;
        }
    }
    Ok(())
}

/// Static data outlives neither its workflow nor keeps an execution from going on without it.
fn remember(tx: &mut Tx<'_>, commit: &Commit, data: &str) -> Result<()> {
    tx.execute(
        "INSERT INTO workflow_static_data (workspace_id, workflow_id, data, updated_at)
         SELECT workspace_id, id, $1, $2 FROM workflows
          WHERE workspace_id = $3
            AND id = (SELECT workflow_id FROM executions WHERE workspace_id = $3 AND id = $4)
         ON CONFLICT (workspace_id, workflow_id) DO UPDATE SET data = excluded.data, updated_at = excluded.updated_at",
        params![data, us(tx.now()), commit.workspace.as_bytes(), commit.execution.as_bytes()],
    )?;
    Ok(())
}

/// Queues an execution that goes on without this owner and has something to do.
fn hand_over(tx: &mut Tx<'_>, commit: &Commit) -> Result<()> {
    let queued = match commit.lease {
        LeaseAfter::Keep(_) => false,
        LeaseAfter::Queue => true,
        LeaseAfter::Release => {
            let pending = tx.first(
                "SELECT 1 FROM execution_signals WHERE workspace_id = $1 AND execution_id = $2 LIMIT 1",
                params![commit.workspace.as_bytes(), commit.execution.as_bytes()],
                |_| Ok(()),
            )?;
            pending.is_some()
        }
    };
    if queued {
        queue::sqlite::push(tx, commit.workspace, commit.execution)?;
    }
    Ok(())
}

/// When an execution ended: exactly those that have not ended have no such time.
fn finished_at(tx: &Tx<'_>, commit: &Commit) -> Option<i64> {
    let finish = commit.finish.as_ref();
    commit.status.is_final().then(|| us(finish.map_or(tx.now(), |finish| finish.at)))
}

/// Who holds the lease after a commit.
fn owner(commit: &Commit) -> Option<[u8; 16]> {
    match commit.lease {
        LeaseAfter::Keep(worker) if !commit.status.is_final() => Some(*worker.as_bytes()),
        _ => None,
    }
}

/// A time as it is stored.
pub(crate) fn us(at: Timestamp) -> i64 {
    at.as_microsecond()
}

fn integer(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
