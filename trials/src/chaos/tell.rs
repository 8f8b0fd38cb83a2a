//! What the product tells about its executions, read as a client reads it.

use std::collections::HashSet;

use anyhow::{Context as _, Result};
use serde_json::Value;
use tokio::task::JoinSet;

use super::check::Told;
use crate::api::{Api, text};
use crate::http::Connection;

/// Readers at the same time.
const READERS: usize = 16;

/// All executions of a workflow with their steps.
pub(super) async fn all(api: &Api, workflow: &str) -> Result<Vec<Told>> {
    let ids = ids(api, workflow).await?;
    let mut readers = JoinSet::new();
    for reader in 0..READERS {
        let mine: Vec<String> = ids.iter().skip(reader).step_by(READERS).cloned().collect();
        let api = api.clone();
        readers.spawn(async move {
            let mut connection = Connection::open(api.address).await?;
            let mut told = Vec::with_capacity(mine.len());
            for id in mine {
                let path = format!("/api/v1/executions/{id}");
                let head = api.call_on(&mut connection, "GET", &path, None).await?;
                let path = format!("{path}/steps?data=true");
                let steps = api.call_on(&mut connection, "GET", &path, None).await?;
                told.push(read(&head, &steps).with_context(|| format!("execution {id}"))?);
            }
            anyhow::Ok(told)
        });
    }
    let told: Result<Vec<Vec<Told>>> = readers.join_all().await.into_iter().collect();
    Ok(told?.into_iter().flatten().collect())
}

async fn ids(api: &Api, workflow: &str) -> Result<Vec<String>> {
    let mut connection = Connection::open(api.address).await?;
    let (mut ids, mut cursor) = (Vec::new(), None);
    loop {
        let page = api.executions(&mut connection, workflow, None, cursor.as_deref(), 200).await?;
        for execution in &page.items {
            ids.push(text(execution, "id")?.to_owned());
        }
        cursor = page.next;
        if cursor.is_none() {
            return Ok(ids);
        }
    }
}

fn read(head: &Value, steps: &Value) -> Result<Told> {
    let steps = steps["items"].as_array().context("it has no steps")?;
    let mut known = HashSet::new();
    let mut reruns = Vec::new();
    for step in steps {
        let name = format!("{} run {}", step["node"], step["run_index"]);
        // No node of a trial has attempts to spare.
        if step["attempts"].as_u64() > Some(1) || !known.insert(name.clone()) {
            reruns.push(name);
        }
    }
    Ok(Told {
        execution: text(head, "id")?.to_owned(),
        id: steps.first().and_then(find_id).unwrap_or_default().to_owned(),
        status: text(head, "status")?.to_owned(),
        accepted_at: text(head, "accepted_at")?.parse()?,
        unknown: steps.iter().any(|step| step["status"] == "unknown"),
        reruns,
    })
}

/// The id that the client put into the body.
fn find_id(value: &Value) -> Option<&str> {
    match value {
        Value::Object(fields) => {
            let id = fields.get("body").and_then(|body| body["id"].as_str());
            id.or_else(|| fields.values().find_map(find_id))
        }
        Value::Array(values) => values.iter().find_map(find_id),
        _ => None,
    }
}
