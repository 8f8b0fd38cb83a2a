//! Reaching the server: address, TLS, what must be true of it before it is trusted.

mod tls;

use std::future::poll_fn;
use std::time::Duration;

use deadpool_postgres::{Hook, HookError, Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_postgres::config::{SslMode, TargetSessionAttrs};
use tokio_postgres::{AsyncMessage, Client, Config};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::db::postgres::walls;
use crate::error::{Error, Result};
use crate::migrate;
use tls::Trust;

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(5);

/// The number of the lock under which the schema is brought up to date.
const MIGRATION_LOCK: i64 = 0x72_75_6e_6e_65_6c;

/// What every session is told first. A transaction whose client has vanished must not hold its locks for long. A plan made
/// while a table was small takes any index that fits; kept, it would read a whole workspace for each row later on. So
/// statements are planned when they run, by the size that tables have then.
const HELLO: &str = "SET idle_in_transaction_session_timeout = '30s'; SET enable_seqscan = off;
  SET plan_cache_mode = force_custom_plan";

/// What a session is told that writes commits: a few rows among many, always found by their key.
const HELLO_WRITER: &str = "SET idle_in_transaction_session_timeout = '30s'; SET enable_seqscan = off;
  SET enable_hashjoin = off; SET enable_mergejoin = off; SET plan_cache_mode = force_custom_plan";

/// Where the database is and how to get there.
#[derive(Clone)]
pub(crate) struct Target {
    config: Config,
    tls: MakeRustlsConnect,
}

impl Target {
    /// Reads an address: `postgres://user:password@host:port/name?sslmode=...`.
    pub(crate) fn parse(url: &str) -> Result<Self> {
        let (url, trust) = Trust::take(url)?;
        // The cause may quote the address, and with it a password.
        let mut config: Config = url.parse().map_err(|_| {
            Error::Refused(
                "the address of the database is not like postgres://user:password@host:5432/name".into(),
            )
        })?;
        config
            .application_name("runnel")
            .connect_timeout(CONNECT)
            .keepalives_idle(Duration::from_secs(15))
            .tcp_user_timeout(Duration::from_secs(15))
            .target_session_attrs(TargetSessionAttrs::ReadWrite);
        if trust != Trust::Anyone {
            config.ssl_mode(SslMode::Require);
        }
        Ok(Self { config, tls: trust.connector()? })
    }

    /// Brings the schema up to date, one process at a time, unless the server forgets what it confirmed.
    pub(crate) async fn prepare(&self) -> Result<()> {
        let (mut client, connection) = self.connect().await?;
        let result = prepare(&mut client).await;
        connection.abort();
        result
    }

    /// A connection of its own, with the task that moves its bytes.
    pub(crate) async fn connect(&self) -> Result<(Client, JoinHandle<()>)> {
        let (client, connection) = self.config.connect(self.tls.clone()).await.map_err(unavailable)?;
        let task = tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection to the database ended");
            }
        });
        Ok((client, task))
    }

    /// The same, with what the server says unasked going to `inbox`.
    pub(crate) async fn listen(
        &self,
        inbox: mpsc::UnboundedSender<AsyncMessage>,
    ) -> Result<(Client, JoinHandle<()>)> {
        let (client, mut connection) = self.config.connect(self.tls.clone()).await.map_err(unavailable)?;
        let task = tokio::spawn(async move {
            while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
                if inbox.send(message).is_err() {
                    return;
                }
            }
        });
        Ok((client, task))
    }

    /// Connections that are made when they are needed.
    pub(crate) fn pool(&self, connections: usize) -> Result<Pool> {
        self.pool_with(connections, HELLO)
    }

    /// The same for those that write commits.
    pub(crate) fn writers(&self, connections: usize) -> Result<Pool> {
        self.pool_with(connections, HELLO_WRITER)
    }

    fn pool_with(&self, connections: usize, hello: &'static str) -> Result<Pool> {
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = Manager::from_config(self.config.clone(), self.tls.clone(), recycling);
        let hello = Hook::async_fn(move |client: &mut deadpool_postgres::ClientWrapper, _| {
            Box::pin(async move { client.batch_execute(hello).await.map_err(HookError::Backend) })
        });
        Pool::builder(manager)
            .max_size(connections.max(1))
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(CONNECT))
            .create_timeout(Some(CONNECT))
            .post_create(hello)
            .build()
            .map_err(|error| Error::Unavailable(Box::new(error)))
    }
}

async fn prepare(client: &mut Client) -> Result<()> {
    for (setting, danger) in [
        ("fsync", "a crash of its machine would lose what was confirmed"),
        ("synchronous_commit", "a crash would lose what was confirmed"),
    ] {
        let row = client.query_one(&format!("SHOW {setting}"), &[]).await.map_err(unavailable)?;
        if row.get::<_, &str>(0) == "off" {
            return Err(Error::Refused(format!(
                "the database server runs with {setting} = off: {danger}; switch it on and start again"
            )));
        }
    }
    // Ends with the session at the latest.
    let lock = format!("SELECT pg_advisory_lock({MIGRATION_LOCK})");
    client.batch_execute(&lock).await.map_err(unavailable)?;
    walls::raise_roles(client).await?;
    migrate::postgres(client).await?;
    walls::raise(client).await?;
    let unlock = format!("SELECT pg_advisory_unlock({MIGRATION_LOCK})");
    client.batch_execute(&unlock).await.map_err(unavailable)
}

fn unavailable(error: tokio_postgres::Error) -> Error {
    Error::Unavailable(Box::new(error))
}
