//! What an execution costs that is kept: 64 callers who wait for the answer of a workflow of five nodes, each with one
//! commit at its end, on SQLite with every commit synced. `cargo bench -p engine --bench durable`.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use engine::{Answer, Clock, Config, Engine, LocalHost, Reply, StartRequest, TriggerKind, World};
use model::ids::{VersionId, WorkflowId, WorkspaceId};
use model::json;
use store::api_keys::NewApiKey;
use store::setup::Setup;
use store::workflows::{NewWorkflow, Publish};
use store::{Database, Store};
use tokio_util::sync::CancellationToken;

const CALLERS: usize = 64;
const SECONDS: u64 = 5;

struct SystemClock(Instant);

#[allow(clippy::disallowed_methods, reason = "a benchmark brings the clock")]
impl Clock for SystemClock {
    fn now_ms(&self) -> f64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        since.as_micros() as f64 / 1000.0
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

#[allow(clippy::disallowed_methods, clippy::print_stdout, reason = "a benchmark measures and tells")]
fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime starts");
    runtime.block_on(async {
        let folder = tempfile::tempdir().expect("a folder");
        let config = store::Config { database: Database::Sqlite, folder: folder.path().to_owned() };
        let store = Store::open(config).await.expect("the store opens");
        let (workspace, workflow, version) = publish(&store).await;
        let world = World {
            catalogue: Arc::new(testkit::nodes::catalogue()),
            services: sdk::Services::default(),
            clock: Arc::new(SystemClock(Instant::now())),
            host: Arc::new(LocalHost),
        };
        let engine = Engine::new(store, world, Config { seed: 7, ..Config::default() });
        let stop = CancellationToken::new();
        let run = tokio::spawn(engine.clone().run(stop.clone()));
        tokio::time::sleep(Duration::from_millis(200)).await;
        let began = Instant::now();
        let callers = (0..CALLERS).map(|_| {
            let engine = engine.clone();
            tokio::spawn(async move {
                let mut times = Vec::new();
                while began.elapsed() < Duration::from_secs(SECONDS) {
                    let at = Instant::now();
                    let items = testkit::items(json!({ "body": { "name": "Ada", "n": 41 } }));
                    let request = StartRequest {
                        reply: Reply::Outcome,
                        ..StartRequest::new(
                            (workspace, workflow, version),
                            "start",
                            items,
                            TriggerKind::Webhook,
                        )
                    };
                    let started = engine.start(request).await.expect("it starts");
                    let answer = started.answer.expect("somebody waits").await;
                    assert!(matches!(answer, Answer::Ended { .. }));
                    times.push(at.elapsed());
                }
                times
            })
        });
        let callers: Vec<_> = callers.collect();
        let mut times = Vec::new();
        for caller in callers {
            times.extend(caller.await.expect("no caller panics"));
        }
        times.sort();
        let rate = times.len() as f64 / began.elapsed().as_secs_f64();
        let at = |share: f64| times[(times.len() as f64 * share) as usize].as_secs_f64() * 1000.0;
        println!("{rate:.0} executions/s, p50 {:.2} ms, p99 {:.2} ms", at(0.5), at(0.99));
        stop.cancel();
        run.await.expect("the engine stops");
    });
}

async fn publish(store: &Store) -> (WorkspaceId, WorkflowId, VersionId) {
    let key = NewApiKey {
        name: "bench".into(),
        prefix: "bench".into(),
        hash: vec![0; 32],
        scopes: "[]".into(),
        expires_at: None,
    };
    let setup = Setup {
        email: "ada@example.com".into(),
        name: "Ada".into(),
        password_hash: String::new(),
        workspace: "Bench".into(),
        slug: "bench".into(),
        key,
    };
    let workspace = store.set_up(setup).await.expect("an empty instance can be set up").workspace;
    let workflow: model::Workflow = testkit::workflow("start -> a -> b -> c -> d")
        .is("b", testkit::nodes::STEP, json!({ "does": { "give": [{ "hello": "Hello Ada", "next": 42 }] } }))
        .into();
    let definition = serde_json::to_string(&workflow).expect("a workflow serialises");
    let new = NewWorkflow {
        name: "Bench".into(),
        description: String::new(),
        draft: definition.clone(),
        user: None,
    };
    let created = store.create_workflow(workspace, new).await.expect("a workflow is created").head;
    let publish =
        Publish { workflow: created.id, rev: created.rev, definition, triggers: Vec::new(), user: None };
    let published = store.publish_workflow(workspace, publish).await.expect("it is published");
    (workspace, created.id, published.version)
}
