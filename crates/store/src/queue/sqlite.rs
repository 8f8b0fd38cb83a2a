//! The queue on SQLite.

use std::collections::HashSet;

use model::ids::{ExecutionId, VersionId, WorkerId, WorkflowId, WorkspaceId};
use rusqlite::params;

use crate::commit::sqlite::us;
use crate::db::sqlite::{Sqlite, Tx, error};
use crate::error::Result;
use crate::queue::{Claim, Lease, Reaped, SUSPECT_DEATHS};
use crate::store::{LEASE, Wakeup};

/// Executions that one transaction takes from dead owners at most: others want to write too.
const REAP: i64 = 500;

/// Queues an execution, unless it is queued already.
pub(crate) fn push(tx: &mut Tx<'_>, workspace: WorkspaceId, execution: ExecutionId) -> Result<()> {
    tx.execute(
        "INSERT INTO execution_queue
           (workspace_id, execution_id, workflow_id, priority, concurrency_key, deaths, queued_at)
         SELECT workspace_id, id, workflow_id, priority, concurrency_key, deaths, $1
           FROM executions WHERE workspace_id = $2 AND id = $3
         ON CONFLICT (workspace_id, execution_id) DO NOTHING",
        params![us(tx.now()), workspace.as_bytes(), execution.as_bytes()],
    )?;
    tx.hint(Wakeup::Queue);
    Ok(())
}

pub(super) async fn claim(db: &Sqlite, claim: Claim) -> Result<Vec<Lease>> {
    let turn = db.turn();
    let wanted = Wanted::new(claim);
    db.write(move |tx| {
        let last = turn.lock().unwrap_or_else(std::sync::PoisonError::into_inner).to_owned();
        let (leases, served) = wanted.take(tx, last)?;
        if let Some(served) = served {
            *turn.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(served);
        }
        Ok(leases)
    })
    .await
}

pub(super) async fn heartbeat(
    db: &Sqlite,
    worker: WorkerId,
    holds: &[ExecutionId],
) -> Result<Vec<ExecutionId>> {
    // The folder has one process, and while it lives its leases hold: nothing is to be written.
    if holds.is_empty() {
        return Ok(Vec::new());
    }
    let owned: HashSet<ExecutionId> = db
        .read(move |connection| {
            let sql = "SELECT id FROM executions WHERE lease_owner = $1";
            let mut statement = connection.prepare_cached(sql).map_err(error)?;
            let rows = statement
                .query_map(params![worker.as_bytes()], |row| row.get(0).map(ExecutionId::from_bytes))
                .map_err(error)?;
            rows.collect::<rusqlite::Result<_>>().map_err(error)
        })
        .await?;
    Ok(holds.iter().filter(|execution| !owned.contains(execution)).copied().collect())
}

pub(super) async fn reap(db: &Sqlite, worker: WorkerId) -> Result<Vec<Reaped>> {
    let mut reaped = Vec::new();
    loop {
        let some = db.write(move |tx| reap_some(tx, worker)).await?;
        let last = some.len() < REAP as usize;
        reaped.extend(some);
        if last {
            return Ok(reaped);
        }
    }
}

fn reap_some(tx: &mut Tx<'_>, worker: WorkerId) -> Result<Vec<Reaped>> {
    let left = tx.query(
        "SELECT workspace_id, id, deaths FROM executions
          WHERE lease_owner IS NOT NULL AND lease_owner <> $1 LIMIT $2",
        params![worker.as_bytes(), REAP],
        |row| {
            Ok(Reaped {
                workspace: WorkspaceId::from_bytes(row.get(0)?),
                execution: ExecutionId::from_bytes(row.get(1)?),
                deaths: row.get::<_, u32>(2)? + 1,
            })
        },
    )?;
    for Reaped { workspace, execution, deaths } in &left {
        // With another fence even an owner that is not dead after all commits nothing more.
        tx.execute(
            "UPDATE executions SET fence = fence + 1, lease_owner = NULL, lease_until = NULL, deaths = $1
              WHERE workspace_id = $2 AND id = $3",
            params![deaths, workspace.as_bytes(), execution.as_bytes()],
        )?;
        push(tx, *workspace, *execution)?;
    }
    Ok(left)
}

pub(super) async fn depth(db: &Sqlite) -> Result<u64> {
    db.read(|connection| {
        let mut statement =
            connection.prepare_cached("SELECT count(*) FROM execution_queue").map_err(error)?;
        statement.query_row([], |row| row.get::<_, i64>(0)).map(i64::cast_unsigned).map_err(error)
    })
    .await
}

/// What a worker wants, ready to be looked up.
struct Wanted {
    claim: Claim,
    workflows: HashSet<WorkflowId>,
    workspaces: HashSet<WorkspaceId>,
    keys: HashSet<(WorkflowId, String)>,
}

/// A queued execution.
struct Ready {
    workspace: [u8; 16],
    execution: [u8; 16],
    workflow: WorkflowId,
    priority: i64,
    queued_at: i64,
    key: Option<String>,
}

impl Wanted {
    fn new(claim: Claim) -> Self {
        Self {
            workflows: claim.full_workflows.iter().copied().collect(),
            workspaces: claim.full_workspaces.iter().copied().collect(),
            keys: claim.full_keys.iter().cloned().collect(),
            claim,
        }
    }

