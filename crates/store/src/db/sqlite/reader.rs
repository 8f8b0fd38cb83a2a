//! A few connections that only read.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::Semaphore;

use crate::db::sqlite::{Role, connect};
use crate::error::{Error, Result};

/// Connections at most.
const READERS: usize = 4;

/// Connections for reading, opened when needed.
pub(super) struct Readers {
    file: PathBuf,
    places: Semaphore,
    idle: Arc<Mutex<Vec<Connection>>>,
}

impl Readers {
    pub(super) fn new(file: PathBuf) -> Self {
        Self { file, places: Semaphore::new(READERS), idle: Arc::default() }
    }

    /// Reads on a thread for blocking work.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let _place = self.places.acquire().await.map_err(|closed| Error::Unavailable(Box::new(closed)))?;
        let idle = self.idle.clone();
        let ready = lock(&idle).pop();
        let file = self.file.clone();
        let task = tokio::task::spawn_blocking(move || {
            let connection = match ready {
                Some(connection) => connection,
                None => connect(&file, Role::Read)?,
            };
            let outcome = work(&connection);
            lock(&idle).push(connection);
            outcome
        });
        task.await.map_err(|cause| Error::Unavailable(Box::new(cause)))?
    }
}

fn lock(idle: &Mutex<Vec<Connection>>) -> std::sync::MutexGuard<'_, Vec<Connection>> {
    idle.lock().unwrap_or_else(PoisonError::into_inner)
}
