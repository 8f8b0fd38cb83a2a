//! Clients that ask for live updates and never read them: they cost nobody memory.

use std::time::Duration;

use anyhow::Result;
use tokio::time::sleep;

use super::super::client::{Aim, Client};
use super::super::report::Verdict;
use super::super::stage::Stage;
use super::super::{Database, Options};
use crate::http::Connection;

/// How much the stalled clients may cost, all together.
const ALLOWED_MIB: f64 = 64.0;

/// Opens streams, reads nothing of them, and watches the memory under load.
pub(super) async fn stalled(options: &Options) -> Result<Verdict> {
    let clients = if options.short { 100 } else { 1_000 };
    let stage = Stage::plan(options, Database::Sqlite).play("w2").await?;
    let aim = Aim { addresses: stage.addresses(), hook: stage.hook(), prefix: "", rate: 500.0 };
    let warm_up = Client::start(aim.clone());
    sleep(Duration::from_secs(5)).await;
    warm_up.stop().await?;
    let before = stage.memory()?;
    let request = stage.stream_request().await?;
    let mut stalled = Vec::new();
    for _ in 0..clients {
        let mut connection = Connection::open(stage.addresses()[0]).await?;
        connection.send(&request).await?;
        stalled.push(connection);
    }
    sleep(Duration::from_secs(2)).await;
    let opened = stage.memory()?;
    let client = Client::start(aim);
    sleep(Duration::from_secs(if options.short { 5 } else { 30 })).await;
    let requests = client.stop().await?;
    let after = stage.memory()?;
    let mebibytes = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    let mut verdict = Verdict::new(format!("{clients} stalled streams"));
    verdict.fact("requests beside them", requests.len() as f64);
    verdict.fact("MiB before", mebibytes(before).round());
    verdict.fact("MiB with the streams open", mebibytes(opened).round());
    verdict.fact("MiB after the load", mebibytes(after).round());
    let growth = mebibytes(after.saturating_sub(before));
    verdict.expect("stalled clients cost at most 64 MiB", growth <= ALLOWED_MIB, format!("{growth:.0} MiB"));
    Ok(verdict)
}
