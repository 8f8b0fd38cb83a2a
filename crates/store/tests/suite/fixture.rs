//! An empty store with a tenant, and short ways to say what happens in it.

use std::collections::BTreeSet;

use jiff::Timestamp;
use model::ExecutionStatus;
use model::ids::{ExecutionId, TriggerId, UserId, VersionId, WorkerId, WorkflowId, WorkspaceId};
use model::journal::{Kind, Record};
use store::commit::{Finish, NewEvent, StartKey};
use store::testing::{Testing, Value};
use store::{Claim, Commit, Lease, LeaseAfter, NewExecution, NewSignal, Store, signals};
use tempfile::TempDir;

use crate::support;

/// A store for one test.
pub(crate) struct Fixture {
    pub(crate) store: Store,
    pub(crate) workspace: WorkspaceId,
    pub(crate) workflow: WorkflowId,
    /// Who owns what the fixture starts.
    pub(crate) worker: WorkerId,
    /// Holds the files and the database until the test is over.
    base: Base,
}

/// What is gone after the test.
enum Base {
    Folder(TempDir),
    Either(support::Fixture),
    Elsewhere,
}

/// How far an execution has come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head {
    pub(crate) workspace: WorkspaceId,
    pub(crate) execution: ExecutionId,
    pub(crate) fence: u64,
    pub(crate) seq: u64,
}

impl Fixture {
    /// A fresh database.
    pub(crate) async fn on(kind: support::Kind) -> Self {
        let base = support::Fixture::new(kind).await;
        Self::new(base.store.clone(), Base::Either(base)).await
    }

    /// A fresh SQLite database with faults or virtual time.
    pub(crate) async fn sqlite_with(testing: Testing) -> Self {
        let folder = tempfile::tempdir().expect("there is room for a folder");
        let store = Store::open_testing(folder.path(), testing).expect("an empty folder can be used");
        Self::new(store, Base::Folder(folder)).await
    }

    /// The same SQLite database, closed and opened again.
    pub(crate) fn opened_again(self, testing: Testing) -> Self {
        let Self { store, workspace, workflow, worker, base } = self;
        drop(store);
        let Base::Folder(folder) = &base else { panic!("only what has faults is opened again") };
        let store = Store::open_testing(folder.path(), testing).expect("it opens again");
        Self { store, workspace, workflow, worker, base }
    }

    /// How another process opens the same database.
    pub(crate) fn config(&self) -> store::Config {
        let Base::Either(base) = &self.base else { panic!("what has faults is for one process") };
        base.config.clone()
    }

    /// A tenant with a workflow in an empty store.
    async fn new(store: Store, base: Base) -> Self {
        let workspace = add_workspace(&store).await;
        let workflow = add_workflow(&store, workspace).await;
        Self { store, workspace, workflow, worker: id(), base }
    }

    /// A tenant and a workflow that are there.
    pub(crate) fn within(store: Store, workspace: WorkspaceId, workflow: WorkflowId) -> Self {
        Self { store, workspace, workflow, worker: id(), base: Base::Elsewhere }
    }

    /// The first commit of an execution of the fixture's workflow: one record, owned by the fixture's worker.
    pub(crate) fn start(&self) -> Commit {
        self.start_of(self.workspace, self.workflow)
    }

    /// The first commit of an execution.
    pub(crate) fn start_of(&self, workspace: WorkspaceId, workflow: WorkflowId) -> Commit {
        start(workspace, workflow, self.worker)
    }

    /// A first commit that leaves the execution to whoever has time.
    pub(crate) fn queued(&self) -> Commit {
        self.queued_of(self.workspace, self.workflow)
    }

    /// The same for any workflow.
    pub(crate) fn queued_of(&self, workspace: WorkspaceId, workflow: WorkflowId) -> Commit {
        let mut commit = self.start_of(workspace, workflow);
        commit.status = ExecutionStatus::Queued;
        commit.lease = LeaseAfter::Queue;
        commit
    }

    /// A commit that adds records to an execution and goes on.
    pub(crate) fn next(&self, head: Head, count: usize) -> Commit {
        let mut commit = empty(head.workspace, head.execution, head.fence, head.seq);
        commit.lease = LeaseAfter::Keep(self.worker);
        records(&mut commit, count)
    }

    /// A commit after which nobody owns the execution.
    pub(crate) fn waits(&self, head: Head) -> Commit {
        let mut commit = self.next(head, 1);
        commit.status = ExecutionStatus::Waiting;
        commit.lease = LeaseAfter::Release;
        commit
    }

    /// The last commit of an execution.
    pub(crate) fn ends(&self, head: Head, status: ExecutionStatus) -> Commit {
        let mut commit = self.next(head, 1);
        commit.status = status;
        commit.finish = Some(Finish { at: Timestamp::now(), error: None });
        commit.lease = LeaseAfter::Release;
        commit
    }

    /// Makes a commit and tells how far the execution is then.
    pub(crate) async fn made(&self, commit: Commit) -> Head {
        let head = after(&commit);
        self.store.commit(commit).await.expect("the commit is allowed");
        head
    }

