//! What became of a batch whose connection was lost while it was committed.

use std::time::Duration;

use deadpool_postgres::Pool;
use tokio::time::Instant;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::commit::Commit;
use crate::db::Scope;
use crate::db::postgres::failure::Failure;
use crate::db::postgres::pipeline::{Session, begin};

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is durable.
    Committed,
    /// It left no trace and never will.
    Nothing,
    /// The database did not say in time.
    Unknown,
}

/// Every batch writes its number to its writer's row. Locking that row waits for a transaction that the server may still
/// be about to commit.
const MARK: &str = "INSERT INTO commit_marks AS mark (writer, batch, at) VALUES ($1, 0, clock_timestamp())
  ON CONFLICT (writer) DO UPDATE SET at = clock_timestamp() RETURNING mark.batch";

const EXISTS: &str = "SELECT EXISTS (SELECT FROM executions WHERE workspace_id = $1 AND id = $2)";

/// Asks until the database answers or `give_up` is reached.
pub(super) async fn fate(pool: &Pool, writer: Uuid, batch: i64, give_up: Instant) -> Fate {
    let mut pause = Duration::from_millis(20);
    loop {
        match tokio::time::timeout_at(give_up, ask(pool, writer)).await {
            Ok(Ok(last)) if last == batch => return Fate::Committed,
            Ok(Ok(_)) => return Fate::Nothing,
            Ok(Err(failure)) => tracing::debug!(error = %failure.error, "cannot ask what was committed yet"),
            Err(_) => return Fate::Unknown,
        }
        if Instant::now() + pause > give_up {
            return Fate::Unknown;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(500));
    }
}

async fn ask(pool: &Pool, writer: Uuid) -> Result<i64, Failure> {
    let row = one(pool, MARK, &[&writer]).await?;
    Ok(row.try_get(0)?)
}

/// Whether a commit creates an execution that there is.
pub(super) async fn exists(pool: &Pool, commit: &Commit) -> Result<bool, Failure> {
    if commit.create.is_none() {
        return Ok(false);
    }
    let workspace = Uuid::from_bytes(*commit.workspace.as_bytes());
    let execution = Uuid::from_bytes(*commit.execution.as_bytes());
    let row = one(pool, EXISTS, &[&workspace, &execution]).await?;
    Ok(row.try_get(0)?)
}

/// One row, in a transaction of its own. After an error the connection is closed.
async fn one(pool: &Pool, sql: &'static str, params: &[&(dyn ToSql + Sync)]) -> Result<Row, Failure> {
    let mut session = Session::checkout(pool).await?;
    let client = session.client();
    client.batch_execute(&begin(Scope::Engine)).await?;
    let row = client.query_one(sql, params).await?;
    client.batch_execute("COMMIT").await?;
    session.finish(&Ok(()));
    Ok(row)
}
