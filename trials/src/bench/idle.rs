//! What it costs to do nothing.

use std::time::Duration;

use anyhow::{Context as _, Result};
use tempfile::TempDir;

use super::{Fresh, Options};
use crate::api::Api;
use crate::figure::Figure;
use crate::postgres::Cluster;
use crate::process::{Recipe, Server};
use crate::workflows::workflow;

const WINDOW: Duration = Duration::from_secs(60);

/// Memory and processor time of a server with a published workflow, over a minute.
pub(super) async fn idle(options: &Options) -> Result<Vec<Figure>> {
    let fresh = Fresh::start(options, &workflow("w2", None)?).await?;
    let (memory, share) = watch(&fresh.server).await?;
    Ok(vec![
        Figure::new("idle_rss", "MiB", vec![memory]).at_most(60.0),
        Figure::new("idle_cpu", "%", vec![share]).at_most(0.1),
    ])
}

/// The same with PostgreSQL, which also counts the transactions.
pub(super) async fn idle_postgres(options: &Options) -> Result<Vec<Figure>> {
    let cluster = Cluster::start()?;
    let database = cluster.create_database("idle")?;
    let folder = TempDir::with_prefix("runnel-bench-")?;
    let server = Recipe::new(&options.program, &folder.path().join("data"), Some(&database))?.start().await?;
    Api::set_up(&server).await?.publish(&workflow("w2", None)?).await?;
    settle().await;
    let before = transactions(&cluster)?;
    let (memory, share) = watch(&server).await?;
    let rate = (transactions(&cluster)? - before) / WINDOW.as_secs_f64();
    Ok(vec![
        Figure::new("idle-pg_rss", "MiB", vec![memory]).at_most(60.0),
        Figure::new("idle-pg_cpu", "%", vec![share]).at_most(0.1),
        Figure::new("idle-pg_queries", "/s", vec![rate]).at_most(1.0),
    ])
}

async fn settle() {
    tokio::time::sleep(Duration::from_secs(3)).await;
}

/// Mebibytes and per cent of a processor.
async fn watch(server: &Server) -> Result<(f64, f64)> {
    settle().await;
    let before = server.processor_time()?;
    tokio::time::sleep(WINDOW).await;
    let used = server.processor_time()? - before;
    Ok((server.memory()? as f64 / (1 << 20) as f64, used.as_secs_f64() / WINDOW.as_secs_f64() * 100.0))
}

/// Transactions so far, those of asking not counted.
fn transactions(cluster: &Cluster) -> Result<f64> {
    let query = "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = 'idle'";
    cluster.ask("postgres", query)?.trim().parse().context("PostgreSQL counts no transactions")
}
