//! Databases for tests on PostgreSQL, each a copy of a migrated template, dropped when its test is over.
//!
//! The server is the one that `RUNNEL_TEST_POSTGRES` names, as `cargo xtask test` does, or else one on this machine. A
//! test that finds none fails: nothing is left out silently.

use std::hash::{DefaultHasher, Hasher};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio_postgres::{Client, NoTls};

use crate::db::postgres::connect::Target;
use crate::store::Database;

/// What is tried when nobody names a server.
const USUAL: [&str; 3] = [
    "postgres://127.0.0.1:5432/postgres",
    "postgres://postgres@127.0.0.1:5432/postgres",
    "postgres://%2Fvar%2Frun%2Fpostgresql/postgres",
];

/// The lock under which a template is made.
const TEMPLATE_LOCK: i64 = 0x74_65_6d_70_6c;

/// A database whose test did not live to drop it is dropped by another after so many seconds.
const FORGOTTEN: u64 = 2 * 60 * 60;

/// A database for one test.
#[derive(Debug)]
pub struct Temporary {
    server: String,
    name: String,
}

impl Temporary {
    /// A database with the newest schema.
    pub async fn new() -> Self {
        Self::on(&server().await).await
    }

    /// The same on a certain server.
    pub async fn on(server: &str) -> Self {
        let admin = connect(server).await.expect("the server answers");
        let template = template(server, &admin).await;
        let name = Self::create(&admin, &format!("TEMPLATE {template}")).await;
        drop_forgotten(&admin).await;
        Self { server: server.to_owned(), name }
    }

    /// A database with nothing in it.
    pub async fn empty() -> Self {
        let server = server().await;
        let admin = connect(&server).await.expect("the server answers");
        let name = Self::create(&admin, "TEMPLATE template0").await;
        Self { server, name }
    }

    async fn create(admin: &Client, from: &str) -> String {
        let name = format!("runnel_test_{}_{:016x}", now(), random());
        admin.batch_execute(&format!("CREATE DATABASE {name} {from}")).await.expect("a database can be made");
        name
    }

    /// Its address.
    pub fn url(&self) -> String {
        on_same_server(&self.server, &self.name)
    }

    /// What a store needs to open it.
    pub fn database(&self) -> Database {
        Database::Postgres { url: self.url(), connections: 4 }
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let (server, name) = (self.server.clone(), self.name.clone());
        // What holds the test's own runtime may be dropped already.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("threads are left").block_on(async {
                if let Ok(admin) = connect(&server).await {
                    let sql = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
                    let _ = admin.batch_execute(&sql).await;
                }
            });
        });
        let _ = dropping.join();
    }
}

/// The address of a server that makes databases for tests.
pub async fn server() -> String {
    if let Ok(named) = std::env::var("RUNNEL_TEST_POSTGRES") {
        assert!(
            connect(&named).await.is_ok(),
            "RUNNEL_TEST_POSTGRES names no PostgreSQL server that answers"
        );
        return named;
    }
    for usual in USUAL {
        if connect(usual).await.is_ok() {
            return usual.to_owned();
        }
    }
    panic!(
        "this test needs PostgreSQL and there is none: run `cargo xtask test`, which starts one, or name a server \
         with RUNNEL_TEST_POSTGRES=postgres://user@host:5432/postgres"
    );
}

async fn connect(server: &str) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(server, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// The name of a database with the newest schema, made by whoever needs it first.
async fn template(server: &str, admin: &Client) -> String {
    let mut hash = DefaultHasher::new();
    crate::migrate::fingerprint(&mut hash);
    let name = format!("runnel_template_{:016x}", hash.finish());
    let exists = format!("SELECT FROM pg_database WHERE datname = '{name}'");
    if !admin.query(&exists, &[]).await.expect("the server answers").is_empty() {
        return name;
    }
    admin.batch_execute(&format!("SELECT pg_advisory_lock({TEMPLATE_LOCK})")).await.expect("locks are left");
    if admin.query(&exists, &[]).await.expect("the server answers").is_empty() {
        let unfinished = Temporary::create(admin, "TEMPLATE template0").await;
        let target = Target::parse(&on_same_server(server, &unfinished)).expect("the address is one");
        target.prepare().await.expect("the migrations can be applied");
        // The connection that migrated may still be ending.
        let rename = format!(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{unfinished}';
             ALTER DATABASE {unfinished} RENAME TO {name}"
        );
        for statement in rename.split(';') {
            admin.batch_execute(statement).await.expect("the template can be named");
        }
    }
    admin.batch_execute(&format!("SELECT pg_advisory_unlock({TEMPLATE_LOCK})")).await.expect("it is locked");
    name
}

async fn drop_forgotten(admin: &Client) {
    let sql = "SELECT datname FROM pg_database WHERE datname LIKE 'runnel\\_test\\_%'";
    for row in admin.query(sql, &[]).await.unwrap_or_default() {
        let name: &str = row.get(0);
        let made = name.split('_').nth(2).and_then(|part| part.parse::<u64>().ok());
        if made.is_some_and(|made| made > 1_500_000_000 && made + FORGOTTEN < now()) {
            let _ = admin.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await;
        }
    }
}

/// The address of another database of the same server.
fn on_same_server(server: &str, name: &str) -> String {
    let (address, query) = server.split_once('?').map_or((server, None), |(a, b)| (a, Some(b)));
    let (head, _) = address.rsplit_once('/').expect("an address ends with a database");
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    format!("{head}/{name}{query}")
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map(|since| since.as_secs()).unwrap_or_default()
}

fn random() -> u64 {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).expect("the system has random numbers");
    u64::from_be_bytes(bytes)
}
