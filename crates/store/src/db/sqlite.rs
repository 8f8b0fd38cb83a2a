//! SQLite: one writer thread with group commit, readers from a pool, one process per folder.

mod checkpoint;
mod clock;
mod error;
mod reader;
mod tx;
mod writer;

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use jiff::Timestamp;
use model::ids::WorkspaceId;
use rusqlite::{Connection, OpenFlags, OptionalExtension};
use tokio::sync::broadcast;

use crate::db::{Row, Statement};
use crate::error::{Error, Result};
use crate::migrate;
use crate::store::Wakeup;
use crate::testing::{Faults, Testing};
use checkpoint::Checkpoints;
use clock::Clock;
pub(crate) use error::error;
use reader::Readers;
pub(crate) use tx::Tx;
use writer::{Asked, Queue, Request, Writer};

/// The database's name in its folder.
const FILE: &str = "runnel.db";

/// The file whose lock says that a process uses the folder.
const LOCK: &str = "runnel.lock";

/// How long a connection waits for somebody else's lock: a backup, or a person with another tool.
const BUSY: Duration = Duration::from_secs(5);

/// The database files of a folder.
#[derive(Clone)]
pub(crate) struct Sqlite {
    access: Arc<Access>,
    clock: Arc<Clock>,
    turn: Turn,
}

/// The workspace that was served last when leases were given out.
pub(crate) type Turn = Arc<Mutex<Option<WorkspaceId>>>;

/// How requests get to the connections.
enum Access {
    /// The writer has a thread, readers have theirs.
    Threads { queue: Arc<Queue>, readers: Readers, thread: Mutex<Option<JoinHandle<()>>> },
    /// Nobody writes here; another process may.
    Reading(Readers),
    /// Everything happens in the caller's task.
    Inline(Mutex<Option<Writer>>, Faults, Mutex<Option<File>>),
}

impl Sqlite {
    pub(crate) async fn open(folder: &Path, wakeups: broadcast::Sender<Wakeup>) -> Result<Self> {
        let folder = folder.to_owned();
        let opening =
            tokio::task::spawn_blocking(move || Self::open_now(&folder, wakeups, Testing::default()));
        opening.await.map_err(|cause| Error::Unavailable(Box::new(cause)))?
    }

    /// Opens in this thread.
    pub(crate) fn open_now(
        folder: &Path,
        wakeups: broadcast::Sender<Wakeup>,
        testing: Testing,
    ) -> Result<Self> {
        std::fs::create_dir_all(folder).map_err(|cause| unusable(folder, &cause))?;
        let lock = lock(folder)?;
        let file = folder.join(FILE);
        let mut connection = connect(&file, Role::Write)?;
        migrate::sqlite(&mut connection)?;
        let clock = Arc::new(Clock::new(testing.clock));
        let last: Option<[u8; 16]> = connection
            .query_row("SELECT max(id) FROM execution_signals", [], |row| row.get(0))
            .optional()
            .map_err(error)?
            .flatten();
        if let Some(last) = last {
            clock.start_after(last);
        }
        let alone = testing.inline;
        let checkpoints = Checkpoints::start(&mut connection, (!alone).then_some(&file))?;
        let writer = Writer::new(connection, clock.clone(), testing.faults.clone(), wakeups, checkpoints);
        if alone {
            let inline = Access::Inline(Mutex::new(Some(writer)), testing.faults, Mutex::new(Some(lock)));
            return Ok(Self::new(inline, clock));
        }
        let queue = Arc::new(Queue::default());
        let served = queue.clone();
        let thread = std::thread::Builder::new().name("sqlite-writer".into()).spawn(move || {
            // Held until the last connection that writes is closed.
            let _lock = lock;
            writer.serve(&served);
        });
        let thread = thread.map_err(|cause| Error::Unavailable(Box::new(cause)))?;
        let readers = Readers::new(file);
        Ok(Self::new(Access::Threads { queue, readers, thread: Mutex::new(Some(thread)) }, clock))
    }

    fn new(access: Access, clock: Arc<Clock>) -> Self {
        Self { access: Arc::new(access), clock, turn: Turn::default() }
    }

