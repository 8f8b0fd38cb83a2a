//! Logs in a table with a partition per month.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use model::ids::{ExecutionId, WorkspaceId};
use serde_json::json;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use super::{BATCH, Dropped, Filter, Level, Line, LineId, Month, QUEUE, Stamped, months};
use crate::db::{Db, Row, Scope, Statement, params};
use crate::error::{Error, Result};
use crate::page::{LAST, Page, PageOf};

/// The table.
#[derive(Clone)]
pub(crate) struct Partitions {
    db: Db,
    writer: mpsc::Sender<Asked>,
    dropped: Arc<Dropped>,
}

enum Asked {
    Write(Box<Stamped>),
    Flush(oneshot::Sender<()>),
}

impl Partitions {
    /// Starts the writer, which ends with the last handle.
    pub(super) fn start(db: Db) -> Self {
        let (writer, asked) = mpsc::channel(QUEUE);
        let dropped = Arc::<Dropped>::default();
        tokio::spawn(serve(db.clone(), asked, Arc::clone(&dropped)));
        Self { db, writer, dropped }
    }

    pub(super) fn write(&self, stamped: Stamped) {
        if self.writer.try_send(Asked::Write(Box::new(stamped))).is_err() {
            self.dropped.add(1);
        }
    }

    pub(super) fn dropped(&self) -> u64 {
        self.dropped.get()
    }

    pub(super) async fn flush(&self) {
        let (done, flushed) = oneshot::channel();
        if self.writer.send(Asked::Flush(done)).await.is_ok() {
            let _ = flushed.await;
        }
    }

    pub(super) async fn read(
        &self,
        workspace: WorkspaceId,
        execution: ExecutionId,
        filter: &Filter,
        page: Page<LineId>,
    ) -> Result<PageOf<Line>> {
        let after = page.after.map_or([0; 16], |id| *id.as_bytes());
        let node = filter.node.as_deref();
        let rows = self.db.rows(
            Scope::Workspace(workspace),
            "SELECT id, at, level, node_key, run_index, message, details FROM execution_logs
              WHERE workspace_id = $1 AND execution_id = $2 AND id > $3 AND level >= $4
                AND (CAST($5 AS text) IS NULL OR node_key = $6) AND at >= $7
              ORDER BY id LIMIT $8",
            params![
                workspace,
                execution,
                after,
                filter.level.unwrap_or(Level::Debug).number(),
                node,
                node,
                begin(execution),
                page.rows()
            ],
        );
        page.collect(&rows.await?, read)
    }

    pub(super) async fn tail(
        &self,
        workspace: WorkspaceId,
        execution: ExecutionId,
        filter: &Filter,
        limit: usize,
    ) -> Result<Vec<Line>> {
        let node = filter.node.as_deref();
        let rows = self.db.rows(
            Scope::Workspace(workspace),
            "SELECT id, at, level, node_key, run_index, message, details FROM execution_logs
              WHERE workspace_id = $1 AND execution_id = $2 AND id <= $3 AND level >= $4
                AND (CAST($5 AS text) IS NULL OR node_key = $6) AND at >= $7
              ORDER BY id DESC LIMIT $8",
            params![
                workspace,
                execution,
                LAST,
                filter.level.unwrap_or(Level::Debug).number(),
                node,
                node,
                begin(execution),
                limit
            ],
        );
        let mut lines: Vec<Line> = rows.await?.iter().map(read).collect::<Result<_>>()?;
        lines.reverse();
        Ok(lines)
    }

    pub(super) async fn drop_before(&self, before: Month) -> Result<u64> {
        let drop = Statement::new(
            "SELECT drop_log_partitions(CAST(CAST($1 AS text) AS date))",
            params![before.first_day()],
        );
        let rows = self.db.transaction(Scope::Engine, vec![drop]).await?;
        rows.first().and_then(|rows| rows.first()).map_or(Ok(0), |row| row.get(0))
    }
}

