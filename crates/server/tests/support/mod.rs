//! A real server over a real store and engine, on a port of its own, and a client that speaks to it.

// Every test binary uses a part of it.
#![allow(dead_code, missing_docs, unreachable_pub, unused_imports)]

mod client;

use std::sync::Arc;
use std::time::{Duration, Instant};

use app::secrets::RootKey;
use app::{App, Foreign, Imported, Parts};
use engine::Clock;
use engine::engine::{Config as EngineConfig, Engine, LocalHost, World};
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use server::{Config, Server};
use store::{Database, Store};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub use client::{Answer, Client, Events};

pub const TOKEN: &str = "the-setup-token-of-this-test";
pub const PASSWORD: &str = "correct horse battery staple";

pub struct TestServer {
    pub app: Arc<App>,
    pub address: std::net::SocketAddr,
    pub metrics: std::net::SocketAddr,
    pub shutdown: CancellationToken,
    engine: JoinHandle<()>,
    server: JoinHandle<()>,
    folder: Arc<TempDir>,
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

impl TestServer {
    /// A server that nobody has set up.
    pub async fn start() -> Self {
        Self::start_in(folder(), Config::default().max_streams).await
    }

    /// A server that is set up and has room for so many live streams, and a client with the owner's key.
    pub async fn with_streams(most: usize) -> (Self, Client) {
        let server = Self::start_in(folder(), most).await;
        let alice = server.set_up().await;
        (server, alice)
    }

    /// A server that is set up, and a client with the owner's key.
    pub async fn with_owner() -> (Self, Client) {
        let server = Self::start().await;
        let alice = server.set_up().await;
        (server, alice)
    }

    async fn start_in(folder: Arc<TempDir>, max_streams: usize) -> Self {
        let config = store::Config { database: Database::Sqlite, folder: folder.path().to_owned() };
        let store = Store::open(config).await.expect("the store opens");
        let catalogue = Arc::new(nodes::catalogue());
        let world = World {
            catalogue,
            services: sdk::Services::default(),
            clock: Arc::new(SystemClock(Instant::now())),
            host: Arc::new(LocalHost),
        };
        let engine = Engine::new(store.clone(), world, EngineConfig { seed: 7, ..EngineConfig::default() });
        let app = Arc::new(App::new(Parts {
            store,
            engine: engine.clone(),
            key: RootKey::new([42; 32]),
            public_url: "http://runnel.test/".into(),
            zone: TimeZone::UTC,
            setup_token: TOKEN.into(),
            foreign: Foreign { import, export },
        }));
        let local = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
        let config = Config {
            listen: vec![local],
            metrics: Some(local),
            drain_timeout: Duration::from_secs(5),
            max_streams,
            ..Config::default()
        };
        let bound = Server::new(app.clone(), config).bind().await.expect("a port is free");
        let (address, metrics) = (bound.addresses()[0], bound.metrics_address().expect("it gives metrics"));
        let shutdown = CancellationToken::new();
        let engine = tokio::spawn(engine.run(shutdown.clone()));
        let server = tokio::spawn(bound.run(shutdown.clone()));
        Self { app, address, metrics, shutdown, engine, server, folder }
    }

    /// A client without a key.
    pub fn stranger(&self) -> Client {
        Client::new(self.address, None)
    }

    /// Creates the owner.
    pub async fn set_up(&self) -> Client {
        let answer = self.stranger().post("/api/v1/setup", setup_input()).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        self.client(answer.json()["api_key"].as_str().expect("a key"))
    }

    pub fn client(&self, key: &str) -> Client {
        Client::new(self.address, Some(key.to_owned()))
    }

    /// A client whose key may do only this.
    pub async fn limited(&self, owner: &Client, scopes: &[&str]) -> Client {
        let answer = owner.post("/api/v1/keys", json!({ "name": "limited", "scopes": scopes })).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        self.client(answer.json()["api_key"].as_str().expect("a key"))
    }

    /// A client with a key that may do everything, in a workspace of its own.
    pub async fn owner_of_another_workspace(&self) -> Client {
        let user =
            self.app.store.find_user("alice@example.com").await.expect("the store answers").expect("Alice");
        let workspace = self.app.store.create_workspace("Other", "other", user.id).await.expect("it is new");
        let actor = app::access::Actor::new(workspace, user.id, None, app::access::Permissions::ALL);
        let request =
            app::keys::KeyRequest { name: "other".into(), scopes: vec!["*".into()], expires_at: None };
        let (_, token) = app::keys::create_key(&self.app, &actor, request).await.expect("the owner may");
        self.client(&token.expose())
    }

    /// Ends the server and gives its folder.
    pub async fn stop(self) -> Arc<TempDir> {
        self.shutdown.cancel();
        self.server.await.expect("the server ends");
        self.engine.await.expect("the engine ends");
        self.folder
    }

    /// Ends the server and starts another one on the same data.
    pub async fn restart(self) -> Self {
        Self::start_in(self.stop().await, Config::default().max_streams).await
    }
}

fn folder() -> Arc<TempDir> {
    Arc::new(tempfile::tempdir().expect("a folder for the test"))
}

pub fn setup_input() -> Value {
    json!({ "token": TOKEN, "email": "alice@example.com", "name": "Alice", "password": PASSWORD })
}

fn import(file: &model::Value, catalogue: &sdk::Catalogue) -> Result<Imported, model::Problem> {
    let import = nodes::n8n::import(file, catalogue)?;
    let report = serde_json::to_value(&import.report).expect("a report serialises");
    Ok(Imported { workflow: import.workflow, report: report.into() })
}

fn export(workflow: &model::Workflow, catalogue: &sdk::Catalogue) -> (model::Value, Vec<model::Problem>) {
    let export = nodes::n8n::export(workflow, catalogue);
    (model::Value::Object(export.file), export.problems)
}

/// A workflow that needs nothing from outside.
pub fn workflow(name: &str) -> Value {
    json!({
        "name": name,
        "nodes": [
            { "key": "start", "type": "core.manual", "name": "Start" },
            { "key": "set", "type": "core.set", "name": "Set",
              "parameters": { "fields": [{ "name": "greeting", "value": "=hello {{ $json.who }}" }] } },
        ],
        "edges": [{ "source": "start", "target": "set" }],
    })
}
