//! The same request many times at once, with one key: one execution.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::super::report::Verdict;
use super::super::stage::Stage;
use super::super::{Database, Options};
use crate::http::Connection;

/// Requests with the same key.
const EQUAL: usize = 200;

/// Sends them on connections of their own, as nearly at once as can be, to all servers.
pub(super) async fn at_once(options: &Options) -> Result<Verdict> {
    let keys = if options.long { 10_000 } else { 20 };
    let mut stage = Stage::plan(options, options.database.unwrap_or(Database::Sqlite)).play("d1").await?;
    let addresses = stage.addresses();
    let mut connections = Vec::new();
    for index in 0..EQUAL {
        connections.push(Connection::open(addresses[index % addresses.len()]).await?);
    }
    let mut verdict = Verdict::new(format!("{EQUAL} equal requests at once, with {keys} keys"));
    for key in 0..keys {
        let body = json!({ "graph": "published", "items": [{ "body": { "id": format!("k{key}") } }] });
        let bytes = stage.start_request(&body, &format!("key-{key}"));
        let mut senders = JoinSet::new();
        for mut connection in std::mem::take(&mut connections) {
            let bytes = bytes.clone();
            senders.spawn(async move {
                loop {
                    let answer = connection.exchange(&bytes).await?;
                    // Another one is being worked on: its answer will be this one's, too.
                    if answer.status == 409 {
                        sleep(Duration::from_millis(5)).await;
                        continue;
                    }
                    ensure!(answer.is_ok(), "refused: {} {}", answer.status, answer.text());
                    let answer: Value = serde_json::from_slice(answer.body.bytes())?;
                    return Ok((connection, execution_of(&answer)));
                }
            });
        }
        let mut executions = BTreeSet::new();
        for sent in senders.join_all().await {
            let (connection, execution) = sent?;
            connections.push(connection);
            executions.insert(execution);
        }
        verdict.expect("one key, one execution", executions.len() == 1, format!("{key}: {executions:?}"));
    }
    let told = stage.settle().await?;
    verdict.fact("executions", told.len() as f64);
    verdict.fact("effects", stage.effect_count() as f64);
    verdict.expect("one execution per key", told.len() == keys, told.len().to_string());
    verdict.expect("one effect per key", stage.effect_count() == keys, stage.effect_count().to_string());
    Ok(verdict)
}

fn execution_of(answer: &Value) -> String {
    answer["execution_id"].as_str().map_or_else(|| answer.to_string(), Into::into)
}
