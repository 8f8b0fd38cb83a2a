//! The handle.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use model::ids::ExecutionId;
use tokio::sync::broadcast;

use crate::blobs::Blobs;
use crate::db::Db;
use crate::error::Result;
use crate::logs::Logs;

/// Where to keep everything.
#[derive(Clone, Debug)]
pub struct Config {
    /// The database.
    pub database: Database,
    /// The folder of blobs and, with SQLite, of the database files.
    pub folder: PathBuf,
}

/// Which database. Its address may hold a password and is never printed.
#[derive(Clone)]
pub enum Database {
    /// Files in the folder; one process at a time.
    Sqlite,
    /// A server, for several processes.
    Postgres {
        /// `postgres://user:password@host:port/name`.
        url: String,
        /// Connections at most.
        connections: usize,
    },
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Database::Sqlite => f.write_str("Sqlite"),
            Database::Postgres { connections, .. } => {
                f.debug_struct("Postgres").field("connections", connections).finish_non_exhaustive()
            }
        }
    }
}

/// Everything that survives. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    pub(crate) db: Db,
    pub(crate) blobs: Blobs,
    pub(crate) logs: Logs,
    pub(crate) wakeups: broadcast::Sender<Wakeup>,
}

/// A hint that there may be something to do. Hints may be lost or come twice: whoever waits also looks once in a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wakeup {
    /// Executions without an owner were queued.
    Queue,
    /// Somebody wants something of this execution.
    Signals(ExecutionId),
    /// The journal of this execution grew.
    Progress {
        /// The execution.
        execution: ExecutionId,
        /// The number of its last record.
        seq: u64,
        /// Whether it has ended.
        ended: bool,
    },
    /// A timer was set that is due before all others.
    Timers,
    /// A workflow was published or switched off, or its routes changed.
    Triggers,
}

impl Store {
    /// Opens the database, applies what is missing of its schema and takes the lock of the folder.
    pub async fn open(config: Config) -> Result<Self> {
        let (wakeups, _) = broadcast::channel(4096);
        let db = Db::open(&config, wakeups.clone()).await?;
        let blobs = Blobs::files(&config.folder.join("blobs"));
        let logs = Logs::open(&db, &config.folder);
        Ok(Self { db, blobs, logs, wakeups })
    }

    /// Opens a SQLite database with faults, virtual time or without threads.
    #[cfg(feature = "testing")]
    pub fn open_testing(folder: &std::path::Path, testing: crate::testing::Testing) -> Result<Self> {
        let (wakeups, _) = broadcast::channel(4096);
        let db = crate::db::sqlite::Sqlite::open_now(folder, wakeups.clone(), testing)?;
        let db = Db::Sqlite(db);
        let (blobs, logs) = (Blobs::files(&folder.join("blobs")), Logs::open(&db, folder));
        Ok(Self { db, blobs, logs, wakeups })
    }

    /// Hints from this process and, with PostgreSQL, from the others.
    pub fn wakeups(&self) -> broadcast::Receiver<Wakeup> {
        self.wakeups.subscribe()
    }

    /// Tells whoever waits, in this process and the others.
    pub(crate) fn hint(&self, wakeup: Wakeup) {
        match &self.db {
            Db::Sqlite(_) => {
                // Nobody waits: nobody misses it.
                let _ = self.wakeups.send(wakeup);
            }
            Db::Postgres(db) => db.hint(wakeup),
        }
    }

    /// Whether several processes may work on this database at the same time.
    pub fn is_shared(&self) -> bool {
        matches!(self.db, Db::Postgres(_))
    }
}

/// How long a lease lasts without a heartbeat.
pub const LEASE: Duration = Duration::from_secs(10);

/// How often a process says that it still lives.
pub const HEARTBEAT: Duration = Duration::from_secs(3);
