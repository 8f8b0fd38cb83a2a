//! The schema: twin folders of numbered migrations, embedded, applied in order, checked by their sums.

use refinery::error::Kind;
use refinery::{Migration, Runner};

use crate::error::{Error, Result};

/// What SQLite has applied, in order. Never edited once merged.
const SQLITE: &[(&str, &str)] = &[("V0001__core", include_str!("../migrations/sqlite/V0001__core.sql"))];

/// The same for PostgreSQL.
const POSTGRES: &[(&str, &str)] = &[("V0001__core", include_str!("../migrations/postgres/V0001__core.sql"))];

/// Brings a SQLite database up to date.
pub(crate) fn sqlite(connection: &mut rusqlite::Connection) -> Result<()> {
    runner(SQLITE)?.run(connection).map_err(refused)?;
    Ok(())
}

/// Brings a PostgreSQL database up to date. The caller holds a lock, so that two processes do not do it at once.
pub(crate) async fn postgres(client: &mut tokio_postgres::Client) -> Result<()> {
    runner(POSTGRES)?.run_async(client).await.map_err(refused)?;
    Ok(())
}

fn runner(migrations: &[(&str, &str)]) -> Result<Runner> {
    let parsed: Result<Vec<Migration>, _> =
        migrations.iter().map(|(name, sql)| Migration::unapplied(name, sql)).collect();
    // Each migration is applied whole, with the note that it was.
    Ok(Runner::new(&parsed.map_err(refused)?).set_grouped(true))
}

fn refused(error: refinery::Error) -> Error {
    match error.kind() {
        Kind::MissingVersion(applied) => Error::Refused(format!(
            "the database was written by a newer version of this program: it has migration {applied}; \
             use that version, or restore a backup from before the upgrade"
        )),
        Kind::DivergentVersion(applied, ours) => Error::Refused(format!(
            "the database has another migration {applied} than this program ({ours}); \
             use the program that created it, or restore a backup"
        )),
        Kind::Connection(_, _) => Error::Unavailable(Box::new(error)),
        _ => Error::Refused(format!("the migrations cannot be applied: {error}")),
    }
}
