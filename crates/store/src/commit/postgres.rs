//! Commits on PostgreSQL.

use crate::db::postgres::Postgres;
use crate::error::{Error, Result};
use crate::payload::Packed;

pub(super) async fn commit(_db: &Postgres, _packed: Packed) -> Result<()> {
    Err(Error::unfinished())
}
