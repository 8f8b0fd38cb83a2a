//! Moves what was committed from the log into the database file, beside the writer, and keeps the log small.
//!
//! A checkpoint inside a commit makes everybody wait for it. So a thread with a connection of its own does it while the
//! writer goes on; but as long as the writer goes on the log cannot begin anew, so above a size the writer itself does
//! the small rest and starts over.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use rusqlite::Connection;
use rusqlite::hooks::Wal;

use crate::db::sqlite::error::error;
use crate::db::sqlite::{Role, connect};
use crate::error::Result;

/// Pages in the log at which the thread begins.
const BEGIN: u32 = 1_000;
/// Pages in the log at which the writer starts the log anew.
const CAP: u32 = 16_000;

/// The writer's side.
pub(super) struct Checkpoints {
    /// Pages in the log after the last commit.
    pages: Arc<AtomicU32>,
    thread: Option<Thread>,
}

struct Thread {
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
            Some(file) => Some(Thread::start(connect(file, Role::Checkpoint)?)?),
        };
        Ok(Self { pages, thread })
    }

    /// Looks after the log.
    pub(super) fn after_commit(&mut self, writer: &Connection) {
        let pages = self.pages.load(Ordering::Relaxed);
        let Some(thread) = &mut self.thread else {
            return;
        };
        if pages >= thread.restart_at && !thread.busy.load(Ordering::Acquire) {
            // Nearly everything is in the database file already. A reader that holds it up is not waited for long.
            let outcome = writer.query_row("PRAGMA wal_checkpoint(RESTART)", [], |row| row.get::<_, bool>(0));
            match outcome {
                Ok(false) => {
                    self.pages.store(0, Ordering::Relaxed);
                    thread.restart_at = CAP;
                }
                Ok(true) => thread.restart_at = pages + CAP / 4,
                Err(cause) => {
                    tracing::warn!(error = %cause, "the log of the database could not be started anew")
                }
            }
        } else if pages >= BEGIN && !thread.busy.swap(true, Ordering::AcqRel) {
            // Full or gone: it will look again, or there is nobody to look.
            let _ = thread.wake.try_send(());
        }
    }
}

impl Thread {
    fn start(connection: Connection) -> Result<Self> {
        let busy = Arc::new(AtomicBool::new(false));
        let (wake, woken) = mpsc::sync_channel(1);
        let done = busy.clone();
        let work = move || {
            while woken.recv().is_ok() {
                let outcome = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
                if let Err(cause) = outcome {
                    tracing::warn!(error = %cause, "the log of the database could not be moved into its file");
                }
                done.store(false, Ordering::Release);
            }
        };
        let handle = std::thread::Builder::new()
            .name("sqlite-checkpoint".into())
            .spawn(work)
            .map_err(|cause| crate::error::Error::Unavailable(Box::new(cause)))?;
        Ok(Self { busy, wake, handle: Some(handle), restart_at: CAP })
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
