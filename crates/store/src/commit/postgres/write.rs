//! The transaction of a batch.

use std::collections::HashMap;

use deadpool_postgres::Pool;
use model::ExecutionStatus;
use model::ids::{ExecutionId, WorkerId, WorkflowId, WorkspaceId};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Row, Statement};
use uuid::Uuid;

use super::columns::Tables;
use super::occur;
use super::plan::{Batch, Head, Key, Place};
use crate::db::Scope;
use crate::db::postgres::DEADLINE;
use crate::db::postgres::bind::Micros;
use crate::db::postgres::failure::{Failure, Stage};
use crate::db::postgres::pipeline::{Answer, Request, Session, begin, in_order};
use crate::error::Error;
use crate::timers::Firing;

const MARK: &str = "INSERT INTO commit_marks (writer, batch, at) VALUES ($1, $2, clock_timestamp())
  ON CONFLICT (writer) DO UPDATE SET batch = excluded.batch, at = excluded.at";

/// A key whose time is over belongs to the next who asks.
const RESERVE: &str = "INSERT INTO inbox_events AS inbox
    (workspace_id, scope, dedupe_key, execution_id, received_at, expires_at)
  SELECT workspace_id, scope, dedupe_key, execution_id, clock_timestamp(), expires_at
    FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[], $5::timestamptz[])
      AS new (workspace_id, scope, dedupe_key, execution_id, expires_at)
  ON CONFLICT (workspace_id, scope, dedupe_key) DO UPDATE
    SET execution_id = excluded.execution_id, received_at = excluded.received_at, expires_at = excluded.expires_at
    WHERE inbox.expires_at <= clock_timestamp()";

const RESERVED: &str = "SELECT inbox.workspace_id, inbox.scope, inbox.dedupe_key, inbox.execution_id
  FROM unnest($1::uuid[], $2::uuid[], $3::text[]) AS key (workspace_id, scope, dedupe_key)
  JOIN inbox_events AS inbox USING (workspace_id, scope, dedupe_key)";

const HEADS: &str =
    "SELECT head.workspace_id, head.id, head.workflow_id, head.fence, head.seq, head.lease_owner, head.status
  FROM unnest($1::uuid[], $2::uuid[]) AS wanted (workspace_id, id)
  JOIN executions AS head USING (workspace_id, id)
  ORDER BY head.workspace_id, head.id FOR NO KEY UPDATE OF head";

const FIRED: &str =
    "UPDATE triggers SET cursor = coalesce($3, cursor), last_fired_at = clock_timestamp(), last_error = $4,
    updated_at = clock_timestamp()
  WHERE workspace_id = $1 AND id = $2";

/// Tries to write a batch. What counts of it is decided anew each time.
pub(super) async fn attempt(
    pool: &Pool,
    writer: Uuid,
    number: i64,
    batch: &mut Batch<'_>,
) -> Result<(), Failure> {
    let mut session = Session::checkout(pool).await?;
    // Until the commit is sent, a server that does not answer has committed nothing.
    let mut stage = Stage::Open;
    let work = transaction(&session, writer, number, batch, &mut stage);
    let result = match tokio::time::timeout(DEADLINE, work).await {
        Ok(result) => result,
        Err(_) => Err(Failure { stage, ..Failure::silent(DEADLINE) }),
    };
    session.finish(&result);
    result
}

async fn transaction(
    session: &Session,
    writer: Uuid,
    number: i64,
    batch: &mut Batch<'_>,
    stage: &mut Stage,
) -> Result<(), Failure> {
    let opened = inspect(session, batch).await?;
    let tables = Tables::of(batch);
    let fired = batch.firing().map(Fired::of);
    let mut writes = tables.writes();
    writes.extend(fired.as_ref().map(|fired| (FIRED, fired.params())));
    if writes.is_empty() {
        // Nothing counts.
        return if opened == Opened::Yes { session.rollback().await } else { Ok(()) };
    }
    let begin = begin(Scope::Engine);
    let mark = session.parse(MARK).await?;
    let mut parsed: Vec<Statement> = Vec::with_capacity(writes.len());
    for (sql, _) in &writes {
        parsed.push(session.parse(sql).await?);
    }
    let mut requests: Vec<Request<'_, Answer>> = Vec::with_capacity(writes.len() + 3);
    if opened == Opened::Not {
        requests.push(session.text(&begin));
    }
    requests.push(session.request(&mark, vec![&writer, &number]));
    for ((_, params), statement) in writes.into_iter().zip(&parsed) {
        requests.push(session.request(statement, params));
    }
    requests.push(session.text("COMMIT"));
    *stage = Stage::Unknown;
    let mut answers = in_order(requests).await;
    let commit = answers.pop();
    first_failure(answers)?;
    if let Some(Err(error)) = commit {
        return Err(Failure::of_commit(error));
    }
    Ok(())
}

/// The answers, or why the transaction failed. It was to be committed with the last of them.
fn first_failure(answers: Vec<Result<Answer, tokio_postgres::Error>>) -> Result<(), Failure> {
    let mut failure: Option<Failure> = None;
    for error in answers.into_iter().filter_map(Result::err) {
        let next = Failure::from(error);
        failure = Some(match failure {
            // What the server said first counts; what it said after that only follows from it.
            Some(first) => Failure { lost: first.lost || next.lost, ..first },
            None => next,
        });
    }
    match failure {
        None => Ok(()),
        // Without a word of the server about a statement nobody knows how far it came.
        Some(failure) if failure.lost => Err(Failure { stage: Stage::Unknown, ..failure }),
        Some(failure) => Err(failure),
    }
}

