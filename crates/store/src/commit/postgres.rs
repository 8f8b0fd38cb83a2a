//! Commits on PostgreSQL.

use crate::commit::Commit;
use crate::db::postgres::Postgres;
use crate::error::{Error, Result};

pub(super) async fn commit(_db: &Postgres, _commit: Commit) -> Result<()> {
    Err(Error::unfinished())
}
