//! PostgreSQL keeps tenants apart a second time, whatever a statement says.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use model::ids::WorkspaceId;
use store::testing::postgres::Temporary;
use store::{Config, Database, Store};
use tokio_postgres::{Client, NoTls};

use crate::fixture::{self, event, key};
use crate::support::{Fixture, Kind, setup};

/// Functions whose statements look at all tenants, as `file function`. Whoever adds one says why it may.
const ENGINE: &[&str] = &[
    // A batch holds commits of many tenants, each fenced by its owner; its occurrence, its keys, what became of it.
    "commit/postgres/occur.rs take",
    "commit/postgres/settle.rs one",
    "commit/postgres/write.rs inspect",
    "commit/postgres/write.rs transaction",
    // Workers take whatever is due, of whomever it is.
    "queue.rs next_expiry",
    "queue/postgres.rs claim",
    "queue/postgres.rs heartbeat",
    "queue/postgres.rs reap",
    "timers.rs now",
    "timers/postgres.rs due_triggers",
    "timers/postgres.rs fire_timers",
    "timers/postgres.rs next_due",
    // Triggers and addresses are looked up before anybody knows whose they are.
    "journal.rs find_waits",
    "routes.rs active_routes",
    "routes.rs find_route",
    "triggers.rs active_triggers",
    // Logs and the outbox are written and read for all; what is read says whose it is.
    "logs/postgres.rs drop_before",
    "logs/postgres.rs write",
    "outbox.rs events_after",
    "outbox.rs prune_events",
    // What is too old goes, a piece at a time.
    "retention.rs forget_old",
    // Figures of the whole instance, and its processes.
    "executions/list.rs open_executions",
    "inspect.rs stuck_executions",
    "queue/postgres.rs depth",
    "workers.rs forget_workers",
    "workers.rs note_worker",
    "workers.rs workers",
];

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.expect("the database answers");
    tokio::spawn(connection);
    client
}

fn url(config: &Config) -> &str {
    let Database::Postgres { url, .. } = &config.database else { panic!("it is on PostgreSQL") };
    url
}

/// Every table of tenants, with the column that names the tenant.
async fn tenant_tables(client: &Client) -> Vec<(String, &'static str)> {
    let sql = "SELECT DISTINCT relname::text FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
       WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
         AND attname = 'workspace_id' ORDER BY 1";
    let rows = client.query(sql, &[]).await.expect("the catalogue can be read");
    let mut tables: Vec<_> = rows.iter().map(|row| (row.get(0), "workspace_id")).collect();
    tables.push(("workspaces".into(), "id"));
    tables
}

async fn seen(client: &Client, table: &str) -> Option<i64> {
    client.query_one(&format!("SELECT count(*) FROM {table}"), &[]).await.ok().map(|row| row.get(0))
}

