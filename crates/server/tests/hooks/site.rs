//! A server with a real store and engine, workflows that are published on it, and callers.

#![allow(missing_docs, unreachable_pub)]

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use app::access::{Actor, Permissions};
use app::secrets::RootKey;
use app::setup::NewOwner;
use app::{App, Foreign, Imported, Parts};
use engine::{Clock, Engine, Host, World};
use http::Method;
use jiff::tz::TimeZone;
use model::ids::{ExecutionId, WorkflowId, WorkspaceId};
use model::{ExecutionStatus, Object, Text, Workflow};
use sdk::credential::{Credential, Credentials};
use sdk::node::BoxFuture;
use sdk::{NodeError, NodeInfo};
use serde_json::{Value, json};
use server::{Config, HookLimits, Server};
use store::Page;
use store::executions::{Filter, Summary};
use store::{Database, Store};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::client::{Answer, Client};

pub struct Site {
    pub app: Arc<App>,
    pub actor: Actor,
    pub address: SocketAddr,
    pub secrets: Secrets,
    shutdown: CancellationToken,
    _folder: TempDir,
}

/// A published workflow with one webhook.
#[derive(Clone, Debug)]
pub struct Hook {
    pub workflow: WorkflowId,
    /// `/hooks/{id}`
    pub path: String,
}

/// Credentials by type.
pub type Secrets = Arc<Mutex<HashMap<String, Object>>>;

struct TestHost {
    key: RootKey,
    secrets: Secrets,
}

const URL: &str = "http://runnel.test/";

impl Host for TestHost {
    fn credentials(&self, _: WorkspaceId) -> Arc<dyn Credentials> {
        Arc::new(Known(self.secrets.clone()))
    }

    fn address(&self) -> Text {
        URL.into()
    }

    fn resume_address(&self, workspace: WorkspaceId, execution: ExecutionId) -> Text {
        app::addresses::resume_address(&self.key, URL, workspace, execution).into()
    }
}

struct Known(Secrets);

impl Credentials for Known {
    fn find<'a>(&'a self, _: &'a NodeInfo, kind: &'a str) -> BoxFuture<'a, Result<Credential, NodeError>> {
        let found = self.0.lock().expect("no test panics here").get(kind).cloned();
        Box::pin(async move {
            let fields = found.ok_or_else(|| NodeError::permanent("there is no such credential"))?;
            Ok(Credential::new(kind, fields))
        })
    }
}

struct SystemClock(Instant);