    /// Takes leases in turn from the workspaces after the one served last; gives also the one served last now.
    fn take(&self, tx: &mut Tx<'_>, last: Option<WorkspaceId>) -> Result<(Vec<Lease>, Option<WorkspaceId>)> {
        let mut waiting = self.waiting(tx)?;
        if let Some(last) = last {
            let after = waiting.iter().position(|(workspace, _)| *workspace > last).unwrap_or(0);
            waiting.rotate_left(after);
        }
        let mut leases = Vec::new();
        let mut served = None;
        // One execution of each key: whether there is room for a second nobody knows yet.
        let mut keys = self.keys.clone();
        while leases.len() < self.claim.limit && !waiting.is_empty() {
            let share = ((self.claim.limit - leases.len()) / waiting.len()).max(1);
            let mut more = Vec::new();
            for (workspace, workflows) in waiting {
                if leases.len() == self.claim.limit {
                    break;
                }
                let mut ready = Vec::new();
                for workflow in &workflows {
                    self.ready(tx, workspace, *workflow, share, &keys, &mut ready)?;
                }
                let exhausted = ready.len() < share;
                ready.sort_by_key(|ready| (-ready.priority, ready.queued_at, ready.execution));
                let mut dropped = false;
                for ready in ready.into_iter().take(share) {
                    if let Some(key) = &ready.key
                        && !keys.insert((ready.workflow, key.clone()))
                    {
                        continue;
                    }
                    match self.lease(tx, ready)? {
                        Some(lease) => {
                            served = Some(workspace);
                            leases.push(lease);
                        }
                        None => dropped = true,
                    }
                }
                if !exhausted || dropped {
                    more.push((workspace, workflows));
                }
            }
            waiting = more;
        }
        Ok((leases, served))
    }

    /// The workspaces that have something queued and may run more, with their workflows.
    fn waiting(&self, tx: &mut Tx<'_>) -> Result<Vec<(WorkspaceId, Vec<WorkflowId>)>> {
        let mut waiting: Vec<(WorkspaceId, Vec<WorkflowId>)> = Vec::new();
        let mut after = ([0; 16], [0; 16]);
        loop {
            // Skips from one to the next however many are queued for each. A comparison of pairs would walk through all
            // that equal the last pair.
            let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
            let same_workspace = tx.first(
                "SELECT workspace_id, workflow_id FROM execution_queue
                  WHERE workspace_id = $1 AND workflow_id > $2
                  ORDER BY workflow_id LIMIT 1",
                params![after.0, after.1],
                row,
            )?;
            let next = match same_workspace {
                Some(next) => Some(next),
                None => tx.first(
                    "SELECT workspace_id, workflow_id FROM execution_queue
                      WHERE workspace_id > $1
                      ORDER BY workspace_id, workflow_id LIMIT 1",
                    params![after.0],
                    row,
                )?,
            };
            let Some((workspace, workflow)) = next else {
                return Ok(waiting);
            };
            after = (workspace, workflow);
            let (workspace, workflow) =
                (WorkspaceId::from_bytes(workspace), WorkflowId::from_bytes(workflow));
            if self.workspaces.contains(&workspace) {
                after.1 = [0xff; 16];
                continue;
            }
            if self.workflows.contains(&workflow) {
                continue;
            }
            match waiting.last_mut() {
                Some((last, workflows)) if *last == workspace => workflows.push(workflow),
                _ => waiting.push((workspace, vec![workflow])),
            }
        }
    }

    /// The first executions of a workflow that may run.
    fn ready(
        &self,
        tx: &mut Tx<'_>,
        workspace: WorkspaceId,
        workflow: WorkflowId,
        limit: usize,
        keys: &HashSet<(WorkflowId, String)>,
        ready: &mut Vec<Ready>,
    ) -> Result<()> {
        let enough = ready.len() + limit;
        tx.each(
            "SELECT execution_id, priority, queued_at, concurrency_key FROM execution_queue
              WHERE workspace_id = $1 AND workflow_id = $2 AND deaths <= $3
              ORDER BY priority DESC, queued_at, execution_id",
            params![
                workspace.as_bytes(),
                workflow.as_bytes(),
                if self.claim.suspects { i64::MAX } else { i64::from(SUSPECT_DEATHS) - 1 }
            ],
            |row| {
                let key: Option<String> = row.get(3)?;
                let pair = key.map(|key| (workflow, key));
                if pair.as_ref().is_none_or(|pair| !keys.contains(pair)) {
                    ready.push(Ready {
                        workspace: *workspace.as_bytes(),
                        execution: row.get(0)?,
                        workflow,
                        priority: row.get(1)?,
                        queued_at: row.get(2)?,
                        key: pair.map(|(_, key)| key),
                    });
                }
                Ok(ready.len() < enough)
            },
        )
    }

    /// Takes an execution off the queue and leases it, unless it has ended or has an owner.
    fn lease(&self, tx: &mut Tx<'_>, ready: Ready) -> Result<Option<Lease>> {
        tx.execute(
            "DELETE FROM execution_queue WHERE workspace_id = $1 AND execution_id = $2",
            params![ready.workspace, ready.execution],
        )?;
        tx.first(
            "UPDATE executions SET fence = fence + 1, lease_owner = $1, lease_until = $2
              WHERE workspace_id = $3 AND id = $4 AND lease_owner IS NULL AND finished_at IS NULL
             RETURNING version_id, fence, deaths",
            params![self.claim.worker.as_bytes(), us(tx.now() + LEASE), ready.workspace, ready.execution],
            |row| {
                Ok(Lease {
                    workspace: WorkspaceId::from_bytes(ready.workspace),
                    execution: ExecutionId::from_bytes(ready.execution),
                    workflow: ready.workflow,
                    version: VersionId::from_bytes(row.get(0)?),
                    fence: row.get::<_, i64>(1)?.cast_unsigned(),
                    deaths: row.get(2)?,
                    concurrency_key: ready.key.clone(),
                })
            },
        )
    }
}
