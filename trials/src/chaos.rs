//! Kills and faults under load, and what the client's own log says afterwards: `cargo xtask chaos`.

mod check;
mod client;
mod faults;
mod kills;
mod report;
mod sink;
mod stage;
mod tell;

use std::path::PathBuf;

use anyhow::{Result, bail};

/// What a trial runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Database {
    Sqlite,
    Postgres,
    /// Two processes on one PostgreSQL, of which one is killed.
    Two,
}

impl Database {
    const ALL: [Database; 3] = [Database::Sqlite, Database::Postgres, Database::Two];

    /// The one with this name.
    pub(crate) fn parse(name: &str) -> Result<Self> {
        match Self::ALL.into_iter().find(|database| database.name() == name) {
            Some(database) => Ok(database),
            None => bail!("there is no database \"{name}\"; there are sqlite, postgres and two"),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Database::Sqlite => "sqlite",
            Database::Postgres => "postgres",
            Database::Two => "two",
        }
    }
}

/// What is to happen.
pub(crate) struct Options {
    /// The program.
    pub(crate) program: PathBuf,
    /// Kills per database.
    pub(crate) kills: usize,
    /// One database instead of all.
    pub(crate) database: Option<Database>,
    /// One fault instead of kills, or `all`.
    pub(crate) fault: Option<String>,
    /// The whole of what otherwise has a shorter form, or that shorter form made as short as it can be.
    pub(crate) long: bool,
    pub(crate) short: bool,
    /// Makes a trial that can be repeated, as far as the machine can.
    pub(crate) seed: u64,
    /// JSON lines instead of a table.
    pub(crate) json: bool,
}

/// Runs the trials and prints what was found; whether every promise held.
pub(crate) async fn chaos(options: &Options) -> Result<bool> {
    println!("seed {}", options.seed);
    let mut held = true;
    if let Some(name) = options.fault.as_deref() {
        for name in faults::named(name)? {
            let verdict = faults::fault(options, name).await?;
            held &= verdict.held();
            verdict.print(options.json);
        }
        return Ok(held);
    }
    let databases = Database::ALL.into_iter();
    for database in databases.filter(|database| options.database.is_none_or(|only| only == *database)) {
        let verdict = kills::kills(options, database).await?;
        held &= verdict.held();
        verdict.print(options.json);
    }
    Ok(held)
}