    /// A signal for an execution.
    pub(crate) fn signal(&self, head: Head, kind: signals::Kind) -> NewSignal {
        NewSignal { workspace: head.workspace, execution: head.execution, kind, payload: "{}".into() }
    }

    /// What a claim for everything says.
    pub(crate) fn wants(&self, limit: usize) -> Claim {
        Claim {
            worker: self.worker,
            limit,
            full_workflows: Vec::new(),
            full_workspaces: Vec::new(),
            full_keys: Vec::new(),
            suspects: true,
        }
    }

    /// Claims everything that is queued, at most `limit`.
    pub(crate) async fn claim(&self, limit: usize) -> Vec<Lease> {
        self.store.claim(self.wants(limit)).await.expect("the queue answers")
    }

    /// Makes everybody believe that a worker has died. With SQLite everybody believes that of everybody else.
    pub(crate) async fn kill(&self, worker: WorkerId) {
        if self.store.is_shared() {
            let sql =
                "UPDATE executions SET lease_until = now() - interval '1 minute' WHERE lease_owner = $1";
            self.store.probe(sql, vec![Value::Id(*worker.as_bytes())]).await.expect("leases can be ended");
        }
    }

    /// A number from the database.
    pub(crate) async fn number(&self, sql: &'static str, values: Vec<Value>) -> i64 {
        let rows = self.store.probe(sql, values).await.expect("the probe is right");
        match rows.first().and_then(|row| row.first()) {
            Some(Value::Int(number)) => *number,
            other => panic!("{sql} gives {other:?}"),
        }
    }

    /// The numbers of an execution's records.
    pub(crate) async fn seqs(&self, head: Head) -> Vec<i64> {
        let sql =
            "SELECT seq FROM execution_events WHERE workspace_id = $1 AND execution_id = $2 ORDER BY seq";
        let rows = self.store.probe(sql, of(head)).await.expect("the journal can be read");
        let number = |row: &Vec<Value>| match row[0] {
            Value::Int(number) => number,
            ref other => panic!("{other:?} is no number"),
        };
        rows.iter().map(number).collect()
    }

    /// The status of an execution, and the number of its last record.
    pub(crate) async fn head(&self, head: Head) -> (String, i64) {
        let sql = "SELECT status, seq FROM executions WHERE workspace_id = $1 AND id = $2";
        let rows = self.store.probe(sql, of(head)).await.expect("executions can be read");
        match rows.first().map(Vec::as_slice) {
            Some([Value::Text(status), Value::Int(seq)]) => (status.clone(), *seq),
            other => panic!("the execution is {other:?}"),
        }
    }

    /// Whether an execution is queued.
    pub(crate) async fn is_queued(&self, head: Head) -> bool {
        let sql = "SELECT count(*) FROM execution_queue WHERE workspace_id = $1 AND execution_id = $2";
        self.number(sql, of(head)).await == 1
    }

    /// A trigger of the fixture's workflow.
    pub(crate) async fn add_trigger(&self) -> TriggerId {
        let trigger: TriggerId = id();
        let sql = "INSERT INTO triggers
                     (workspace_id, id, workflow_id, version_id, node_key, kind, created_at, updated_at)
                   VALUES ($1, $2, $3, $4, $5, 'schedule', $6, $7)";
        let now = Value::Time(Timestamp::now());
        let values = vec![
            Value::Id(*self.workspace.as_bytes()),
            Value::Id(*trigger.as_bytes()),
            Value::Id(*self.workflow.as_bytes()),
            Value::Id(random()),
            Value::Text(trigger.to_string()),
            now.clone(),
            now,
        ];
        self.store.probe(sql, values).await.expect("a trigger can be stored");
        trigger
    }
}

/// The first commit of an execution that this worker owns.
pub(crate) fn start(workspace: WorkspaceId, workflow: WorkflowId, worker: WorkerId) -> Commit {
    let mut commit = empty(workspace, id(), 1, 0);
    commit.create = Some(Box::new(NewExecution {
        workflow,
        version: id(),
        mode: "production".into(),
        trigger_node: "start".into(),
        trigger_kind: "manual".into(),
        parent: None,
        depth: 0,
        retry_of: None,
        priority: 0,
        concurrency_key: None,
        key: None,
        created_by: None,
        accepted_at: Timestamp::now(),
        options: "{}".into(),
    }));
    commit.lease = LeaseAfter::Keep(worker);
    records(&mut commit, 1)
}

/// A tenant.
pub(crate) async fn add_workspace(store: &Store) -> WorkspaceId {
    let (user, workspace): (UserId, WorkspaceId) = (id(), id());
    let now = Value::Time(Timestamp::now());
    let sql = "INSERT INTO users (id, email, name, created_at, updated_at) VALUES ($1, $2, 'A', $3, $4)";
    let email = Value::Text(format!("{user}@example.com"));
    let values = vec![Value::Id(*user.as_bytes()), email, now.clone(), now.clone()];
    store.probe(sql, values).await.expect("a user can be stored");
    let sql = "INSERT INTO workspaces (id, name, slug, owner_user_id, created_at, updated_at)
               VALUES ($1, 'A', $2, $3, $4, $5)";
    let slug = Value::Text(workspace.to_string());
    let values = vec![Value::Id(*workspace.as_bytes()), slug, Value::Id(*user.as_bytes()), now.clone(), now];
    store.probe(sql, values).await.expect("a workspace can be stored");
    workspace
}

