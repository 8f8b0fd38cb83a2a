//! Lists of executions, newest first. An id begins with the time at which it was made, so that a span of time is a span
//! of ids, and every combination of filters walks one index from its newest end.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use model::ExecutionStatus;
use model::ids::{ExecutionId, VersionId, WorkflowId, WorkspaceId};

use super::status;
use crate::db::{Db, Param, Row, Scope, params};
use crate::error::Result;
use crate::page::{LAST, Page, PageOf};
use crate::store::Store;

/// Which executions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of this workflow.
    pub workflow: Option<WorkflowId>,
    /// That stand there.
    pub status: Option<ExecutionStatus>,
    /// That run for this reason.
    pub mode: Option<String>,
    /// Accepted then or later.
    pub since: Option<Timestamp>,
    /// Accepted before.
    pub until: Option<Timestamp>,
}

/// An execution in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Its id.
    pub id: ExecutionId,
    /// Its workflow.
    pub workflow: WorkflowId,
    /// The version it follows.
    pub version: VersionId,
    /// Where it stands.
    pub status: ExecutionStatus,
    /// Why it runs.
    pub mode: String,
    /// What started it.
    pub trigger_kind: String,
    /// The execution that started it.
    pub parent: Option<ExecutionId>,
    /// The execution that it repeats.
    pub retry_of: Option<ExecutionId>,
    /// How long its steps have run, in microseconds.
    pub run_us: u64,
    /// Why it ended, as JSON, unless it completed.
    pub error: Option<String>,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
}

impl Summary {
    fn read(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            workflow: row.get(1)?,
            version: row.get(2)?,
            status: status(row, 3)?,
            mode: row.get(4)?,
            trigger_kind: row.get(5)?,
            parent: row.get(6)?,
            retry_of: row.get(7)?,
            run_us: row.get(8)?,
            error: row.get(9)?,
            accepted_at: row.get(10)?,
            finished_at: row.get(11)?,
        })
    }
}

/// What of a filter shapes its statement.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Shape {
    workflow: bool,
    status: Shelf,
    mode: Frequency,
}

/// Which partial index knows the executions that stand there. Those that completed have none: they are so many that
/// the newest of them are found by walking all.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Shelf {
    Any,
    Open,
    Troubled,
    Completed,
}

/// Whether executions for this reason have a partial index.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Frequency {
    Any,
    Rare,
    Usual,
}

impl Shape {
    fn of(filter: &Filter) -> Self {
        let status = match filter.status {
            None => Shelf::Any,
            Some(ExecutionStatus::Completed) => Shelf::Completed,
            Some(status) if status.is_final() => Shelf::Troubled,
            Some(_) => Shelf::Open,
        };
        let mode = match filter.mode.as_deref() {
            None => Frequency::Any,
            Some("manual" | "test" | "replay" | "error") => Frequency::Rare,
            Some(_) => Frequency::Usual,
        };
        Self { workflow: filter.workflow.is_some(), status, mode }
    }

    /// The index that SQLite, which knows nothing of how values are spread, must be told to use.
    fn index(self) -> &'static str {
        match (self.workflow, self.mode, self.status) {
            (true, Frequency::Rare, _) => " INDEXED BY executions_mode_workflow",
            (false, Frequency::Rare, _) => " INDEXED BY executions_mode",
            (true, _, Shelf::Troubled) => " INDEXED BY executions_troubled_workflow",
            (false, _, Shelf::Troubled) => " INDEXED BY executions_troubled",
            (_, _, Shelf::Open) => " INDEXED BY executions_open",
            (true, _, _) => " INDEXED BY executions_workflow",
            (false, _, _) => "",
        }
    }

    /// The statement. A partial index serves it only if the index's condition stands in the text.
    fn sql(self, is_sqlite: bool) -> String {
        let index = if is_sqlite { self.index() } else { "" };
        let mut sql = format!(
            "SELECT id, workflow_id, version_id, status, mode, trigger_kind, parent_id, retry_of, run_us, error, \
             accepted_at, finished_at FROM executions{index} WHERE workspace_id = $1"
        );
        let mut last = 1;
        let mut add = |condition: &str| {
            last += 1;
            sql.push_str(&format!(" AND {condition} ${last}"));
        };
        if self.workflow {
            add("workflow_id =");
        }
        match self.status {
            Shelf::Any => {}
            Shelf::Open => {
                add("(status = 'queued' OR status = 'running' OR status = 'waiting' OR status = 'paused') \
                 AND status =")
            }
            Shelf::Troubled => {
                add("(status = 'failed' OR status = 'cancelled' OR status = 'timed_out') AND status =")
            }
            Shelf::Completed => add("status ="),
        }
        match self.mode {
            Frequency::Any => {}
            Frequency::Rare => {
                add("(mode = 'manual' OR mode = 'test' OR mode = 'replay' OR mode = 'error') AND mode =")
            }
            Frequency::Usual => add("mode ="),
        }
        add("id <");
        add("id >=");
        sql.push_str(&format!(" ORDER BY id DESC LIMIT ${}", last + 1));
        sql
    }

    /// The statement, made once: there are few shapes.
    fn statement(self, is_sqlite: bool) -> &'static str {
        static MADE: Mutex<BTreeMap<(Shape, bool), &'static str>> = Mutex::new(BTreeMap::new());
        let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
        made.entry((self, is_sqlite)).or_insert_with(|| self.sql(is_sqlite).leak())
    }
}

