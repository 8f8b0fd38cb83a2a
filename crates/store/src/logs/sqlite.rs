//! Logs in files, one per month: `logs-YYYY-MM.db`.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use model::ids::{ExecutionId, WorkspaceId};
use rusqlite::{Connection, OpenFlags, Row, params};
use tokio::sync::oneshot;

use super::{BATCH, Dropped, Filter, Level, Line, LineId, Month, QUEUE, Stamped, months};
use crate::blobs::{blocking, failed};
use crate::error::{Error, Result};
use crate::page::{LAST, Page, PageOf};

const SCHEMA: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = NORMAL;
    PRAGMA journal_size_limit = 16777216;
    CREATE TABLE IF NOT EXISTS execution_logs (
      workspace_id BLOB NOT NULL,
      execution_id BLOB NOT NULL,
      id BLOB NOT NULL,
      at INTEGER NOT NULL,
      level INTEGER NOT NULL,
      node_key TEXT,
      run_index INTEGER,
      message TEXT NOT NULL,
      details TEXT,
      PRIMARY KEY (workspace_id, execution_id, id)
    ) STRICT, WITHOUT ROWID;";

/// The files of a folder.
#[derive(Clone)]
pub(crate) struct Files(Arc<Inner>);

struct Inner {
    folder: PathBuf,
    dropped: Arc<Dropped>,
    /// Started with the first line.
    writer: Mutex<Option<SyncSender<Asked>>>,
}

enum Asked {
    Write(Box<Stamped>),
    Flush(oneshot::Sender<()>),
}

impl Files {
    pub(super) fn new(folder: &Path) -> Self {
        Self(Arc::new(Inner { folder: folder.to_owned(), dropped: Arc::default(), writer: Mutex::new(None) }))
    }

    pub(super) fn write(&self, stamped: Stamped) {
        let Some(writer) = self.writer() else { return self.0.dropped.add(1) };
        if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) =
            writer.try_send(Asked::Write(Box::new(stamped)))
        {
            self.0.dropped.add(1);
        }
    }

    pub(super) fn dropped(&self) -> u64 {
        self.0.dropped.get()
    }

    pub(super) async fn flush(&self) {
        let Some(writer) = self.0.writer.lock().unwrap_or_else(PoisonError::into_inner).clone() else {
            return;
        };
        let (done, flushed) = oneshot::channel();
        // Waits for a place in the queue.
        let asking = tokio::task::spawn_blocking(move || writer.send(Asked::Flush(done)));
        if matches!(asking.await, Ok(Ok(()))) {
            let _ = flushed.await;
        }
    }

    /// The way to the writer, which is started if it does not run.
    fn writer(&self) -> Option<SyncSender<Asked>> {
        let mut writer = self.0.writer.lock().unwrap_or_else(PoisonError::into_inner);
        if writer.is_none() {
            let (sender, asked) = sync_channel(QUEUE);
            let (folder, dropped) = (self.0.folder.clone(), Arc::clone(&self.0.dropped));
            let thread = std::thread::Builder::new().name("sqlite-logs".into());
            match thread.spawn(move || serve(&folder, &asked, &dropped)) {
                Ok(_) => *writer = Some(sender),
                Err(error) => tracing::warn!(%error, "logs cannot be written"),
            }
        }
        writer.clone()
    }

    pub(super) async fn read(
        &self,
        workspace: WorkspaceId,
        execution: ExecutionId,
        filter: &Filter,
        page: Page<LineId>,
    ) -> Result<PageOf<Line>> {
        let folder = self.0.folder.clone();
        let filter = filter.clone();
        blocking(move || {
            let after = page.after.map_or(*execution.as_bytes(), |id| *id.as_bytes());
            let mut items = Vec::new();
            for (_, path) in existing(&folder, Month::of_id(execution.as_bytes()))? {
                let want = page.rows() - items.len();
                let from = if page.after.is_some() { after } else { [0; 16] };
                items.extend(select(&path, (workspace, execution), &filter, (from, LAST), (want, "ASC"))?);
                if items.len() > page.limit {
                    break;
                }
            }
            let more = items.len() > page.limit;
            items.truncate(page.limit);
            Ok(PageOf { items, more })
        })
        .await
    }

    pub(super) async fn tail(
        &self,
        workspace: WorkspaceId,
        execution: ExecutionId,
        filter: &Filter,
        limit: usize,
    ) -> Result<Vec<Line>> {
        let folder = self.0.folder.clone();
        let filter = filter.clone();
        blocking(move || {
            let mut items = Vec::new();
            for (_, path) in existing(&folder, Month::of_id(execution.as_bytes()))?.into_iter().rev() {
                let want = limit - items.len();
                items.extend(select(
                    &path,
                    (workspace, execution),
                    &filter,
                    ([0; 16], LAST),
                    (want, "DESC"),
                )?);
                if items.len() >= limit {
                    break;
                }
            }
            items.reverse();
            Ok(items)
        })
        .await
    }

    pub(super) async fn drop_before(&self, before: Month) -> Result<u64> {
        let folder = self.0.folder.clone();
        blocking(move || {
            let mut count = 0;
            for (month, path) in existing(&folder, Month { year: 0, month: 1 })? {
                if month < before {
                    for suffix in ["-wal", "-shm", ""] {
                        let mut name = path.clone().into_os_string();
                        name.push(suffix);
                        match std::fs::remove_file(&name) {
                            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                                return Err(failed(error));
                            }
                            _ => {}
                        }
                    }
                    count += 1;
                }
            }
            Ok(count)
        })
        .await
    }
}

