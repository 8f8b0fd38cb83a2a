//! SQLite: one writer thread with group commit, readers from a pool.

use std::path::Path;

use tokio::sync::broadcast;

use crate::db::{Row, Statement};
use crate::error::{Error, Result};
use crate::store::Wakeup;

/// The database files of a folder.
#[derive(Clone)]
pub(crate) struct Sqlite {}

impl Sqlite {
    pub(crate) async fn open(_folder: &Path, _wakeups: broadcast::Sender<Wakeup>) -> Result<Self> {
        Err(Error::unfinished())
    }

    pub(crate) async fn rows(&self, _statement: Statement) -> Result<Vec<Row>> {
        Err(Error::unfinished())
    }

    pub(crate) async fn transaction(&self, _statements: Vec<Statement>) -> Result<Vec<Vec<Row>>> {
        Err(Error::unfinished())
    }
}