impl Clock for SystemClock {
    fn now_ms(&self) -> f64 {
        jiff::Timestamp::now().as_millisecond() as f64
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

impl Site {
    pub async fn start() -> Self {
        Self::with_limits(HookLimits::default()).await
    }

    pub async fn with_limits(hooks: HookLimits) -> Self {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let config = store::Config { database: Database::Sqlite, folder: folder.path().to_owned() };
        let store = Store::open(config).await.expect("the store opens");
        let (secrets, key) = (Secrets::default(), RootKey::new([42; 32]));
        let http = sdk::net::Client::new(sdk::net::Config {
            trusted: sdk::net::TrustedNetworks::parse(["127.0.0.0/8"]).expect("a network"),
            ..sdk::net::Config::default()
        });
        let world = World {
            catalogue: Arc::new(nodes::catalogue()),
            services: sdk::Services { http, ..sdk::Services::default() },
            clock: Arc::new(SystemClock(Instant::now())),
            host: Arc::new(TestHost { key: key.clone(), secrets: secrets.clone() }),
        };
        let engine =
            Engine::new(store.clone(), world, engine::Config { seed: 7, ..engine::Config::default() });
        let app = Arc::new(App::new(Parts {
            store,
            engine: engine.clone(),
            key,
            public_url: URL.into(),
            zone: TimeZone::UTC,
            setup_token: "token".into(),
            foreign: Foreign { import, export },
        }));
        let owner = NewOwner {
            token: "token".into(),
            email: "alice@example.com".into(),
            name: "Alice".into(),
            password: "correct horse battery staple".into(),
        };
        app::setup::set_up(&app, owner).await.expect("nobody was faster");
        let user = app.store.find_user("alice@example.com").await.expect("the store answers").expect("Alice");
        let workspace = app.store.workspaces().await.expect("the store answers")[0].id;
        let actor = Actor::new(workspace, user.id, None, Permissions::ALL);
        let config =
            Config { listen: vec![SocketAddr::from(([127, 0, 0, 1], 0))], hooks, ..Config::default() };
        let bound = Server::new(app.clone(), config).bind().await.expect("a port is free");
        let address = bound.addresses()[0];
        let shutdown = CancellationToken::new();
        tokio::spawn(engine.run(shutdown.clone()));
        tokio::spawn(bound.run(shutdown.clone()));
        Self { app, actor, address, secrets, shutdown, _folder: folder }
    }

    pub fn workspace(&self) -> WorkspaceId {
        self.actor.workspace()
    }

    /// Sets the secret that all webhooks use.
    pub fn secret(&self, kind: &str, fields: Value) {
        let fields = model::Value::from(fields).as_object().cloned().expect("fields are an object");
        self.secrets.lock().expect("no test panics here").insert(kind.to_owned(), fields);
    }

    /// Publishes a workflow that begins with a webhook, followed by these nodes one after the other.
    pub async fn hook(&self, webhook: Value, then: &[Value]) -> Hook {
        let mut nodes =
            vec![json!({ "key": "hook", "type": "core.webhook", "name": "Hook", "parameters": webhook })];
        nodes.extend(then.iter().cloned());
        let keys: Vec<_> = nodes.iter().map(|node| node["key"].clone()).collect();
        let edges: Vec<_> =
            keys.windows(2).map(|pair| json!({ "source": pair[0], "target": pair[1] })).collect();
        self.publish(json!({ "name": "Hooked", "nodes": nodes, "edges": edges })).await
    }

    pub async fn publish(&self, workflow: Value) -> Hook {
        let workflow = self.publish_any(workflow).await;
        self.hook_of(workflow).await
    }

    pub async fn hook_of(&self, workflow: WorkflowId) -> Hook {
        let routes = self.app.store.routes(self.workspace(), workflow).await.expect("the store answers");
        let route = routes.iter().find(|route| !route.is_test).expect("there is an address");
        Hook { workflow, path: format!("/hooks/{}", route.id) }
    }

    /// Publishes a workflow of any kind.
    pub async fn publish_any(&self, workflow: Value) -> WorkflowId {
        let workflow = Workflow::from_json(&workflow.to_string()).expect("the workflow is valid");
        let stored =
            app::workflows::create_workflow(&self.app, &self.actor, workflow).await.expect("it is stored");
        self.publish_stored(stored.head.id).await
    }

    async fn publish_stored(&self, id: WorkflowId) -> WorkflowId {
        app::workflows::publish_workflow(&self.app, &self.actor, id, None).await.expect("it is published");
        id
    }

    /// Imports a workflow from n8n and publishes it.
    pub async fn import(&self, file: Value) -> Hook {
        let imported = app::workflows::import_workflow(&self.app, &self.actor, &file.into()).await;
        let (stored, _) = imported.expect("it is imported");
        let id = self.publish_stored(stored.head.id).await;
        self.hook_of(id).await
    }

    pub fn caller(&self) -> Client {
        Client::new(self.address, None)
    }

    pub async fn call(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl AsRef<[u8]>,
    ) -> Answer {
        self.caller().raw(method, path, headers, body.as_ref().to_vec()).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.call(Method::POST, path, &[("content-type", "application/json")], body.to_string()).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, &[], "").await
    }

    /// The executions of a workflow, newest first.
    pub async fn executions(&self, workflow: WorkflowId) -> Vec<Summary> {
        let filter = Filter { workflow: Some(workflow), ..Filter::default() };
        let page = self.app.store.executions(self.workspace(), &filter, Page::first(500)).await;
        page.expect("the store answers").items
    }

    /// Waits until as many executions of a workflow are as wanted.
    pub async fn until(&self, workflow: WorkflowId, count: usize, status: ExecutionStatus) -> Vec<Summary> {
        let mut hints = self.app.store.wakeups();
        let looking = async {
            loop {
                let found = self.executions(workflow).await;
                if found.iter().filter(|execution| execution.status == status).count() >= count {
                    return found;
                }
                let _ = tokio::time::timeout(Duration::from_millis(500), hints.recv()).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), looking).await.expect("they come in time")
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

fn import(file: &model::Value, catalogue: &sdk::Catalogue) -> Result<Imported, model::Problem> {
    let import = nodes::n8n::import(file, catalogue)?;
    let report = serde_json::to_value(&import.report).expect("a report serialises");
    Ok(Imported { workflow: import.workflow, report: report.into() })
}

fn export(workflow: &Workflow, catalogue: &sdk::Catalogue) -> (model::Value, Vec<model::Problem>) {
    let export = nodes::n8n::export(workflow, catalogue);
    (model::Value::Object(export.file), export.problems)
}