/// Before this an execution has said nothing; spares the partitions of earlier months.
fn begin(execution: ExecutionId) -> Timestamp {
    let mut ms = [0; 8];
    ms[2..].copy_from_slice(&execution.as_bytes()[..6]);
    let made = Timestamp::from_millisecond(i64::from_be_bytes(ms)).unwrap_or(Timestamp::UNIX_EPOCH);
    // Clocks of processes differ.
    made.checked_sub(jiff::SignedDuration::from_hours(1)).unwrap_or(made)
}

fn read(row: &Row) -> Result<Line> {
    let level: i64 = row.get(2)?;
    Ok(Line {
        id: LineId(row.get(0)?),
        at: row.get(1)?,
        level: Level::of_number(level)
            .ok_or_else(|| Error::Damaged(format!("a log line has the level {level}")))?,
        node: row.get(3)?,
        run_index: row.get(4)?,
        message: row.get(5)?,
        details: row.get(6)?,
    })
}

async fn serve(db: Db, mut asked: mpsc::Receiver<Asked>, dropped: Arc<Dropped>) {
    let mut made = BTreeSet::new();
    let mut told = false;
    let mut taken = Vec::with_capacity(BATCH);
    while asked.recv_many(&mut taken, BATCH).await > 0 {
        let mut batch = Vec::with_capacity(taken.len());
        let mut flushed = Vec::new();
        for asked in taken.drain(..) {
            match asked {
                Asked::Write(stamped) => batch.push(*stamped),
                Asked::Flush(done) => flushed.push(done),
            }
        }
        let result = if batch.is_empty() { Ok(()) } else { write(&db, &mut made, &batch).await };
        match result {
            Ok(()) => told = false,
            Err(error) => {
                made.clear();
                dropped.add(batch.len());
                if !told {
                    tracing::warn!(error = &error as &dyn std::error::Error, "logs cannot be written");
                }
                told = true;
            }
        }
        for done in flushed {
            let _ = done.send(());
        }
    }
}

async fn write(db: &Db, made: &mut BTreeSet<Month>, batch: &[Stamped]) -> Result<()> {
    let mut statements = Vec::new();
    // The line's own time decides its partition.
    let own: BTreeSet<Month> = batch.iter().map(|stamped| Month::of(stamped.line.at)).collect();
    for month in months(batch).into_iter().chain(own).flat_map(|month| [month, month.next()]) {
        if !made.contains(&month) {
            statements.push(Statement::new(
                "SELECT make_log_partition(CAST(CAST($1 AS text) AS date))",
                params![month.first_day()],
            ));
        }
    }
    if !statements.is_empty() {
        db.transaction(Scope::Engine, statements).await?;
        made.extend(months(batch).into_iter().chain(batch.iter().map(|stamped| Month::of(stamped.line.at))));
    }
    let lines: Vec<_> = batch
        .iter()
        .map(|Stamped { id, line }| {
            json!({
                "workspace_id": line.workspace.to_string(),
                "execution_id": line.execution.to_string(),
                "id": Uuid::from_bytes(id.0).to_string(),
                "at": line.at.to_string(),
                "level": line.level.number(),
                "node_key": line.node.as_deref().map(storable),
                "run_index": line.run_index,
                "message": storable(&line.message),
                "details": line.details.as_deref().map(storable),
            })
        })
        .collect();
    let lines = serde_json::Value::Array(lines).to_string();
    let insert = Statement::new(
        "INSERT INTO execution_logs
           (workspace_id, execution_id, id, at, level, node_key, run_index, message, details)
         SELECT workspace_id, execution_id, id, at, level, node_key, run_index, message, details
           FROM json_to_recordset($1) AS line (workspace_id uuid, execution_id uuid, id uuid, at timestamptz,
             level bigint, node_key text, run_index bigint, message text, details text)",
        params![lines],
    );
    db.transaction(Scope::Engine, vec![insert]).await.map(drop)
}

/// PostgreSQL keeps no NUL in texts.
fn storable(text: &str) -> std::borrow::Cow<'_, str> {
    if text.contains('\0') { text.replace('\0', "\u{fffd}").into() } else { text.into() }
}
