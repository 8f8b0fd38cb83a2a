//! Moves what was committed from the log into the database file, beside the writer, and keeps the log small.
//!
//! A checkpoint inside a commit makes everybody wait for it. So a thread with a connection of its own does it while the
//! writer goes on; but as long as the writer goes on the log cannot begin anew, so above a size the writer itself does
//! the small rest and starts over.

use std::fs::File;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::hooks::Wal;

use crate::db::sqlite::error::error;
use crate::db::sqlite::{BUSY, Role, connect};
use crate::error::{Error, Result};

/// Pages that the thread moves at a time.
const SOME: u32 = 2_000;
/// Pages in the log at which the writer starts the log anew, once few are left to move: 128 MiB.
const CAP: u32 = 32_000;
/// Pages in the log at which it does so whatever is left.
const HARD_CAP: u32 = 4 * CAP;

/// How long the writer waits for readers when it starts the log anew.
const PATIENCE: Duration = Duration::from_millis(10);

/// The writer's side.
pub(super) struct Checkpoints {
    /// Pages in the log after the last commit.
    pages: Arc<AtomicU32>,
    thread: Option<Thread>,
}

struct Thread {
    /// Pages of the log that are in the database file.
    moved: Arc<AtomicU32>,
    /// Whether the thread is at work.
    busy: Arc<AtomicBool>,
    wake: mpsc::SyncSender<()>,
    handle: Option<JoinHandle<()>>,
    /// Pages at which the writer tries next: readers may hold it up.
    restart_at: u32,
}

impl Checkpoints {
    /// Counts the log of the writer's connection and starts the thread.
    pub(super) fn start(writer: &mut Connection, file: Option<&Path>) -> Result<Self> {
        let pages = Arc::new(AtomicU32::new(0));
        let counted = pages.clone();
        writer
            .wal_hook(Some(move |_: &mut Wal, count: i32| {
                counted.store(u32::try_from(count).unwrap_or(0), Ordering::Relaxed);
                Ok(())
            }))
            .map_err(error)?;
        let thread = match file {
            None => None,
            Some(file) => Some(Thread::start(file)?),
        };
        Ok(Self { pages, thread })
    }

    /// Looks after the log.
    pub(super) fn after_commit(&mut self, writer: &Connection) {
        let pages = self.pages.load(Ordering::Relaxed);
        let Some(thread) = &mut self.thread else {
            return;
        };
        if thread.busy.load(Ordering::Acquire) {
            return;
        }
        // The log began anew by itself when there are fewer pages than were moved.
        let moved = thread.moved.load(Ordering::Relaxed);
        let left = if moved > pages { pages } else { pages - moved };
        let is_due = pages >= thread.restart_at && left < SOME || pages >= HARD_CAP.max(thread.restart_at);
        if is_due {
            // Nearly everything is in the database file already. A reader that holds it up is not waited for long.
            let outcome = restart(writer);
            match outcome {
                Ok(false) => {
                    self.pages.store(0, Ordering::Relaxed);
                    thread.moved.store(0, Ordering::Relaxed);
                    thread.restart_at = CAP;
                }
                Ok(true) => thread.restart_at = pages + CAP / 4,
                Err(cause) => {
                    tracing::warn!(error = %cause, "the log of the database could not be started anew")
                }
            }
        } else if left >= SOME {
            thread.busy.store(true, Ordering::Release);
            // Only when the thread has ended is there nobody to hear it.
            let _ = thread.wake.try_send(());
        }
    }
}

/// Starts the log anew; says whether a reader held it up.
fn restart(writer: &Connection) -> rusqlite::Result<bool> {
    writer.busy_timeout(PATIENCE)?;
    let outcome = writer.query_row("PRAGMA wal_checkpoint(RESTART)", [], |row| row.get(0));
    writer.busy_timeout(BUSY)?;
    outcome
}

impl Thread {
    fn start(path: &Path) -> Result<Self> {
        let connection = connect(path, Role::Checkpoint)?;
        // Open as long as the connections are: closing a file gives up the locks that the process has on it.
        let file = File::open(path).map_err(|cause| Error::Unavailable(Box::new(cause)))?;
        let busy = Arc::new(AtomicBool::new(false));
        let moved = Arc::new(AtomicU32::new(0));
        let (wake, woken) = mpsc::sync_channel(1);
        let (done, count) = (busy.clone(), moved.clone());
        let work = move || {
            while woken.recv().is_ok() {
                match connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| row.get::<_, i64>(2)) {
                    Ok(pages) => {
                        // SQLite leaves it to the last checkpoint, which is the writer's, while the log grows.
                        if let Err(cause) = file.sync_data() {
                            tracing::warn!(error = %cause, "the database file could not be synced");
                        }
                        count.store(u32::try_from(pages).unwrap_or(0), Ordering::Relaxed);
                    }
                    Err(cause) => {
                        tracing::warn!(error = %cause, "the log of the database could not be moved into its file");
                    }
                }
                done.store(false, Ordering::Release);
            }
        };
        let handle = std::thread::Builder::new()
            .name("sqlite-checkpoint".into())
            .spawn(work)
            .map_err(|cause| Error::Unavailable(Box::new(cause)))?;
        Ok(Self { moved, busy, wake, handle: Some(handle), restart_at: CAP })
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        // Closing the channel ends the thread; its connection must be gone before the lock of the folder is.
        let (closed, _) = mpsc::sync_channel(1);
        self.wake = closed;
        if let Some(handle) = self.handle.take() {
            let _ = handle.join();
        }
    }
}
