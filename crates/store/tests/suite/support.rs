//! A store to test, on either database.

use std::ops::Deref;

use model::ids::{UserId, WorkflowId, WorkspaceId};
use store::api_keys::NewApiKey;
use store::setup::{Owner, Setup};
use store::testing::postgres::Temporary;
use store::workflows::{NewWorkflow, Publish, Published, TriggerSpec};
use store::{Config, Database, Store};
use tempfile::TempDir;

/// Which database a test runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
}

/// A store that is gone after the test.
pub(crate) struct Fixture {
    pub(crate) store: Store,
    pub(crate) config: Config,
    pub(crate) folder: TempDir,
    _database: Option<Temporary>,
}

impl Deref for Fixture {
    type Target = Store;

    fn deref(&self) -> &Store {
        &self.store
    }
}

impl Fixture {
    pub(crate) async fn new(kind: Kind) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (database, temporary) = match kind {
            Kind::Sqlite => (Database::Sqlite, None),
            Kind::Postgres => {
                let temporary = Temporary::new().await;
                (temporary.database(), Some(temporary))
            }
        };
        let config = Config { database, folder: folder.path().to_owned() };
        let store = Store::open(config.clone()).await.expect("the store opens");
        Self { store, config, folder, _database: temporary }
    }

    /// Runs a statement behind the back of the store.
    pub(crate) async fn raw(&self, sqlite: &str, postgres: &str) {
        match &self.config.database {
            Database::Sqlite => {
                let path = self.folder.path().join("runnel.db");
                let connection = rusqlite::Connection::open(path).expect("the database opens");
                connection.busy_timeout(std::time::Duration::from_secs(30)).expect("it waits for its turn");
                connection.execute_batch(sqlite).expect("the statement runs");
            }
            Database::Postgres { url, .. } => run(url, postgres).await,
        }
    }

    /// Sets the instance up.
    pub(crate) async fn owner(&self) -> Owner {
        self.set_up(setup()).await.expect("it is set up once")
    }

    /// A workflow with an empty draft.
    pub(crate) async fn workflow_named(&self, workspace: WorkspaceId, name: &str) -> WorkflowId {
        let new =
            NewWorkflow { name: name.into(), description: String::new(), draft: "{}".into(), user: None };
        self.create_workflow(workspace, new).await.expect("it is created").head.id
    }

    /// Publishes the newest draft of a workflow with these triggers.
    pub(crate) async fn publish(
        &self,
        workspace: WorkspaceId,
        workflow: WorkflowId,
        triggers: Vec<TriggerSpec>,
    ) -> Published {
        let rev = self.store.workflow(workspace, workflow).await.expect("it is there").head.rev;
        let definition = format!("{{\"triggers\":{}}}", triggers.len());
        let publish = Publish { workflow, rev, definition, triggers, user: None };
        self.publish_workflow(workspace, publish).await.expect("it is published")
    }
}

/// Somebody who sets an instance up.
pub(crate) fn setup() -> Setup {
    Setup {
        email: "Ada@example.com".into(),
        name: "Ada".into(),
        password_hash: "$argon2id$".into(),
        workspace: "Main".into(),
        slug: "main".into(),
        key: NewApiKey {
            name: "first".into(),
            prefix: "rnl_live_abcdefghijkl".into(),
            hash: vec![1; 32],
            scopes: "[]".into(),
            expires_at: None,
        },
    }
}

/// A trigger without an address or a time.
pub(crate) fn trigger(node: &str, kind: &str) -> TriggerSpec {
    TriggerSpec { node: node.into(), kind: kind.into(), config: "{}".into(), has_route: false, due_at: None }
}

/// A tenant that does not exist.
pub(crate) fn stranger() -> WorkspaceId {
    WorkspaceId::new(1, [9; 10])
}

/// A person who does not exist.
pub(crate) fn nobody() -> UserId {
    UserId::new(1, [9; 10])
}

async fn run(database: &str, sql: &str) {
    let connecting = tokio_postgres::connect(database, tokio_postgres::NoTls).await;
    let (client, connection) = connecting.expect("the database answers");
    let connection = tokio::spawn(connection);
    client.batch_execute(sql).await.expect("the statement runs");
    drop(client);
    let _ = connection.await;
}

/// Defines tests that run on both databases.
macro_rules! suite {
    ($(async fn $name:ident($fixture:ident: &Fixture) $body:block)*) => {$(
        mod $name {
            use super::*;
            use crate::support::Kind;

            async fn run($fixture: &Fixture) $body

            #[tokio::test]
            async fn sqlite() {
                run(&Fixture::new(Kind::Sqlite).await).await;
            }

            #[tokio::test]
            async fn postgres() {
                run(&Fixture::new(Kind::Postgres).await).await;
            }
        }
    )*};
}
pub(crate) use suite;