/// The smallest id of a moment.
pub(crate) fn bound(at: Timestamp) -> [u8; 16] {
    let ms = u64::try_from(at.as_millisecond()).unwrap_or_default();
    let mut id = [0; 16];
    id[..6].copy_from_slice(&ms.to_be_bytes()[2..]);
    id
}

impl Store {
    /// Lists executions, newest first.
    pub async fn executions(
        &self,
        workspace: WorkspaceId,
        filter: &Filter,
        page: Page<ExecutionId>,
    ) -> Result<PageOf<Summary>> {
        let until = filter.until.map_or(LAST, bound);
        let before = page.after.map_or(until, |id| until.min(*id.as_bytes()));
        let mut params = params![workspace];
        params.extend(filter.workflow.map(Param::from));
        params.extend(filter.status.map(|status| Param::from(status.as_str())));
        params.extend(filter.mode.as_deref().map(Param::from));
        params.extend(params![before, filter.since.map_or([0; 16], bound), page.rows()]);
        let sql = Shape::of(filter).statement(matches!(self.db, Db::Sqlite(_)));
        let rows = self.db.rows(Scope::Workspace(workspace), sql, params);
        page.collect(&rows.await?, Summary::read)
    }

    /// How many executions of all tenants have not ended, by where they stand.
    pub async fn open_executions(&self) -> Result<Vec<(ExecutionStatus, u64)>> {
        let rows = self.db.rows(
            Scope::Engine,
            "SELECT status, count(*) FROM executions
              WHERE (status = 'queued' OR status = 'running' OR status = 'waiting' OR status = 'paused')
              GROUP BY status",
            params![],
        );
        rows.await?.iter().map(|row| Ok((status(row, 0)?, row.get(1)?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_has_one_parameter_per_filter_in_their_order() {
        let everything = Filter {
            workflow: Some(WorkflowId::new(1, [0; 10])),
            status: Some(ExecutionStatus::Failed),
            mode: Some("manual".into()),
            since: None,
            until: None,
        };
        let sql = Shape::of(&everything).statement(true);
        assert!(sql.contains(" FROM executions INDEXED BY executions_mode_workflow WHERE "));
        assert!(sql.contains(
            "workspace_id = $1 AND workflow_id = $2 \
             AND (status = 'failed' OR status = 'cancelled' OR status = 'timed_out') AND status = $3 \
             AND (mode = 'manual' OR mode = 'test' OR mode = 'replay' OR mode = 'error') AND mode = $4 AND id < $5 AND id >= $6 \
             ORDER BY id DESC LIMIT $7"
        ));
        assert!(Shape::of(&Filter::default()).statement(false).ends_with("LIMIT $4"));
        assert!(!Shape::of(&everything).statement(false).contains("INDEXED"));
    }

    #[test]
    fn a_moment_is_before_the_ids_made_then() {
        let at = Timestamp::from_millisecond(1_700_000_000_123).expect("a moment");
        let id = ExecutionId::new(1_700_000_000_123, [0; 10]);
        assert!(bound(at) < *id.as_bytes());
        assert!(*ExecutionId::new(1_700_000_000_122, [255; 10]).as_bytes() < bound(at));
    }
}
