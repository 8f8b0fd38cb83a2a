//! A data folder, and the processes that work on it one after the other.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use engine::{Answer, Clock, Config, Engine, LocalHost, Reply, StartRequest, Started, TriggerKind, World};
use model::ids::{ExecutionId, VersionId, WorkflowId, WorkspaceId};
use model::journal::Kind;
use model::{ExecutionStatus, Value, Workflow, json};
use sdk::Services;
use store::Store;
use store::api_keys::NewApiKey;
use store::executions::Execution;
use store::setup::Setup;
use store::testing::{Faults, Testing};
use store::workflows::{NewWorkflow, Publish};
use tempfile::TempDir;
use testkit::Draft;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::nodes;

/// A data folder.
pub(crate) struct Site {
    folder: TempDir,
    /// When the next process begins, in Unix milliseconds.
    now_ms: Cell<f64>,
    processes: Cell<u64>,
    config: Config,
    pub(crate) workspace: WorkspaceId,
}

/// A published workflow.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Published {
    pub(crate) workflow: WorkflowId,
    pub(crate) version: VersionId,
}

/// A process on a site.
pub(crate) struct Process {
    pub(crate) store: Store,
    pub(crate) engine: Engine,
    pub(crate) faults: Faults,
    pub(crate) workspace: WorkspaceId,
    pub(crate) stop: CancellationToken,
}

/// Time that goes on from process to process.
struct SiteClock {
    base_ms: f64,
    began: Instant,
}

impl Clock for SiteClock {
    fn now_ms(&self) -> f64 {
        self.base_ms + self.began.elapsed().as_micros() as f64 / 1000.0
    }

    fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }
}

impl Site {
    /// A folder with a workspace.
    pub(crate) fn new() -> Self {
        Self::with(Config::default())
    }

    /// The same with processes that run like this.
    pub(crate) fn with(config: Config) -> Self {
        let mut site = Self {
            folder: tempfile::tempdir().expect("a folder for a test"),
            now_ms: Cell::new(sdk::testing::NOW_MS),
            processes: Cell::new(0),
            config,
            workspace: WorkspaceId::from_bytes([0; 16]),
        };
        site.workspace = site.process(async |process: &Process| {
            let key = NewApiKey {
                name: "test".into(),
                prefix: "test".into(),
                hash: vec![0; 32],
                scopes: "[]".into(),
                expires_at: None,
            };
            let setup = Setup {
                email: "ada@example.com".into(),
                name: "Ada".into(),
                password_hash: String::new(),
                workspace: "Test".into(),
                slug: "test".into(),
                key,
            };
            process.store.set_up(setup).await.expect("an empty instance can be set up").workspace
        });
        site
    }

    /// Runs a process until the body ends, then kills it.
    pub(crate) fn process<T>(&self, body: impl AsyncFnOnce(&Process) -> T) -> T {
        let number = self.processes.replace(self.processes.get() + 1);
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_time().start_paused(true).build().expect("a runtime starts");
        runtime.block_on(async {
            let clock = Arc::new(SiteClock { base_ms: self.now_ms.get(), began: Instant::now() });
            let time = Arc::new(AtomicI64::new((clock.now_ms() * 1000.0) as i64));
            let faults = Faults::default();
            let testing = Testing { inline: true, clock: Some(time.clone()), faults: faults.clone() };
            let store = Store::open_testing(self.folder.path(), testing).expect("the store opens");
            // The store's time follows.
            let follow = clock.clone();
            tokio::spawn(async move {
                loop {
                    time.store((follow.now_ms() * 1000.0) as i64, Ordering::Relaxed);
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            });
            let world = World {
                catalogue: Arc::new(nodes::catalogue()),
                services: Services::default(),
                clock: clock.clone(),
                host: Arc::new(LocalHost),
            };
            let config = Config { seed: number + 1, ..self.config.clone() };
            let engine = Engine::new(store.clone(), world, config);
            let stop = CancellationToken::new();
            tokio::spawn(engine.clone().run(stop.clone()));
            let process = Process { store, engine, faults, workspace: self.workspace, stop };
            // The loops begin first.
            tokio::time::sleep(Duration::from_millis(20)).await;
            let result = body(&process).await;
            self.now_ms.set(clock.now_ms());
            result
        })
    }

    /// Lets time pass while nothing runs.
    pub(crate) fn pass(&self, time: Duration) {
        self.now_ms.set(self.now_ms.get() + time.as_millis() as f64);
    }
}

impl Process {
    /// Publishes a workflow.
    pub(crate) async fn publish(&self, draft: impl Into<Workflow>) -> Published {
        let workflow: Workflow = draft.into();
        let definition = serde_json::to_string(&workflow).expect("a workflow serialises");
        let new = NewWorkflow {
            name: workflow.name.clone(),
            description: String::new(),
            draft: definition.clone(),
            user: None,
        };
        let created = self.store.create_workflow(self.workspace, new).await.expect("a workflow is created");
        let publish = Publish {
            workflow: created.head.id,
            rev: created.head.rev,
            definition,
            triggers: Vec::new(),
            user: None,
        };
        let published = self.store.publish_workflow(self.workspace, publish).await.expect("it is published");
        Published { workflow: created.head.id, version: published.version }
    }