/// The files of this month and later ones that exist, oldest first.
fn existing(folder: &Path, from: Month) -> Result<Vec<(Month, PathBuf)>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if let Some(month) = entry.file_name().to_str().and_then(month)
            && month >= from
        {
            found.push((month, entry.path()));
        }
    }
    found.sort();
    Ok(found)
}

/// The month of a file's name.
fn month(name: &str) -> Option<Month> {
    let (year, month) = name.strip_prefix("logs-")?.strip_suffix(".db")?.split_once('-')?;
    Some(Month { year: year.parse().ok()?, month: month.parse().ok()? })
}

fn path(folder: &Path, month: Month) -> PathBuf {
    folder.join(format!("logs-{:04}-{:02}.db", month.year, month.month))
}

fn select(
    path: &Path,
    (workspace, execution): (WorkspaceId, ExecutionId),
    filter: &Filter,
    (after, before): ([u8; 16], [u8; 16]),
    (limit, order): (usize, &str),
) -> Result<Vec<Line>> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = match Connection::open_with_flags(path, flags) {
        Ok(connection) => connection,
        // Dropped a moment ago.
        Err(_) if !path.exists() => return Ok(Vec::new()),
        Err(error) => return Err(unavailable(error)),
    };
    connection.busy_timeout(std::time::Duration::from_secs(5)).map_err(unavailable)?;
    let sql = format!(
        "SELECT id, at, level, node_key, run_index, message, details FROM execution_logs
          WHERE workspace_id = ?1 AND execution_id = ?2 AND id > ?3 AND id <= ?4 AND level >= ?5
            AND (?6 IS NULL OR node_key = ?6)
          ORDER BY id {order} LIMIT ?7"
    );
    let level = filter.level.unwrap_or(Level::Debug).number();
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut statement = connection.prepare(&sql).map_err(unavailable)?;
    let rows = statement
        .query_map(
            params![workspace.as_bytes(), execution.as_bytes(), after, before, level, filter.node, limit],
            |row| Ok(read(row)),
        )
        .map_err(unavailable)?;
    rows.map(|row| row.map_err(unavailable)?.map_err(|error| Error::Damaged(error.to_string()))).collect()
}

fn read(row: &Row<'_>) -> rusqlite::Result<Line> {
    let at: i64 = row.get(1)?;
    let level: i64 = row.get(2)?;
    Ok(Line {
        id: LineId(row.get(0)?),
        at: jiff::Timestamp::from_microsecond(at).unwrap_or_default(),
        level: Level::of_number(level).unwrap_or(Level::Info),
        node: row.get(3)?,
        run_index: row.get(4)?,
        message: row.get(5)?,
        details: row.get(6)?,
    })
}

/// Writes until nobody can ask any more.
fn serve(folder: &Path, asked: &Receiver<Asked>, dropped: &Dropped) {
    let mut open: Option<(Month, Connection)> = None;
    let mut told = false;
    while let Ok(first) = asked.recv() {
        let mut batch = Vec::new();
        let mut flushed = Vec::new();
        for asked in std::iter::once(first).chain(asked.try_iter()).take(BATCH) {
            match asked {
                Asked::Write(stamped) => batch.push(*stamped),
                Asked::Flush(done) => flushed.push(done),
            }
        }
        for month in months(&batch) {
            let lines: Vec<&Stamped> =
                batch.iter().filter(|stamped| Month::of_id(&stamped.id.0) == month).collect();
            if let Err(error) = write(folder, &mut open, month, &lines) {
                open = None;
                dropped.add(lines.len());
                if !told {
                    tracing::warn!(error = &error as &dyn std::error::Error, "logs cannot be written");
                }
                told = true;
            } else {
                told = false;
            }
        }
        for done in flushed {
            let _ = done.send(());
        }
    }
}

fn write(
    folder: &Path,
    open: &mut Option<(Month, Connection)>,
    month: Month,
    lines: &[&Stamped],
) -> rusqlite::Result<()> {
    let path = path(folder, month);
    // A month that was dropped while it was open begins again.
    if !matches!(open, Some((opened, _)) if *opened == month) || !path.exists() {
        let connection = Connection::open(&path)?;
        connection.busy_timeout(std::time::Duration::from_secs(5))?;
        connection.execute_batch(SCHEMA)?;
        *open = Some((month, connection));
    }
    let Some((_, connection)) = open else { return Ok(()) };
    let transaction = connection.transaction()?;
    {
        let mut insert = transaction.prepare_cached(
            "INSERT INTO execution_logs
               (workspace_id, execution_id, id, at, level, node_key, run_index, message, details)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?;
        for Stamped { id, line } in lines {
            insert.execute(params![
                line.workspace.as_bytes(),
                line.execution.as_bytes(),
                id.0,
                line.at.as_microsecond(),
                line.level.number(),
                line.node,
                line.run_index,
                line.message,
                line.details
            ])?;
        }
    }
    transaction.commit()
}

fn unavailable(error: rusqlite::Error) -> Error {
    Error::Unavailable(error.into())
}
