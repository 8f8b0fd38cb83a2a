//! Puts the product together: store, engine, nodes, sandbox, guarded network.

use std::sync::Arc;

use anyhow::Context as _;
use app::{App, Foreign, Imported, Parts, RootKey};
use engine::{Engine, Host, World};
use model::ids::{ExecutionId, WorkspaceId};
use model::{Order, Problem, Text, Value, Workflow};
use nodes::n8n;
use sdk::credential::Credentials;
use sdk::net;
use sdk::{Catalogue, NodeError, Services};
use store::Store;

use crate::config::{Config, Role};
use crate::open;
use crate::world::{self, SystemClock};

/// The product with everything it needs.
pub(crate) struct Product {
    pub(crate) app: Arc<App>,
    pub(crate) engine: Engine,
}

/// Opens the database and puts the product together; nothing runs yet.
pub(crate) async fn open(
    config: &Config,
    public_url: String,
    setup_token: String,
) -> anyhow::Result<Product> {
    let store = open::store(&config.data).await?;
    let key = open::key(&config.data, &store).await?;
    let engine = engine(config, &store, &key, &public_url)?;
    let parts = Parts {
        store,
        engine: engine.clone(),
        key,
        public_url,
        zone: config.executions.timezone.clone(),
        setup_token,
        foreign: Foreign { import, export },
    };
    Ok(Product { app: Arc::new(App::new(parts)), engine })
}

/// The engine over a store; nothing runs yet.
pub(crate) fn engine(
    config: &Config,
    store: &Store,
    key: &RootKey,
    public_url: &str,
) -> anyhow::Result<Engine> {
    let executions = &config.executions;
    let http = net::Client::new(net::Config {
        trusted: executions.trusted_networks.clone(),
        ..net::Config::default()
    });
    let catalogue = Arc::new(nodes::catalogue());
    let services = Services { http, ..world::services(executions.code_processes)? };
    let host = ProductHost {
        catalogue: catalogue.clone(),
        address: public_url.into(),
        store: store.clone(),
        key: key.clone(),
    };
    let world = World { catalogue, services, clock: Arc::new(SystemClock::new(None)), host: Arc::new(host) };
    let concurrency = if executions.role == Role::Api { 0 } else { executions.concurrency };
    let mut seed = [0; 8];
    getrandom::fill(&mut seed).context("the system gives no random numbers")?;
    let config = engine::Config {
        concurrency,
        workspace_concurrency: concurrency,
        zone: executions.timezone.clone(),
        seed: u64::from_le_bytes(seed),
        ..engine::Config::default()
    };
    Ok(Engine::new(store.clone(), world, config))
}

/// What the engine asks of the product.
struct ProductHost {
    catalogue: Arc<Catalogue>,
    address: Text,
    store: Store,
    key: RootKey,
}

impl Host for ProductHost {
    fn credentials(&self, workspace: WorkspaceId) -> Arc<dyn Credentials> {
        app::credentials::of_workspace(&self.store, &self.key, workspace)
    }

    fn resume_address(&self, workspace: WorkspaceId, execution: ExecutionId) -> Text {
        app::addresses::resume_address(&self.key, &self.address, workspace, execution).into()
    }

    fn read_definition(&self, definition: &Value) -> Result<Workflow, NodeError> {
        world::read_definition(definition, &self.catalogue, Order::Sequential)
    }

    fn address(&self) -> Text {
        self.address.clone()
    }
}

/// Reads a workflow of n8n for the API.
fn import(file: &Value, catalogue: &Catalogue) -> Result<Imported, Problem> {
    let import = n8n::import(file, catalogue)?;
    let report = serde_json::to_string(&import.report).ok();
    let report = report.and_then(|report| Value::from_json(&report).ok()).unwrap_or_default();
    Ok(Imported { workflow: import.workflow, report })
}

/// Writes a workflow as n8n reads it.
fn export(workflow: &Workflow, catalogue: &Catalogue) -> (Value, Vec<Problem>) {
    let n8n::Export { file, problems } = n8n::export(workflow, catalogue);
    (Value::Object(file), problems)
}