    /// A start at the node `start`, with items of these data.
    pub(crate) fn request(&self, of: Published, data: Value) -> StartRequest {
        let of = (self.workspace, of.workflow, of.version);
        StartRequest::new(of, "start", testkit::items(data), TriggerKind::Api)
    }

    /// Starts and gives the execution once it is accepted.
    pub(crate) async fn accept(&self, of: Published, data: Value) -> ExecutionId {
        let started = self.engine.start(self.request(of, data)).await.expect("it starts");
        started.execution
    }

    /// Starts and waits for the answer.
    pub(crate) async fn call(&self, of: Published, data: Value) -> (ExecutionId, Answer) {
        let request = StartRequest { reply: Reply::Outcome, ..self.request(of, data) };
        let Started { execution, answer, .. } = self.engine.start(request).await.expect("it starts");
        (execution, answer.expect("somebody waits").await)
    }

    /// The head of an execution.
    pub(crate) async fn head(&self, execution: ExecutionId) -> Execution {
        self.store.execution(self.workspace, execution).await.expect("the execution exists")
    }

    /// Waits until an execution has this status.
    pub(crate) async fn until(&self, execution: ExecutionId, status: ExecutionStatus) -> Execution {
        self.until_head(execution, |head| head.status == status).await
    }

    /// Waits until an execution has this status and no owner.
    pub(crate) async fn until_left(&self, execution: ExecutionId, status: ExecutionStatus) -> Execution {
        self.until_head(execution, |head| head.status == status && head.lease_owner.is_none()).await
    }

    pub(crate) async fn until_head(&self, id: ExecutionId, is_it: impl Fn(&Execution) -> bool) -> Execution {
        for _ in 0..40_000 {
            if let Ok(head) = self.store.execution(self.workspace, id).await
                && is_it(&head)
            {
                return head;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let head = self.head(id).await;
        panic!("the execution did not get there; it is {head:?}\n{}", self.story(id).await);
    }

    /// The kinds of records in a journal.
    pub(crate) async fn kinds(&self, execution: ExecutionId) -> Vec<Kind> {
        let loaded = self.store.load(self.workspace, execution).await.expect("the journal is whole");
        loaded.records.iter().map(|record| record.kind).collect()
    }

    /// The journal, a line per record.
    pub(crate) async fn story(&self, execution: ExecutionId) -> String {
        let loaded = self.store.load(self.workspace, execution).await.expect("the journal is whole");
        let line = |record: &model::journal::Record| {
            let node = record.node.as_deref().unwrap_or("-");
            format!("{} {} {node} #{}", record.seq, record.kind.as_str(), record.attempt)
        };
        loaded.records.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    /// How many executions there are.
    pub(crate) async fn count(&self, of: Published) -> usize {
        let filter = store::executions::Filter { workflow: Some(of.workflow), ..Default::default() };
        let page = store::Page::first(1000);
        self.store.executions(self.workspace, &filter, page).await.expect("a list").items.len()
    }
}

/// A workflow `start -> ...` whose nodes named here leave marks at this place, with these parameters.
pub(crate) fn marking(text: &str, place: &str, nodes: &[(&str, Value)]) -> Draft {
    let mut draft = testkit::workflow(text);
    for (node, parameters) in nodes {
        let mut with = json!({ "place": place }).as_object().cloned().expect("an object");
        for (key, value) in parameters.as_object().expect("an object").iter() {
            with.insert(key.clone(), value.clone());
        }
        draft = draft.is(node, nodes::MARK, Value::Object(with));
    }
    draft
}
