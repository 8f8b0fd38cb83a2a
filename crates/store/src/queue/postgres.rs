//! The queue on PostgreSQL: each execution for one process, taken in batches, by the clock of the server.

use std::collections::HashSet;
use std::sync::PoisonError;

use model::ids::{ExecutionId, VersionId, WorkerId, WorkflowId, WorkspaceId};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::db::Scope;
use crate::db::postgres::Postgres;
use crate::error::{Error, Result};
use crate::queue::{Claim, Lease, Reaped};
use crate::store::Wakeup;

/// Takes in turn from the workspaces, from each the highest priority and then the oldest. The list of pairs skips from
/// one workflow to the next however many are queued for each; of each pair only as many are looked at as are wanted.
/// What another process has locked is left to it, and so are executions that somebody writes to.
/// The number of deaths is `SUSPECT_DEATHS`.
const CLAIM: &str = "WITH RECURSIVE pairs AS (
    (SELECT workspace_id, workflow_id FROM execution_queue ORDER BY workspace_id, workflow_id LIMIT 1)
    UNION ALL
    SELECT next.workspace_id, next.workflow_id FROM pairs CROSS JOIN LATERAL (
      SELECT workspace_id, workflow_id FROM execution_queue AS queue
        WHERE (queue.workspace_id, queue.workflow_id) > (pairs.workspace_id, pairs.workflow_id)
        ORDER BY workspace_id, workflow_id LIMIT 1) AS next),
  ready AS (
    SELECT queue.* FROM pairs CROSS JOIN LATERAL (
      SELECT * FROM execution_queue AS queue
        WHERE queue.workspace_id = pairs.workspace_id AND queue.workflow_id = pairs.workflow_id
          AND (queue.deaths < 2 OR $7)
          AND (queue.concurrency_key IS NULL OR NOT EXISTS (
            SELECT FROM unnest($5::uuid[], $6::text[]) AS taken (workflow_id, key)
              WHERE taken.workflow_id = queue.workflow_id AND taken.key = queue.concurrency_key))
        ORDER BY queue.priority DESC, queue.queued_at, queue.execution_id LIMIT 2 * $2::bigint) AS queue
      WHERE pairs.workspace_id <> ALL ($3::uuid[]) AND pairs.workflow_id <> ALL ($4::uuid[])),
  single AS (
    SELECT ready.*, row_number() OVER (PARTITION BY workspace_id, workflow_id, concurrency_key
        ORDER BY priority DESC, queued_at, execution_id) AS nth FROM ready),
  turns AS (
    SELECT workspace_id, execution_id, row_number() OVER (PARTITION BY workspace_id
        ORDER BY priority DESC, queued_at, execution_id) AS turn
      FROM single WHERE concurrency_key IS NULL OR nth = 1),
  taken AS (
    SELECT queue.workspace_id, queue.execution_id, queue.concurrency_key, turns.turn
      FROM turns
      JOIN execution_queue AS queue USING (workspace_id, execution_id)
      JOIN executions AS head ON head.workspace_id = queue.workspace_id AND head.id = queue.execution_id
      WHERE head.lease_owner IS NULL AND head.status IN ('queued', 'running', 'waiting', 'paused')
      ORDER BY turns.turn, turns.workspace_id <= $8::uuid, turns.workspace_id
      LIMIT $2
      FOR UPDATE OF queue SKIP LOCKED FOR NO KEY UPDATE OF head SKIP LOCKED),
  gone AS (
    DELETE FROM execution_queue AS queue USING taken
      WHERE queue.workspace_id = taken.workspace_id AND queue.execution_id = taken.execution_id),
  leased AS (
    UPDATE executions AS head SET fence = head.fence + 1, lease_owner = $1,
        lease_until = clock_timestamp() + interval '10 s'
      FROM taken WHERE head.workspace_id = taken.workspace_id AND head.id = taken.execution_id
      RETURNING head.workspace_id, head.id, head.workflow_id, head.version_id, head.fence, head.deaths,
        taken.concurrency_key, taken.turn)
  SELECT * FROM leased ORDER BY turn, workspace_id <= $8::uuid, workspace_id";

/// Renews the leases of what a worker holds. What somebody writes to at this moment is renewed by that or the next time.
const HEARTBEAT: &str = "WITH held AS (
    SELECT workspace_id, id FROM executions
      WHERE lease_owner = $1 AND id = ANY ($2::uuid[]) AND lease_until < now() + interval '9 s'
      FOR NO KEY UPDATE SKIP LOCKED),
  renewed AS (
    UPDATE executions AS head SET lease_until = clock_timestamp() + interval '10 s' FROM held
      WHERE head.workspace_id = held.workspace_id AND head.id = held.id)
  SELECT id FROM executions WHERE lease_owner = $1 AND id = ANY ($2::uuid[])";