/// A workflow of a tenant.
pub(crate) async fn add_workflow(store: &Store, workspace: WorkspaceId) -> WorkflowId {
    let workflow: WorkflowId = id();
    let sql = "INSERT INTO workflows (workspace_id, id, name, draft, created_at, updated_at)
               VALUES ($1, $2, 'A', '{}', $3, $4)";
    let now = Value::Time(Timestamp::now());
    let values = vec![Value::Id(*workspace.as_bytes()), Value::Id(*workflow.as_bytes()), now.clone(), now];
    store.probe(sql, values).await.expect("a workflow can be stored");
    workflow
}

/// How far an execution is after a commit.
pub(crate) fn after(commit: &Commit) -> Head {
    Head {
        workspace: commit.workspace,
        execution: commit.execution,
        fence: commit.fence,
        seq: commit.seq + commit.records.len() as u64,
    }
}

/// How far an execution is that was just claimed.
pub(crate) fn leased(lease: &Lease, seq: u64) -> Head {
    Head { workspace: lease.workspace, execution: lease.execution, fence: lease.fence, seq }
}

/// The executions of leases.
pub(crate) fn executions(leases: &[Lease]) -> BTreeSet<ExecutionId> {
    leases.iter().map(|lease| lease.execution).collect()
}

/// Workspace and id of an execution, as the parameters of a probe.
pub(crate) fn of(head: Head) -> Vec<Value> {
    vec![Value::Id(*head.workspace.as_bytes()), Value::Id(*head.execution.as_bytes())]
}

/// A key that holds for an hour.
pub(crate) fn key(key: &str) -> StartKey {
    StartKey { scope: [7; 16], key: key.into(), until: in_seconds(3600) }
}

/// A time relative to now.
pub(crate) fn in_seconds(seconds: i64) -> Timestamp {
    Timestamp::now() + jiff::SignedDuration::from_secs(seconds)
}

/// Something for the outbox.
pub(crate) fn event(kind: &'static str) -> NewEvent {
    NewEvent { kind, subject: random(), data: "{}".into() }
}

/// Adds records to a commit, numbered as they must be.
pub(crate) fn records(commit: &mut Commit, count: usize) -> Commit {
    for _ in 0..count {
        let record = record(commit.seq + commit.records.len() as u64 + 1);
        commit.records.push(record);
    }
    std::mem::replace(commit, empty(commit.workspace, commit.execution, 0, 0))
}

/// A record of no importance.
pub(crate) fn record(seq: u64) -> Record {
    Record {
        seq,
        kind: Kind::StepSucceeded,
        node: Some("set".into()),
        run_index: 0,
        attempt: 1,
        at_us: Timestamp::now().as_microsecond(),
        duration_us: Some(12),
        payload: format!("{{\"v\":1,\"seq\":{seq}}}"),
    }
}

fn empty(workspace: WorkspaceId, execution: ExecutionId, fence: u64, seq: u64) -> Commit {
    Commit {
        workspace,
        execution,
        create: None,
        fence,
        seq,
        records: Vec::new(),
        status: ExecutionStatus::Running,
        finish: None,
        run_us: 0,
        timers: Vec::new(),
        dropped_timers: Vec::new(),
        waits: Vec::new(),
        closed_waits: Vec::new(),
        taken: Vec::new(),
        signals: Vec::new(),
        children: Vec::new(),
        static_data: None,
        events: Vec::new(),
        lease: LeaseAfter::Release,
    }
}

/// A new id of any kind.
pub(crate) fn id<T: FromBytes>() -> T {
    let ms = u64::try_from(Timestamp::now().as_millisecond()).expect("it is after 1970");
    let mut random = [0; 10];
    getrandom::fill(&mut random).expect("there is entropy");
    T::from(*VersionId::new(ms, random).as_bytes())
}

fn random() -> [u8; 16] {
    *id::<VersionId>().as_bytes()
}

/// What is made of 16 bytes.
pub(crate) trait FromBytes {
    fn from(bytes: [u8; 16]) -> Self;
}

macro_rules! from_bytes {
    ($($id:ident)*) => {$(
        impl FromBytes for $id {
            fn from(bytes: [u8; 16]) -> Self {
                $id::from_bytes(bytes)
            }
        }
    )*};
}

from_bytes!(ExecutionId TriggerId UserId VersionId WorkerId WorkflowId WorkspaceId);

/// Makes tests of functions that take a [`Fixture`]: one per database.
macro_rules! on_every_database {
    ($($test:ident),* $(,)?) => {$(
        mod $test {
            use crate::fixture::Fixture;
            use crate::support::Kind;

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                super::$test(Fixture::on(Kind::Sqlite).await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                super::$test(Fixture::on(Kind::Postgres).await).await;
            }
        }
    )*};
}
pub(crate) use on_every_database;