    /// What time it is.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Whose turn it was.
    pub(crate) fn turn(&self) -> Turn {
        self.turn.clone()
    }

    /// Opens for reading what another process may be writing.
    pub(crate) fn open_to_look(folder: &Path) -> Result<Self> {
        let file = folder.join(FILE);
        if !file.exists() {
            return Err(Error::Refused(format!(
                "there is no database in {}; name the data folder of the instance",
                folder.display()
            )));
        }
        let clock = Arc::new(Clock::new(Testing::default().clock));
        Ok(Self::new(Access::Reading(Readers::new(file)), clock))
    }

    /// Does work in a transaction and returns once it is durable. The work may run several times before it counts, in a
    /// transaction with that of others; when it fails it has changed nothing.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        work: impl FnMut(&mut Tx<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (request, mut reply) = Asked::new(work);
        match &*self.access {
            Access::Threads { queue, .. } => {
                queue.push(Box::new(request));
                reply.await.map_err(|closed| Error::Unavailable(Box::new(closed)))?
            }
            Access::Reading(_) => Err(Error::Refused("the database was opened for reading only".into())),
            Access::Inline(writer, faults, folder) => {
                let mut place = guard(writer);
                let Some(writer) = place.as_mut() else {
                    return Err(crate::testing::crash());
                };
                writer.run(&mut vec![Box::new(request) as Box<dyn Request>]);
                if faults.has_crashed() {
                    *place = None;
                    *guard(folder) = None;
                }
                reply.try_recv().map_err(|closed| Error::Unavailable(Box::new(closed)))?
            }
        }
    }

    /// Reads; what is committed before the call is seen.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        match &*self.access {
            Access::Threads { readers, .. } | Access::Reading(readers) => readers.read(work).await,
            Access::Inline(writer, ..) => match guard(writer).as_ref() {
                Some(writer) => work(writer.connection()),
                None => Err(crate::testing::crash()),
            },
        }
    }

    /// Reads rows by a statement written for both databases.
    pub(crate) async fn rows(&self, statement: Statement) -> Result<Vec<Row>> {
        self.read(move |connection| tx::rows(connection, &statement)).await
    }

    /// Runs statements written for both databases in one transaction.
    pub(crate) async fn transaction(&self, statements: Vec<Statement>) -> Result<Vec<Vec<Row>>> {
        self.write(move |tx| statements.iter().map(|statement| tx.run(statement)).collect()).await
    }
}

impl Drop for Access {
    fn drop(&mut self) {
        if let Access::Threads { queue, thread, .. } = self {
            queue.close();
            // The folder is free once this returns.
            if let Some(thread) = guard(thread).take()
                && thread.thread().id() != std::thread::current().id()
            {
                let _ = thread.join();
            }
        }
    }
}

fn guard<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes the folder for this process.
fn lock(folder: &Path) -> Result<File> {
    let path: PathBuf = folder.join(LOCK);
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
    let file = file.map_err(|cause| unusable(folder, &cause))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::Refused(format!(
            "the data folder {} is in use by another process; stop it or use another folder",
            folder.display()
        ))),
        Err(TryLockError::Error(cause)) => Err(unusable(folder, &cause)),
    }
}

fn unusable(folder: &Path, cause: &std::io::Error) -> Error {
    if cause.kind() == std::io::ErrorKind::StorageFull {
        return Error::Full;
    }
    Error::Refused(format!(
        "the data folder {} cannot be used: {cause}; create it, or let this user write to it",
        folder.display()
    ))
}

/// A connection that only reads, if there is a database.
pub(crate) fn connect_to_look(folder: &Path) -> Result<Option<Connection>> {
    let file = folder.join(FILE);
    if file.exists() { connect(&file, Role::Read).map(Some) } else { Ok(None) }
}

/// Whether there is a table with this name.
pub(crate) fn has_table(connection: &Connection, name: &str) -> Result<bool> {
    let sql = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = $1";
    connection.query_row(sql, [name], |row| Ok(row.get::<_, i64>(0)? > 0)).map_err(error)
}

/// What a connection is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Write,
    Read,
    Checkpoint,
}

