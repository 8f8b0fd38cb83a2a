//! The product's API as its clients see it.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};

use crate::http::{Connection, request};
use crate::process::{SETUP_TOKEN, Server};

/// An owner of the only workspace, and where the server is.
#[derive(Clone)]
pub(crate) struct Api {
    pub(crate) address: SocketAddr,
    key: String,
}

/// A published workflow.
pub(crate) struct Published {
    pub(crate) id: String,
    /// The path of its webhook.
    pub(crate) hook: String,
}

impl Api {
    /// Sets a new server up.
    pub(crate) async fn set_up(server: &Server) -> Result<Self> {
        let mut api = Self { address: server.recipe.address, key: String::new() };
        let owner = json!({
            "token": SETUP_TOKEN,
            "email": "ada@example.com",
            "name": "Ada",
            "password": "correct horse battery staple",
        });
        let answer = api.call("POST", "/api/v1/setup", Some(&owner)).await?;
        api.key = text(&answer, "api_key")?.to_owned();
        Ok(api)
    }

    /// One call; anything but success is an error that says what came.
    pub(crate) async fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value> {
        let mut connection = Connection::open(self.address).await?;
        self.call_on(&mut connection, method, path, body).await
    }

    /// One call on a kept connection.
    pub(crate) async fn call_on(
        &self,
        connection: &mut Connection,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value> {
        let bytes = self.request(method, path, &[], body);
        let answer = tokio::time::timeout(Duration::from_secs(60), connection.exchange(&bytes)).await;
        let answer = answer.with_context(|| format!("{method} {path}: no answer in 60 s"))??;
        ensure!(answer.is_ok(), "{method} {path}: {} {}", answer.status, answer.text());
        let body = answer.body.bytes();
        if body.is_empty() { Ok(Value::Null) } else { Ok(serde_json::from_slice(body)?) }
    }

    /// The bytes of a call.
    pub(crate) fn request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Vec<u8> {
        let authorization = format!("Bearer {}", self.key);
        let key = (!self.key.is_empty()).then_some(("authorization", authorization.as_str()));
        let headers: Vec<_> = headers.iter().copied().chain(key).collect();
        let body = body.map(Value::to_string);
        request(method, path, &headers, body.as_deref().map(str::as_bytes))
    }

    /// Imports an n8n workflow and publishes it.
    pub(crate) async fn publish(&self, workflow: &Value) -> Result<Published> {
        let imported = self.call("POST", "/api/v1/workflows/import", Some(workflow)).await?;
        let id = text(&imported["workflow"], "id")?.to_owned();
        let path = format!("/api/v1/workflows/{id}/publish");
        let published = self.call("POST", &path, None).await?;
        let hook = find_hook(&published).unwrap_or_default();
        Ok(Published { id, hook })
    }

    /// A page of the executions of a workflow, newest first.
    pub(crate) async fn executions(
        &self,
        connection: &mut Connection,
        workflow: &str,
        status: Option<&str>,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page> {
        let mut path = format!("/api/v1/executions?workflow_id={workflow}&limit={limit}");
        if let Some(status) = status {
            path += &format!("&status={status}");
        }
        if let Some(cursor) = cursor {
            path += &format!("&cursor={cursor}");
        }
        let mut page = self.call_on(connection, "GET", &path, None).await?;
        let next = page["next"].as_str().map(Into::into);
        match page["items"].take() {
            Value::Array(items) => Ok(Page { items, next }),
            _ => bail!("GET {path} lists nothing: {page}"),
        }
    }

    /// A webhook's path is served at once in this process; another process may hear of it a little later.
    pub(crate) async fn await_hook(&self, address: SocketAddr, hook: &str, body: &Value) -> Result<()> {
        let ask = request("POST", hook, &[], Some(body.to_string().as_bytes()));
        for _ in 0..200 {
            let mut connection = Connection::open(address).await?;
            if connection.exchange(&ask).await?.status != 404 {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        bail!("{address} does not serve {hook} 10 s after it was published")
    }
}

/// A page of executions.
pub(crate) struct Page {
    pub(crate) items: Vec<Value>,
    pub(crate) next: Option<String>,
}

/// The first address of a webhook in what publishing answered, without the host.
fn find_hook(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => text.find("/hooks/").map(|start| text[start..].to_owned()),
        Value::Array(values) => values.iter().find_map(find_hook),
        Value::Object(fields) => fields.values().find_map(find_hook),
        _ => None,
    }
}

/// A field that holds text.
pub(crate) fn text<'a>(value: &'a Value, field: &str) -> Result<&'a str> {
    value[field].as_str().with_context(|| format!("no \"{field}\" in {value}"))
}
