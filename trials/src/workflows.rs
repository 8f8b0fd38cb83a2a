//! The workflows of the benchmark, as n8n exports them, and what is sent to their webhooks.

use std::net::SocketAddr;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

/// A workflow by its name, with the helper it talks to at this address.
pub(crate) fn workflow(name: &str, helper: Option<SocketAddr>) -> Result<Value> {
    let text = match name {
        "d1" => include_str!("../../bench/workflows/d1.json"),
        "w1" => include_str!("../../bench/workflows/w1.json"),
        "w2" => include_str!("../../bench/workflows/w2.json"),
        "w3" => include_str!("../../bench/workflows/w3.json"),
        "w4" => include_str!("../../bench/workflows/w4.json"),
        "w5" => include_str!("../../bench/workflows/w5x10000.json"),
        "w6" => include_str!("../../bench/workflows/w6.json"),
        other => anyhow::bail!("there is no workflow {other}"),
    };
    let text = match helper {
        Some(address) => {
            let address = address.to_string();
            text.replace("127.0.0.1:8099", &address).replace("127.0.0.1:8098", &address)
        }
        None => text.to_owned(),
    };
    serde_json::from_str(&text).with_context(|| format!("the workflow {name} is not JSON"))
}

/// The body of every request.
pub(crate) fn body() -> Value {
    json!({ "name": "Ada", "n": 41, "tags": ["a", "b"] })
}