/// Opens a connection.
fn connect(file: &Path, role: Role) -> Result<Connection> {
    let mut flags = OpenFlags::SQLITE_OPEN_NO_MUTEX;
    flags |= match role {
        Role::Write => OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
        Role::Checkpoint => OpenFlags::SQLITE_OPEN_READ_WRITE,
        Role::Read => OpenFlags::SQLITE_OPEN_READ_ONLY,
    };
    let connection = Connection::open_with_flags(file, flags).map_err(error)?;
    connection.set_prepared_statement_cache_capacity(256);
    connection.busy_timeout(BUSY).map_err(error)?;
    let pragmas = match role {
        // The size of a page counts only for a new file. Larger ones make the file a little smaller and the log of a
        // single commit much larger.
        Role::Write => {
            "PRAGMA page_size = 4096;
             PRAGMA journal_mode = WAL;
             PRAGMA synchronous = FULL;
             PRAGMA wal_autocheckpoint = 0;
             PRAGMA journal_size_limit = 134217728;
             PRAGMA foreign_keys = ON;
             PRAGMA cache_size = -65536;
             PRAGMA temp_store = MEMORY;"
        }
        Role::Checkpoint => "PRAGMA synchronous = FULL;",
        Role::Read => "PRAGMA cache_size = -8192; PRAGMA temp_store = MEMORY;",
    };
    connection.execute_batch(pragmas).map_err(error)?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::params;

    const SET: &str = "INSERT INTO app_settings (key, value, updated_at) VALUES ($1, $2, 0)";

    fn wakeups() -> broadcast::Sender<Wakeup> {
        broadcast::channel(16).0
    }

    async fn keys(db: &Sqlite) -> Vec<String> {
        let select = Statement::new("SELECT key FROM app_settings ORDER BY key", []);
        let rows = db.rows(select).await.expect("settings can be read");
        rows.iter().map(|row| row.get(0).expect("a key is text")).collect()
    }

    #[tokio::test]
    async fn what_was_answered_is_there_after_opening_again_and_one_process_has_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let db = Sqlite::open(folder.path(), wakeups()).await.unwrap();
        db.transaction(vec![Statement::new(SET, params!["a", "1"])]).await.unwrap();
        let refused = Sqlite::open(folder.path(), wakeups()).await.err().expect("the folder is taken");
        assert!(matches!(&refused, Error::Refused(text) if text.contains("in use")), "{refused}");
        drop(db);
        let db = Sqlite::open(folder.path(), wakeups()).await.unwrap();
        assert_eq!(keys(&db).await, ["a"]);
    }

    #[tokio::test]
    async fn a_request_that_fails_half_way_undoes_only_itself() {
        let folder = tempfile::tempdir().unwrap();
        let db = Sqlite::open(folder.path(), wakeups()).await.unwrap();
        let set = |key: String| Statement::new(SET, params![key, "1"]);
        let mut asked = Vec::new();
        for number in 0..100 {
            let db = db.clone();
            // Every fifth fails at its second statement.
            let second = if number % 5 == 0 { format!("{number} a") } else { format!("{number} b") };
            let statements = vec![set(format!("{number} a")), set(second)];
            asked.push(tokio::spawn(async move { db.transaction(statements).await }));
        }
        for (number, asked) in asked.into_iter().enumerate() {
            assert_eq!(asked.await.unwrap().is_ok(), number % 5 != 0);
        }
        assert_eq!(keys(&db).await.len(), 160);
    }

    #[tokio::test]
    async fn a_database_of_a_newer_program_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        drop(Sqlite::open(folder.path(), wakeups()).await.unwrap());
        let connection = Connection::open(folder.path().join(FILE)).unwrap();
        let later = "INSERT INTO refinery_schema_history VALUES (9999, 'later', '2030-01-01T00:00:00Z', '1')";
        connection.execute(later, []).unwrap();
        drop(connection);
        let refused = Sqlite::open(folder.path(), wakeups()).await.err().expect("it is newer");
        assert!(matches!(&refused, Error::Refused(text) if text.contains("newer version")), "{refused}");
    }
}
