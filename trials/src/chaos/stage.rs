//! Where a trial plays: one or two servers, their database, a workflow, the sink it talks to.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use super::check::Told;
use super::sink::{Effects, Sink};
use super::{Database, Options, tell};
use crate::api::{Api, Published, text};
use crate::http::Connection;
use crate::postgres::Cluster;
use crate::process::{Recipe, Server};
use crate::workflows::workflow;

/// How long executions may take to end once nothing disturbs them any more.
const PATIENCE: Duration = Duration::from_secs(120);

/// A stage on which a trial is played.
pub(super) struct Stage {
    recipes: Vec<Recipe>,
    servers: Vec<Option<Server>>,
    sink: Sink,
    poisoned: mpsc::UnboundedReceiver<String>,
    api: Api,
    published: Published,
    cluster: Option<Cluster>,
    _folder: TempDir,
}

/// What a stage will be.
pub(super) struct Plan {
    program: PathBuf,
    database: Database,
    within: Option<PathBuf>,
    environment: Vec<(&'static str, String)>,
}

impl Plan {
    /// The same with its data in this folder.
    pub(super) fn within(mut self, folder: &Path) -> Self {
        self.within = Some(folder.to_owned());
        self
    }

    /// The same with a variable in the environment of its servers.
    pub(super) fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.environment.push((name, value.to_string()));
        self
    }

    /// Starts everything, with a workflow of the benchmark.
    pub(super) async fn play(self, name: &str) -> Result<Stage> {
        self.start(|sink| workflow(name, Some(sink))).await
    }

    /// Starts everything, with a workflow that is made for its sink.
    pub(super) async fn build(self, workflow: impl FnOnce(SocketAddr) -> Value) -> Result<Stage> {
        self.start(|sink| Ok(workflow(sink))).await
    }

    async fn start(self, workflow: impl FnOnce(SocketAddr) -> Result<Value>) -> Result<Stage> {
        let (report, poisoned) = mpsc::unbounded_channel();
        let sink = Sink::start(report).await?;
        let folder = TempDir::with_prefix("runnel-chaos-")?;
        let cluster = (self.database != Database::Sqlite).then(Cluster::start).transpose()?;
        let url = cluster.as_ref().map(|cluster| cluster.create_database("chaos")).transpose()?;
        // Both processes need the key with which secrets are encrypted.
        let key = folder.path().join("key").display().to_string();
        let names: &[&str] = if self.database == Database::Two { &["first", "second"] } else { &["first"] };
        let mut recipes = Vec::new();
        for name in names {
            // Its log lies beside its data, on the same disk.
            let data = self.within.as_deref().unwrap_or(folder.path()).join(name);
            let mut recipe = Recipe::new(&self.program, &data, url.as_deref())?;
            recipe = recipe.with("RUNNEL_KEY_FILE", &key);
            for (name, value) in &self.environment {
                recipe = recipe.with(name, value);
            }
            recipes.push(recipe);
        }
        let first = recipes[0].start().await?;
        let api = Api::set_up(&first).await?;
        let published = api.publish(&workflow(sink.address())?).await?;
        let mut servers = vec![Some(first)];
        for other in &recipes[1..] {
            servers.push(Some(other.start().await?));
            if !published.hook.is_empty() {
                api.await_hook(other.address, &published.hook, &json!({ "id": WARM_UP })).await?;
            }
        }
        Ok(Stage { recipes, servers, sink, poisoned, api, published, cluster, _folder: folder })
    }
}

impl Stage {
    /// A stage with this database, in the usual folder for what is temporary.
    pub(super) fn plan(options: &Options, database: Database) -> Plan {
        Plan { program: options.program.clone(), database, within: None, environment: Vec::new() }
    }

    pub(super) fn addresses(&self) -> Vec<SocketAddr> {
        self.recipes.iter().map(|recipe| recipe.address).collect()
    }

    pub(super) fn servers(&self) -> usize {
        self.recipes.len()
    }

    /// The path of the workflow's webhook.
    pub(super) fn hook(&self) -> String {
        self.published.hook.clone()
    }

    /// Publishes another workflow.
    pub(super) async fn publish(&self, workflow: impl FnOnce(SocketAddr) -> Value) -> Result<Published> {
        self.api.publish(&workflow(self.sink.address())).await
    }

    /// Switches the workflow's triggers off.
    pub(super) async fn pause(&self) -> Result<()> {
        let path = format!("/api/v1/workflows/{}/pause", self.published.id);
        self.api.call("POST", &path, None).await.map(drop)
    }

    pub(super) fn effects(&self) -> Effects {
        let mut effects = self.sink.effects();
        effects.remove(WARM_UP);
        effects
    }