/// Whether the transaction has begun.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Opened {
    Yes,
    Not,
}

/// Reserves keys, locks heads and decides.
async fn inspect(session: &Session, batch: &mut Batch<'_>) -> Result<Opened, Failure> {
    let begun = match batch.firing() {
        Some(firing) => {
            occur::take(session, firing).await?;
            true
        }
        None => false,
    };
    let reservations = Reservations::of(batch);
    let (workspaces, executions): (Vec<_>, Vec<_>) = batch
        .places()
        .into_iter()
        .map(|(workspace, execution)| (id(workspace.as_bytes()), id(execution.as_bytes())))
        .unzip();
    if reservations.keys.is_empty() && workspaces.is_empty() {
        batch.decide(HashMap::new(), HashMap::new());
        return Ok(if begun { Opened::Yes } else { Opened::Not });
    }
    let begin = if begun { String::new() } else { begin(Scope::Engine) };
    let reserve = session.parse(RESERVE).await?;
    let reserved = session.parse(RESERVED).await?;
    let heads = session.parse(HEADS).await?;
    let mut requests = vec![session.text(&begin)];
    let keyed = !reservations.keys.is_empty();
    if keyed {
        requests.push(session.request(&reserve, reservations.all()));
        requests.push(session.request(&reserved, reservations.identities()));
    }
    if !workspaces.is_empty() {
        requests.push(session.request(&heads, vec![&workspaces, &executions]));
    }
    let mut answers = Vec::new();
    for answer in in_order(requests).await {
        match answer {
            Ok(answer) => answers.push(answer),
            Err(error) => {
                let failure = Failure::from(error);
                if !failure.lost {
                    session.rollback().await?;
                }
                return Err(failure);
            }
        }
    }
    let mut answers = answers.into_iter().skip(1);
    let keys = if keyed { answers.nth(1).map(|answer| answer.rows) } else { None };
    let heads = answers.next().map(|answer| answer.rows).unwrap_or_default();
    let keys: Result<_, Failure> = keys.unwrap_or_default().iter().map(owner_of_key).collect();
    let heads: Result<_, Failure> = heads.iter().map(head).collect();
    batch.decide(heads?, keys?);
    if batch.has_spoiled_keys() {
        session.rollback().await?;
        // Alone, all that was to be done is undone; among others, it has to be alone.
        return match batch.len() {
            1 => Ok(Opened::Not),
            _ => Err(Failure::lasting(Error::Refused(
                "a key is taken for an execution that does not begin".into(),
            ))),
        };
    }
    Ok(Opened::Yes)
}

fn owner_of_key(row: &Row) -> Result<(Key, ExecutionId), Failure> {
    let key = (WorkspaceId::from_bytes(bytes(row, 0)?), bytes(row, 1)?, row.try_get(2)?);
    Ok((key, ExecutionId::from_bytes(bytes(row, 3)?)))
}

fn head(row: &Row) -> Result<(Place, Head), Failure> {
    let place = (WorkspaceId::from_bytes(bytes(row, 0)?), ExecutionId::from_bytes(bytes(row, 1)?));
    let owner: Option<Uuid> = row.try_get(5)?;
    let status: &str = row.try_get(6)?;
    let head = Head {
        workflow: WorkflowId::from_bytes(bytes(row, 2)?),
        fence: row.try_get::<_, i64>(3)?.unsigned_abs(),
        seq: row.try_get::<_, i64>(4)?.unsigned_abs(),
        owner: owner.map(|owner| WorkerId::from_bytes(owner.into_bytes())),
        is_open: ExecutionStatus::find(status).is_some_and(|status| !status.is_final()),
    };
    Ok((place, head))
}

fn bytes(row: &Row, index: usize) -> Result<[u8; 16], Failure> {
    Ok(row.try_get::<_, Uuid>(index)?.into_bytes())
}

pub(super) fn id(bytes: &[u8; 16]) -> Uuid {
    Uuid::from_bytes(*bytes)
}

/// What a trigger remembers of its occurrence.
struct Fired<'a> {
    workspace: Uuid,
    trigger: Uuid,
    cursor: Option<&'a str>,
    error: Option<&'a str>,
}

impl<'a> Fired<'a> {
    fn of(firing: &'a Firing) -> Self {
        Self {
            workspace: id(firing.workspace.as_bytes()),
            trigger: id(firing.trigger.as_bytes()),
            cursor: firing.cursor.as_deref(),
            error: firing.error.as_deref(),
        }
    }

    fn params(&self) -> Vec<&(dyn ToSql + Sync)> {
        vec![&self.workspace, &self.trigger, &self.cursor, &self.error]
    }
}

/// The keys of a batch, as columns.
#[derive(Default)]
struct Reservations {
    workspaces: Vec<Uuid>,
    scopes: Vec<Uuid>,
    keys: Vec<String>,
    executions: Vec<Uuid>,
    until: Vec<Micros>,
}

impl Reservations {
    fn of(batch: &Batch<'_>) -> Self {
        let mut columns = Self::default();
        for ((workspace, scope, key), (execution, start)) in batch.reservations() {
            columns.workspaces.push(id(workspace.as_bytes()));
            columns.scopes.push(id(&scope));
            columns.keys.push(key);
            columns.executions.push(id(execution.as_bytes()));
            columns.until.push(start.until.into());
        }
        columns
    }

    fn all(&self) -> Vec<&(dyn ToSql + Sync)> {
        let mut all = self.identities();
        all.push(&self.executions);
        all.push(&self.until);
        all
    }

    fn identities(&self) -> Vec<&(dyn ToSql + Sync)> {
        vec![&self.workspaces, &self.scopes, &self.keys]
    }
}