/// A tenant with a row in most tables.
async fn inhabited(f: &fixture::Fixture) {
    let mut start = f.queued();
    start.create.as_mut().expect("a start creates").key = Some(key("once"));
    start.events.push(event("execution.started"));
    start.static_data = Some("{}".into());
    f.made(start).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_shows_no_row_without_its_workspace() {
    let f = fixture::Fixture::on(Kind::Postgres).await;
    inhabited(&f).await;
    let client = connect(url(&f.config())).await;
    let tables = tenant_tables(&client).await;
    assert!(tables.len() > 20, "{tables:?}");
    client.batch_execute("SET ROLE runnel_app").await.expect("the role is there");
    for (table, _) in &tables {
        assert_eq!(seen(&client, table).await, Some(0), "{table} without a workspace");
    }
    let stranger: WorkspaceId = fixture::id();
    client.batch_execute(&format!("SET app.ws = '{stranger}'")).await.expect("it can be set");
    for (table, _) in &tables {
        assert_eq!(seen(&client, table).await, Some(0), "{table} with another workspace");
    }
    client.batch_execute(&format!("SET app.ws = '{}'", f.workspace)).await.expect("it can be set");
    let mut filled = 0;
    for (table, _) in &tables {
        filled += i32::from(seen(&client, table).await > Some(0));
    }
    assert!(filled >= 7, "only {filled} tables have rows of the workspace");
    // Nothing can be put into or moved to another workspace either.
    for sql in [
        format!("INSERT INTO workflow_static_data SELECT '{stranger}', id, '{{}}', now() FROM workflows"),
        format!("UPDATE execution_queue SET workspace_id = '{stranger}'"),
    ] {
        let refused = client.execute(&sql, &[]).await.expect_err("it belongs to somebody else");
        let text = refused.as_db_error().expect("the server says so").message().to_owned();
        assert!(text.contains("row-level security"), "{text}");
    }
    // Nor is there a way around through views, other roles' tables or the settings of the instance.
    client.batch_execute(&format!("SET app.ws = '{stranger}'")).await.expect("it can be set");
    assert_eq!(seen(&client, "workflow_executions").await, Some(0));
    assert_eq!(seen(&client, "users").await, None);
    assert_eq!(seen(&client, "app_settings").await, None);
    assert_eq!(seen(&client, "commit_marks").await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_runs_executions_on_postgres_sees_no_secrets_and_no_people() {
    let f = fixture::Fixture::on(Kind::Postgres).await;
    inhabited(&f).await;
    let client = connect(url(&f.config())).await;
    client.batch_execute("SET ROLE runnel_engine").await.expect("the role is there");
    assert_eq!(seen(&client, "execution_queue").await, Some(1));
    assert!(seen(&client, "workflows").await.is_some());
    for hidden in ["credentials", "data_keys", "api_keys", "users", "workspace_members", "app_settings"] {
        assert_eq!(seen(&client, hidden).await, None, "{hidden}");
    }
    let refused = client.execute("UPDATE workflows SET name = 'x'", &[]).await;
    assert!(refused.is_err(), "workflows are only read");
    client.batch_execute("SET ROLE runnel_instance").await.expect("the role is there");
    assert!(seen(&client, "workspaces").await > Some(0));
    for hidden in ["credentials", "executions", "execution_events", "workflows", "execution_logs"] {
        assert_eq!(seen(&client, hidden).await, None, "{hidden}");
    }
}

#[tokio::test]
async fn every_table_of_tenants_on_postgres_has_its_wall() {
    let store = Fixture::new(Kind::Postgres).await;
    let client = connect(url(&store.config)).await;
    let sql = "SELECT relname::text FROM pg_class
       WHERE relnamespace = 'public'::regnamespace AND relrowsecurity AND relforcerowsecurity";
    let rows = client.query(sql, &[]).await.expect("the catalogue can be read");
    let walled: BTreeSet<String> = rows.iter().map(|row| row.get(0)).collect();
    for (table, _) in tenant_tables(&client).await {
        assert!(walled.contains(&table), "{table} has no wall");
    }
    // A table that is added later gets its wall at the next start.
    client
        .batch_execute("CREATE TABLE added (workspace_id uuid NOT NULL)")
        .await
        .expect("a table can be added");
    let _other = Store::open(store.config.clone()).await.expect("it opens again");
    client.batch_execute("SET ROLE runnel_app").await.expect("the role is there");
    assert_eq!(seen(&client, "added").await, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_without_power_opens_postgres_once_it_may_use_the_roles() {
    let database = Temporary::empty().await;
    let admin = connect(&database.url()).await;
    let role = format!("runnel_login_{}", database.url().rsplit('_').next().expect("a name has parts"));
    admin
        .batch_execute(&format!("CREATE ROLE {role} LOGIN PASSWORD 'pw'"))
        .await
        .expect("a role can be made");
    admin.batch_execute(&format!("GRANT ALL ON SCHEMA public TO {role}")).await.expect("it may make tables");
    let mut url = url::Url::parse(&database.url()).expect("it is an address");
    url.set_username(&role).expect("it has a user");
    url.set_password(Some("pw")).expect("it has a password");
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let config = Config {
        database: Database::Postgres { url: url.into(), connections: 2 },
        folder: folder.path().to_owned(),
    };
    let refused = Store::open(config.clone()).await.err().expect("it may not");
    let text = refused.to_string();
    assert!(text.contains(&format!("GRANT runnel_app, runnel_engine, runnel_instance TO {role};")), "{text}");
    let grant = text
        .split("start again: ")
        .nth(1)
        .expect("it says what to run")
        .split_once("GRANT")
        .expect("it does")
        .1;
    for role in ["app", "engine", "instance"] {
        // Other databases of the server may have them already.
        let _ = admin.batch_execute(&format!("CREATE ROLE runnel_{role} NOLOGIN")).await;
    }
    admin.batch_execute(&format!("GRANT{grant}")).await.expect("the administrator may");

    let store = Store::open(config).await.expect("now it may");
    let owner = store.set_up(setup()).await.expect("it is set up");
    let key = store.find_api_key(&setup().key.prefix).await.expect("keys can be read");
    assert!(key.is_some());
    let new = store::workflows::NewWorkflow {
        name: "Names".into(),
        description: String::new(),
        draft: "{}".into(),
        user: None,
    };
    let workflow = store.create_workflow(owner.workspace, new).await.expect("it is created").head.id;
    let f = fixture::Fixture::within(store.clone(), owner.workspace, workflow);
    inhabited(&f).await;
    let lease = f.claim(1).await.remove(0);
    let ended = f.ends(fixture::leased(&lease, 1), model::ExecutionStatus::Completed);
    f.made(ended).await;
    assert_eq!(store.queue_depth().await.expect("the queue answers"), 0);
    drop((f, store));
    drop(database);
    let server = connect(&store::testing::postgres::server().await).await;
    let _ = server.batch_execute(&format!("DROP ROLE {role}")).await;
}

/// The functions of a file that use the scope of the engine.
fn engine_functions(file: &Path, name: &str) -> BTreeSet<String> {
    let text = std::fs::read_to_string(file).expect("it can be read");
    let mut function = String::new();
    let mut found = BTreeSet::new();
    for line in text.lines() {
        if let Some((_, rest)) = line.split_once("fn ")
            && !line.trim_start().starts_with("//")
        {
            function = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        }
        if line.contains("Scope::Engine") {
            found.insert(format!("{name} {function}"));
        }
    }
    found
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("it can be listed") {
        let path = entry.expect("it can be listed").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn what_looks_at_all_tenants_stands_on_the_list() {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src"));
    let mut files = Vec::new();
    sources(root, &mut files);
    let mut found = BTreeSet::new();
    for file in files {
        let name = file.strip_prefix(root).expect("it is below").to_string_lossy().into_owned();
        if !name.starts_with("db") {
            found.extend(engine_functions(&file, &name));
        }
    }
    let listed: BTreeSet<String> = ENGINE.iter().map(|&name| name.to_owned()).collect();
    assert_eq!(found, listed);
}
