//! One handle over two databases. A statement is written once, in the subset both understand: `$1, $2, ...` ascending
//! and each once, `RETURNING`, `ON CONFLICT`. A transaction is a list of statements, each with what it expects; it never
//! leaves its function.

pub(crate) mod postgres;
pub(crate) mod sqlite;
mod value;

use model::ids::WorkspaceId;
use tokio::sync::broadcast;

use crate::error::{Error, Result};
use crate::store::{Config, Database, Wakeup};
use postgres::Postgres;
use sqlite::Sqlite;
pub(crate) use value::{Param, Row, params};

/// The database.
#[derive(Clone)]
pub(crate) enum Db {
    Sqlite(Sqlite),
    Postgres(Postgres),
}

/// Whose rows a statement may touch. PostgreSQL enforces it a second time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Those of one tenant.
    Workspace(WorkspaceId),
    /// Those of no tenant: people, settings, migrations.
    Instance,
    /// Queues, timers, journals and outboxes of all tenants; statements on the list of the isolation test only.
    Engine,
    /// Everything, as the database lets the role that logs in: what a test prepares or looks at.
    #[cfg(feature = "testing")]
    Owner,
}

/// A statement with its parameters.
#[derive(Clone, Debug)]
pub(crate) struct Statement {
    pub(crate) sql: &'static str,
    pub(crate) params: Vec<Param>,
    pub(crate) expects: Expects,
}

/// How many rows a statement must return or change; anything else undoes the transaction with this error.
#[derive(Clone, Debug)]
pub(crate) enum Expects {
    Anything,
    /// At least one, or [`Error::NotFound`] of this.
    Found(&'static str),
    /// At least one, or [`Error::Conflict`] with this text.
    NoConflict(&'static str),
}

impl Statement {
    pub(crate) fn new(sql: &'static str, params: impl Into<Vec<Param>>) -> Self {
        Self { sql, params: params.into(), expects: Expects::Anything }
    }

    pub(crate) fn expects(mut self, expects: Expects) -> Self {
        self.expects = expects;
        self
    }
}

impl Db {
    pub(crate) async fn open(config: &Config, wakeups: broadcast::Sender<Wakeup>) -> Result<Self> {
        match &config.database {
            Database::Sqlite => Ok(Db::Sqlite(Sqlite::open(&config.folder, wakeups).await?)),
            Database::Postgres { url, connections } => {
                Ok(Db::Postgres(Postgres::open(url, *connections, wakeups).await?))
            }
        }
    }

    /// Reads rows.
    pub(crate) async fn rows(
        &self,
        scope: Scope,
        sql: &'static str,
        params: impl Into<Vec<Param>>,
    ) -> Result<Vec<Row>> {
        let statement = Statement::new(sql, params);
        match self {
            Db::Sqlite(db) => db.rows(statement).await,
            Db::Postgres(db) => db.rows(scope, statement).await,
        }
    }

    /// Reads one row.
    pub(crate) async fn row(
        &self,
        scope: Scope,
        what: &'static str,
        sql: &'static str,
        params: impl Into<Vec<Param>>,
    ) -> Result<Row> {
        self.rows(scope, sql, params).await?.into_iter().next().ok_or(Error::NotFound(what))
    }

    /// Runs statements in one transaction and gives the rows that each returned.
    pub(crate) async fn transaction(
        &self,
        scope: Scope,
        statements: Vec<Statement>,
    ) -> Result<Vec<Vec<Row>>> {
        match self {
            Db::Sqlite(db) => db.transaction(statements).await,
            Db::Postgres(db) => db.transaction(scope, statements).await,
        }
    }
}
