//! The workflows of the trials, as n8n exports them, and what is sent to their webhooks.

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

/// Waits until the moment that the request names, then calls the sink.
pub(crate) fn waits(sink: SocketAddr) -> Value {
    let wait = json!({ "resume": "specificTime", "dateTime": "={{ $json.body.until }}" });
    chain("waits", &[hook("waits"), ("wait", 1.1, wait), call("POST", sink, "done/{{ $json.body.id }}")])
}

/// Calls the sink in a way that may be repeated, and in which the sink can only see what made it fall.
pub(crate) fn poison(sink: SocketAddr) -> Value {
    chain("poison", &[hook("poison"), call("GET", sink, "poison/{{ $json.body.id }}")])
}

/// Calls the sink every second.
pub(crate) fn schedule(sink: SocketAddr) -> Value {
    let rule = json!({ "rule": { "interval": [{ "field": "seconds", "secondsInterval": 1 }] } });
    let id = "done/{{ $execution.id }}";
    chain("schedule", &[("scheduleTrigger", 1.2, rule), call("POST", sink, id)])
}

type Node = (&'static str, f64, Value);

fn hook(path: &str) -> Node {
    ("webhook", 2.0, json!({ "httpMethod": "POST", "path": path, "responseMode": "onReceived" }))
}

fn call(method: &str, sink: SocketAddr, path: &str) -> Node {
    ("httpRequest", 4.2, json!({ "method": method, "url": format!("=http://{sink}/{path}"), "options": {} }))
}

/// Nodes one after another, each named by its type.
fn chain(name: &str, nodes: &[Node]) -> Value {
    let node = |(index, (kind, version, parameters)): (usize, &Node)| {
        json!({
            "id": kind,
            "name": kind,
            "type": format!("n8n-nodes-base.{kind}"),
            "typeVersion": version,
            "position": [200 * index, 0],
            "parameters": parameters,
            "webhookId": format!("{name}-{kind}"),
        })
    };
    let mut connections = serde_json::Map::new();
    for pair in nodes.windows(2) {
        let target = json!([[{ "node": pair[1].0, "type": "main", "index": 0 }]]);
        connections.insert(pair[0].0.into(), json!({ "main": target }));
    }
    json!({
        "name": name,
        "nodes": nodes.iter().enumerate().map(node).collect::<Vec<_>>(),
        "connections": connections,
        "settings": { "executionOrder": "v1" },
    })
}

/// The body of every request of the benchmark.
pub(crate) fn body() -> Value {
    json!({ "name": "Ada", "n": 41, "tags": ["a", "b"] })
}
