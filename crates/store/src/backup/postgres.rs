//! A logical copy: every table as PostgreSQL itself writes and reads it, all as of one moment.

use std::path::Path;
use std::pin::pin;

use bytes::Bytes;
use futures_util::{SinkExt, TryStreamExt};
use tokio::io::AsyncReadExt;
use tokio_postgres::Client;

use super::{Address, Manifest, copy};
use crate::blobs::failed;
use crate::db::postgres::connect_to_look;
use crate::error::{Error, Result};
use crate::migrate;
use crate::store::{Config, Store};

/// What is about processes that are gone by the time of a restore.
const PASSING: [&str; 3] = ["workers", "commit_marks", "commit_writers"];

/// Writes every table into a file. Gives the blobs that they refer to.
pub(super) async fn dump(url: &str, target: &Path, manifest: &mut Manifest) -> Result<Vec<Address>> {
    let (client, connection) = connect_to_look(url).await?;
    let result = dump_with(&client, target, manifest).await;
    connection.abort();
    result
}

async fn dump_with(client: &Client, target: &Path, manifest: &mut Manifest) -> Result<Vec<Address>> {
    let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
    client.batch_execute(begin).await.map_err(unavailable)?;
    for table in tables() {
        let sql = format!("COPY (SELECT * FROM {table}) TO STDOUT");
        let rows = client.copy_out(&sql).await.map_err(unavailable)?;
        let rows = Box::pin(rows.map_err(unavailable));
        manifest.files.push(copy::write_pieces(target, &path(table), rows).await?);
    }
    let months =
        "SELECT DISTINCT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-01') FROM execution_logs ORDER BY 1";
    let months = client.query(months, &[]).await.map_err(unavailable)?;
    manifest.log_months = months.iter().map(|row| row.get(0)).collect();
    let blobs =
        "SELECT workspace_id::text, sha256 FROM blobs WHERE refcount > 0 ORDER BY workspace_id, sha256";
    let mut found = Vec::new();
    for row in client.query(blobs, &[]).await.map_err(unavailable)? {
        let (workspace, sha256): (&str, Vec<u8>) = (row.get(0), row.get(1));
        let workspace = workspace.parse().map_err(|_| Error::Damaged("a workspace has no id".into()))?;
        let sha256 = sha256.try_into().map_err(|_| Error::Damaged("a blob has no address".into()))?;
        found.push((workspace, sha256));
    }
    client.batch_execute("COMMIT").await.map_err(unavailable)?;
    Ok(found)
}

/// Fills an empty database.
pub(super) async fn load(url: &str, folder: &Path, manifest: &Manifest, config: &Config) -> Result<()> {
    // Makes the schema.
    drop(Store::open(config.clone()).await?);
    let (client, connection) = connect_to_look(url).await?;
    let result = load_with(&client, folder, manifest).await;
    connection.abort();
    result
}

async fn load_with(client: &Client, folder: &Path, manifest: &Manifest) -> Result<()> {
    client.batch_execute("BEGIN").await.map_err(unavailable)?;
    for table in ["app_settings", "users", "workspaces", "executions"] {
        let sql = format!("SELECT EXISTS (SELECT 1 FROM {table})");
        if client.query_one(&sql, &[]).await.map_err(unavailable)?.get(0) {
            return Err(Error::Refused("the database is not empty; restore into a new one".into()));
        }
    }
    for month in &manifest.log_months {
        let sql = "SELECT make_log_partition(CAST(CAST($1 AS text) AS date))";
        client.query(sql, &[month]).await.map_err(unavailable)?;
    }
    for table in tables() {
        let sink =
            client.copy_in::<_, Bytes>(&format!("COPY {table} FROM STDIN")).await.map_err(unavailable)?;
        let mut sink = pin!(sink);
        let mut file = tokio::fs::File::open(folder.join(path(table))).await.map_err(failed)?;
        loop {
            let mut piece = Vec::with_capacity(256 << 10);
            if file.read_buf(&mut piece).await.map_err(failed)? == 0 {
                break;
            }
            sink.send(piece.into()).await.map_err(unavailable)?;
        }
        sink.finish().await.map_err(unavailable)?;
    }
    // Numbers go on where they were. Transactions are counted anew here: what was there comes before all of them.
    client
        .batch_execute(
            "SELECT setval(pg_get_serial_sequence('domain_events', 'seq'), coalesce(max(seq), 0) + 1, false)
               FROM domain_events;
             UPDATE domain_events SET tx = 0;
             UPDATE app_settings SET value = '\"0.' || split_part(trim(BOTH '\"' FROM value), '.', 2) || '\"'
              WHERE key LIKE 'outbox.%';
             COMMIT",
        )
        .await
        .map_err(unavailable)
}

/// The tables, each after those that it refers to.
fn tables() -> impl Iterator<Item = &'static str> {
    migrate::tables(true).into_iter().filter(|table| !PASSING.contains(table))
}

fn path(table: &str) -> String {
    format!("postgres/{table}.copy")
}

fn unavailable(error: tokio_postgres::Error) -> Error {
    match error.code() {
        Some(&tokio_postgres::error::SqlState::DISK_FULL) => Error::Full,
        _ => Error::Unavailable(error.into()),
    }
}