/// With another fence even an owner that is not dead after all commits nothing more.
const REAP: &str = "WITH late AS (
    SELECT workspace_id, id FROM executions
      WHERE lease_owner IS NOT NULL AND lease_until < now() LIMIT 500 FOR NO KEY UPDATE SKIP LOCKED),
  freed AS (
    UPDATE executions AS head SET fence = head.fence + 1, lease_owner = NULL, lease_until = NULL,
        deaths = head.deaths + 1
      FROM late WHERE head.workspace_id = late.workspace_id AND head.id = late.id
      RETURNING head.workspace_id, head.id, head.workflow_id, head.priority, head.concurrency_key, head.deaths),
  queued AS (
    INSERT INTO execution_queue
        (workspace_id, execution_id, workflow_id, priority, concurrency_key, deaths, queued_at)
      SELECT *, clock_timestamp() FROM freed ON CONFLICT DO NOTHING)
  SELECT workspace_id, id, deaths FROM freed";

pub(super) async fn claim(db: &Postgres, claim: Claim) -> Result<Vec<Lease>> {
    let ids = |bytes: &[u8; 16]| Uuid::from_bytes(*bytes);
    let workflows: Vec<Uuid> = claim.full_workflows.iter().map(|id| ids(id.as_bytes())).collect();
    let workspaces: Vec<Uuid> = claim.full_workspaces.iter().map(|id| ids(id.as_bytes())).collect();
    let (key_workflows, keys): (Vec<Uuid>, Vec<&str>) =
        claim.full_keys.iter().map(|(workflow, key)| (ids(workflow.as_bytes()), key.as_str())).unzip();
    let last = *db.turn().lock().unwrap_or_else(PoisonError::into_inner);
    let worker = ids(claim.worker.as_bytes());
    let limit = i64::try_from(claim.limit).unwrap_or(i64::MAX / 4);
    let rows = db
        .query(
            Scope::Engine,
            CLAIM,
            &[&worker, &limit, &workspaces, &workflows, &key_workflows, &keys, &claim.suspects, &last],
        )
        .await?;
    let leases = rows.iter().map(lease).collect::<Result<Vec<_>>>()?;
    if let Some(served) = leases.last() {
        *db.turn().lock().unwrap_or_else(PoisonError::into_inner) = ids(served.workspace.as_bytes());
    }
    Ok(leases)
}

fn lease(row: &Row) -> Result<Lease> {
    Ok(Lease {
        workspace: WorkspaceId::from_bytes(id(row, 0)?),
        execution: ExecutionId::from_bytes(id(row, 1)?),
        workflow: WorkflowId::from_bytes(id(row, 2)?),
        version: VersionId::from_bytes(id(row, 3)?),
        fence: row.try_get::<_, i64>(4).map_err(damaged)?.cast_unsigned(),
        deaths: deaths(row, 5)?,
        concurrency_key: row.try_get(6).map_err(damaged)?,
    })
}

pub(super) async fn heartbeat(
    db: &Postgres,
    worker: WorkerId,
    holds: &[ExecutionId],
) -> Result<Vec<ExecutionId>> {
    if holds.is_empty() {
        return Ok(Vec::new());
    }
    let worker = Uuid::from_bytes(*worker.as_bytes());
    let ids: Vec<Uuid> = holds.iter().map(|id| Uuid::from_bytes(*id.as_bytes())).collect();
    let rows = db.query(Scope::Engine, HEARTBEAT, &[&worker, &ids]).await?;
    let owned: HashSet<ExecutionId> =
        rows.iter().map(|row| Ok(ExecutionId::from_bytes(id(row, 0)?))).collect::<Result<_>>()?;
    Ok(holds.iter().filter(|execution| !owned.contains(execution)).copied().collect())
}

pub(super) async fn reap(db: &Postgres, _worker: WorkerId) -> Result<Vec<Reaped>> {
    let rows = db.query(Scope::Engine, REAP, &[]).await?;
    if !rows.is_empty() {
        db.hint(Wakeup::Queue);
    }
    let reaped = rows.iter().map(|row| {
        Ok(Reaped {
            workspace: WorkspaceId::from_bytes(id(row, 0)?),
            execution: ExecutionId::from_bytes(id(row, 1)?),
            deaths: deaths(row, 2)?,
        })
    });
    reaped.collect()
}

pub(super) async fn depth(db: &Postgres) -> Result<u64> {
    let rows = db.query(Scope::Engine, "SELECT count(*) FROM execution_queue", &[]).await?;
    let count: i64 = rows.first().map_or(Ok(0), |row| row.try_get(0)).map_err(damaged)?;
    Ok(count.cast_unsigned())
}

fn id(row: &Row, index: usize) -> Result<[u8; 16]> {
    Ok(row.try_get::<_, Uuid>(index).map_err(damaged)?.into_bytes())
}

fn deaths(row: &Row, index: usize) -> Result<u32> {
    let deaths: i64 = row.try_get(index).map_err(damaged)?;
    Ok(u32::try_from(deaths).unwrap_or(u32::MAX))
}

fn damaged(error: tokio_postgres::Error) -> Error {
    Error::Damaged(error.to_string())
}
