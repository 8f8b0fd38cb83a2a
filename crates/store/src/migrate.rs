//! The schema: twin folders of numbered migrations, embedded, applied in order, checked by their sums.

use jiff::Timestamp;
use refinery::error::Kind;
use refinery::{Migration, Runner};

use crate::db::{postgres, sqlite};
use crate::error::{Error, Result};
use crate::store::{Config, Database};

/// Where the library notes what it has applied.
const HISTORY: &str = "refinery_schema_history";

/// A step of the schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaStep {
    /// Its number and name, such as `V0001__core`.
    pub name: String,
    /// When it was applied to this database; not yet when absent.
    pub applied_at: Option<Timestamp>,
    /// Whether this program knows it: one it does not know comes from a newer program.
    pub is_known: bool,
}

/// The steps of the schema of a database, applied or not. Changes nothing.
pub async fn schema(config: &Config) -> Result<Vec<SchemaStep>> {
    let (ours, applied) = match &config.database {
        Database::Sqlite => {
            let folder = config.folder.clone();
            let applied = crate::blobs::blocking(move || match sqlite::connect_to_look(&folder)? {
                Some(mut connection) if sqlite::has_table(&connection, HISTORY)? => {
                    runner(SQLITE)?.get_applied_migrations(&mut connection).map_err(refused)
                }
                _ => Ok(Vec::new()),
            });
            (SQLITE, applied.await?)
        }
        Database::Postgres { url, .. } => {
            let (mut client, connection) = postgres::connect_to_look(url).await?;
            let applied = match postgres::has_table(&client, HISTORY).await? {
                true => runner(POSTGRES)?.get_applied_migrations_async(&mut client).await.map_err(refused),
                false => Ok(Vec::new()),
            };
            connection.abort();
            (POSTGRES, applied?)
        }
    };
    let mut steps: Vec<SchemaStep> = ours.iter().map(|(name, _)| step(name, None, true)).collect();
    for migration in &applied {
        let name = format!("V{:04}__{}", migration.version(), migration.name());
        let at = migration.applied_on().and_then(|at| Timestamp::from_second(at.unix_timestamp()).ok());
        let at = at.or(Some(Timestamp::UNIX_EPOCH));
        match steps.iter_mut().find(|step| step.name == name) {
            Some(step) => step.applied_at = at,
            None => steps.push(step(&name, at, false)),
        }
    }
    Ok(steps)
}

fn step(name: &str, applied_at: Option<Timestamp>, is_known: bool) -> SchemaStep {
    SchemaStep { name: name.to_owned(), applied_at, is_known }
}

/// The names of the steps, in their order.
pub(crate) fn names(is_postgres: bool) -> Vec<&'static str> {
    let migrations = if is_postgres { POSTGRES } else { SQLITE };
    migrations.iter().map(|(name, _)| *name).collect()
}

/// The names of the tables that the migrations make, each after those that it refers to.
pub(crate) fn tables(is_postgres: bool) -> Vec<&'static str> {
    let migrations = if is_postgres { POSTGRES } else { SQLITE };
    let lines = migrations.iter().flat_map(|(_, sql)| sql.lines());
    lines.filter_map(|line| line.strip_prefix("CREATE TABLE ")?.split([' ', '(']).next()).collect()
}

/// The names of the indexes that the migrations make.
pub(crate) fn indexes(is_postgres: bool) -> Vec<&'static str> {
    let migrations = if is_postgres { POSTGRES } else { SQLITE };
    let mut names: Vec<&str> = Vec::new();
    for statement in migrations.iter().flat_map(|(_, sql)| sql.split(';')) {
        let words: Vec<&'static str> = statement
            .lines()
            .filter(|line| !line.trim_start().starts_with("--"))
            .flat_map(str::split_whitespace)
            .collect();
        match words.as_slice() {
            ["CREATE", "INDEX", name, ..] | ["CREATE", "UNIQUE", "INDEX", name, ..] => names.push(name),
            ["DROP", "INDEX", "IF", "EXISTS", name, ..] | ["DROP", "INDEX", name, ..] => {
                names.retain(|other| other != name);
            }
            _ => {}
        }
    }
    names
}

/// What SQLite has applied, in order. Never edited once merged.
const SQLITE: &[(&str, &str)] = &[
    ("V0001__core", include_str!("../migrations/sqlite/V0001__core.sql")),
    ("V0002__names", include_str!("../migrations/sqlite/V0002__names.sql")),
];

/// The same for PostgreSQL.
const POSTGRES: &[(&str, &str)] = &[
    ("V0001__core", include_str!("../migrations/postgres/V0001__core.sql")),
    ("V0002__names", include_str!("../migrations/postgres/V0002__names.sql")),
];

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

/// Tells one state of the schema from another.
#[cfg(feature = "testing")]
pub(crate) fn fingerprint(hash: &mut impl std::hash::Hasher) {
    std::hash::Hash::hash(POSTGRES, hash);
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
