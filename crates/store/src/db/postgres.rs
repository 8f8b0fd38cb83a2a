//! PostgreSQL: a pool of connections, batched and pipelined statements, hints by NOTIFY.
//!
//! Every statement runs in a transaction that first takes the role of its [`Scope`]. What is known not to have been
//! committed is tried again for a while, so that a restart of the server costs time, not errors.

pub(crate) mod bind;
pub(crate) mod connect;
pub(crate) mod failure;
pub(crate) mod hints;
pub(crate) mod pipeline;
pub(crate) mod walls;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use deadpool_postgres::Pool;
use tokio::sync::broadcast;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_postgres::Client;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::commit::postgres::Committers;
use crate::db::{Row, Scope, Statement};
use crate::error::{Error, Result};
use crate::store::Wakeup;
use connect::Target;
use failure::{Failure, Stage};
use hints::Hints;
use pipeline::Session;

/// How long a statement that did not happen is tried again before its caller is told.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// How long the server may take for one transaction.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// How many connections write commits.
const COMMITTERS: usize = 2;

/// A database on a server.
#[derive(Clone)]
pub(crate) struct Postgres {
    inner: Arc<Inner>,
}

struct Inner {
    pool: Pool,
    committers: Committers,
    hints: Hints,
    /// The workspace that was served last.
    turn: Mutex<Uuid>,
}

/// A connection of its own, without bringing the schema up to date first.
pub(crate) async fn connect_to_look(url: &str) -> Result<(Client, JoinHandle<()>)> {
    Target::parse(url)?.connect().await
}

/// Whether there is a table with this name.
pub(crate) async fn has_table(client: &Client, name: &str) -> Result<bool> {
    let row = client.query_one("SELECT to_regclass($1) IS NOT NULL", &[&name]).await;
    Ok(row.map_err(|cause| Error::Unavailable(Box::new(cause)))?.get(0))
}

impl Postgres {
    pub(crate) async fn open(
        url: &str,
        connections: usize,
        wakeups: broadcast::Sender<Wakeup>,
    ) -> Result<Self> {
        let target = Target::parse(url)?;
        target.prepare().await?;
        Self::start(target, connections, wakeups)
    }

    /// Opens without bringing the schema up to date.
    pub(crate) fn open_to_look(
        url: &str,
        connections: usize,
        wakeups: broadcast::Sender<Wakeup>,
    ) -> Result<Self> {
        Self::start(Target::parse(url)?, connections, wakeups)
    }

    fn start(target: Target, connections: usize, wakeups: broadcast::Sender<Wakeup>) -> Result<Self> {
        let pool = target.pool(connections)?;
        let writers = target.writers(COMMITTERS)?;
        let hints = Hints::start(target, wakeups);
        let committers = Committers::start(writers, COMMITTERS, hints.clone());
        Ok(Self { inner: Arc::new(Inner { pool, committers, hints, turn: Mutex::default() }) })
    }

    /// Gives a hint to this process and to the others.
    pub(crate) fn hint(&self, wakeup: Wakeup) {
        self.inner.hints.tell([wakeup]);
    }

    /// The workspace that was served last from the queue.
    pub(crate) fn turn(&self) -> &Mutex<Uuid> {
        &self.inner.turn
    }

    /// Those that write commits.
    pub(crate) fn committers(&self) -> &Committers {
        &self.inner.committers
    }

    pub(crate) async fn rows(&self, scope: Scope, statement: Statement) -> Result<Vec<Row>> {
        // What only reads may be asked again even when the answer to the commit got lost.
        let reads = statement.sql.trim_start().starts_with("SELECT");
        let mut answers = self.run(scope, std::slice::from_ref(&statement), reads).await?;
        Ok(answers.pop().unwrap_or_default())
    }

    pub(crate) async fn transaction(
        &self,
        scope: Scope,
        statements: Vec<Statement>,
    ) -> Result<Vec<Vec<Row>>> {
        self.run(scope, &statements, false).await
    }

    /// Runs one statement of its own types in a transaction. Its answer is lost when the connection is.
    pub(crate) async fn query(
        &self,
        scope: Scope,
        sql: &'static str,
        params: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<tokio_postgres::Row>> {
        let attempt = || async {
            let mut session = Session::checkout(&self.inner.pool).await?;
            let result = match tokio::time::timeout(DEADLINE, session.single(scope, sql, params)).await {
                Ok(result) => result,
                Err(_) => Err(Failure::silent(DEADLINE)),
            };
            session.finish(&result);
            result
        };
        retry(|stage| stage == Stage::Open, attempt).await
    }

    async fn run(&self, scope: Scope, statements: &[Statement], reads: bool) -> Result<Vec<Vec<Row>>> {
        retry(|stage| stage == Stage::Open || reads, || self.attempt(scope, statements)).await
    }

    async fn attempt(&self, scope: Scope, statements: &[Statement]) -> Result<Vec<Vec<Row>>, Failure> {
        let mut session = Session::checkout(&self.inner.pool).await?;
        let work = async {
            let prepared = session.prepare(statements).await?;
            session.transaction(scope, statements, &prepared).await
        };
        let result = match tokio::time::timeout(DEADLINE, work).await {
            Ok(result) => result,
            Err(_) => Err(Failure::silent(DEADLINE)),
        };
        session.finish(&result);
        result
    }
}

/// Tries again what failed in passing, while `again` allows it for the stage that was reached and patience lasts.
async fn retry<T, F>(again: impl Fn(Stage) -> bool, mut attempt: impl FnMut() -> F) -> Result<T>
where
    F: Future<Output = Result<T, Failure>>,
{
    let give_up = Instant::now() + PATIENCE;
    let mut pause = Duration::from_millis(10);
    loop {
        match attempt().await {
            Ok(value) => return Ok(value),
            Err(failure) => {
                if !failure.passing || !again(failure.stage) || Instant::now() + pause > give_up {
                    return Err(failure.error);
                }
                tracing::debug!(error = %failure.error, "trying a transaction again");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(Duration::from_millis(500));
            }
        }
    }
}
