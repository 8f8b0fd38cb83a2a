//! Commits on SQLite.

use crate::db::sqlite::Sqlite;
use crate::error::{Error, Result};
use crate::payload::Packed;

pub(super) async fn commit(_db: &Sqlite, _packed: Packed) -> Result<()> {
    Err(Error::unfinished())
}
