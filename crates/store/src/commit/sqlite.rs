//! Commits on SQLite.

use crate::commit::Commit;
use crate::db::sqlite::Sqlite;
use crate::error::{Error, Result};

pub(super) async fn commit(_db: &Sqlite, _commit: Commit) -> Result<()> {
    Err(Error::unfinished())
}
