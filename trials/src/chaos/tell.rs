//! What the product tells about its executions, read as a client reads it.

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
                let path = format!("/api/v1/executions/{id}?data=true");
                let execution = api.call_on(&mut connection, "GET", &path, None).await?;
                told.push(read(&execution).with_context(|| format!("execution {id}"))?);
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
        let page = api.executions(&mut connection, workflow, None, cursor.as_deref(), 100).await?;
        for execution in &page.items {
            ids.push(text(execution, "id")?.to_owned());
        }
        cursor = page.next;
        if cursor.is_none() {
            return Ok(ids);
        }
    }
}

fn read(execution: &Value) -> Result<Told> {
    let steps = execution["steps"].as_array().context("it has no steps")?;
    Ok(Told {
        execution: text(execution, "id")?.to_owned(),
        id: find_id(&execution["steps"]).unwrap_or_default().to_owned(),
        status: text(execution, "status")?.to_owned(),
        unknown: steps.iter().any(|step| step["status"] == "unknown"),
        reruns: Vec::new(),
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