    /// How many ids the sink has seen.
    pub(super) fn effect_count(&self) -> usize {
        self.sink.count()
    }

    /// Waits for a call that asks the sink to kill the caller.
    pub(super) async fn poisoned(&mut self) -> Option<String> {
        self.poisoned.recv().await
    }

    /// Fails with the last words of a server that died although nobody killed it.
    pub(super) fn check_that_all_live(&mut self) -> Result<()> {
        for server in self.servers.iter_mut().flatten() {
            server.check_that_it_lives()?;
        }
        Ok(())
    }

    /// Bytes of memory that the first server has in use.
    pub(super) fn memory(&self) -> Result<u64> {
        self.servers[0].as_ref().context("the server is dead")?.memory()
    }

    /// `kill -9` of a server that runs.
    pub(super) fn kill(&mut self, index: usize) -> Result<()> {
        self.servers[index].take().context("the server is dead already")?.kill().map(drop)
    }

    /// Asks a server to stop and waits until it has.
    pub(super) async fn stop(&mut self, index: usize) -> Result<()> {
        self.servers[index].take().context("the server is dead already")?.stop().await.map(drop)
    }

    /// Lets a server not move, as if its machine were paused.
    pub(super) fn freeze(&self, index: usize) -> Result<()> {
        self.servers[index].as_ref().context("the server is dead")?.signal(Signal::STOP)
    }

    /// Lets a frozen server go on as if nothing had happened.
    pub(super) fn thaw(&self, index: usize) -> Result<()> {
        self.servers[index].as_ref().context("the server is dead")?.signal(Signal::CONT)
    }

    /// Starts a dead server; it is not ready yet.
    pub(super) fn spawn(&mut self, index: usize) -> Result<()> {
        self.servers[index] = Some(self.recipes[index].spawn()?);
        Ok(())
    }

    /// Starts a dead server and waits until it is ready.
    pub(super) async fn start(&mut self, index: usize) -> Result<()> {
        self.servers[index] = Some(self.recipes[index].start().await?);
        Ok(())
    }

    /// Takes PostgreSQL down as a power cut would, and starts it again.
    pub(super) async fn restart_postgres(&self) -> Result<()> {
        let cluster = self.cluster.as_ref().context("there is no PostgreSQL on this stage")?;
        tokio::task::block_in_place(|| cluster.crash_and_restart())
    }

    /// Starts the workflow through the API, with a key that makes it one start however often it is sent.
    pub(super) fn start_request(&self, body: &Value, key: &str) -> Vec<u8> {
        let path = format!("/api/v1/workflows/{}/run", self.published.id);
        self.api.request("POST", &path, &[("idempotency-key", key)], Some(body))
    }

    /// Asks for the live updates of the newest execution.
    pub(super) async fn stream_request(&self) -> Result<Vec<u8>> {
        let newest = self.list(None, 1).await?;
        let id = text(newest.first().context("nothing has run")?, "id")?.to_owned();
        let path = format!("/api/v1/executions/{id}/events");
        Ok(self.api.request("GET", &path, &[("accept", "text/event-stream")], None))
    }

    async fn list(&self, status: Option<&str>, limit: usize) -> Result<Vec<Value>> {
        let mut connection = Connection::open(self.api.address).await?;
        let id = &self.published.id;
        Ok(self.api.executions(&mut connection, id, status, None, limit).await?.items)
    }

    /// Waits until every execution has ended or waits for somebody to look, and reads all of them.
    pub(super) async fn settle(&mut self) -> Result<Vec<Told>> {
        self.check_that_all_live()?;
        let begin = Instant::now();
        let mut last = None;
        loop {
            let busy = self.is_any("queued").await? || self.is_any("running").await?;
            let seen = self.sink.count();
            if (!busy && last == Some(seen)) || begin.elapsed() > PATIENCE {
                return self.told(&self.published.id).await;
            }
            last = (!busy).then_some(seen);
            // Longer than a lease and the wait of the workflow together.
            sleep(Duration::from_secs(14)).await;
        }
    }

    async fn is_any(&self, status: &str) -> Result<bool> {
        Ok(!self.list(Some(status), 1).await?.is_empty())
    }

    /// All executions of a workflow, as the product tells them.
    pub(super) async fn told(&self, workflow: &str) -> Result<Vec<Told>> {
        let mut told = tell::all(&self.api, workflow).await?;
        told.retain(|told| told.id != WARM_UP);
        Ok(told)
    }
}

/// The id of a request that only finds out whether a webhook is served.
const WARM_UP: &str = "warm-up";
