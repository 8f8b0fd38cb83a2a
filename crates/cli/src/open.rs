//! Opens what the operator configured: the database, the bucket, the key.

use std::path::Path;

use anyhow::{Context as _, bail};
use store::Store;

use crate::bucket;
use crate::config::DataConfig;
use crate::config::key::{self, Key};

/// The database, brought up to date.
pub(crate) async fn store(config: &DataConfig) -> anyhow::Result<Store> {
    let store = Store::open(store_config(config)).await.with_context(|| described(config))?;
    Ok(match &config.bucket {
        Some(bucket) => store.with_objects(bucket::open(bucket)?),
        None => store,
    })
}

/// Where the store keeps things.
pub(crate) fn store_config(config: &DataConfig) -> store::Config {
    let database = match &config.database_url {
        Some(url) => store::Database::Postgres {
            url: url.expose().to_owned(),
            connections: config.connections,
        },
        None => store::Database::Sqlite,
    };
    store::Config { database, folder: config.folder.clone() }
}

/// The database in words, without its password.
pub(crate) fn described(config: &DataConfig) -> String {
    match &config.database_url {
        None => format!("SQLite in {}", shown(&config.folder)),
        Some(url) => format!("PostgreSQL at {}", without_secrets(url.expose())),
    }
}

/// A path as people find it again.
pub(crate) fn shown(path: &Path) -> String {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string()
}

/// Host and database of an address, and nothing that could be a secret.
fn without_secrets(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let rest = rest.split('?').next().unwrap_or(rest);
    rest.rsplit_once('@').map_or(rest, |(_, place)| place).to_owned()
}

/// The key, made when it is missing and nothing was encrypted yet.
pub(crate) fn key(config: &DataConfig, is_new: bool) -> anyhow::Result<Key> {
    if config.key_file.exists() {
        return key::read(&config.key_file);
    }
    if !is_new {
        bail!(
            "the key file {} is missing, and the database holds secrets encrypted with it; put it back from your backup",
            shown(&config.key_file)
        );
    }
    key::create(&config.key_file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_its_secrets() {
        assert_eq!(without_secrets("postgres://me:p@ss@db.internal:5432/runnel?password=x"), "db.internal:5432/runnel");
        assert_eq!(without_secrets("postgresql://db/runnel"), "db/runnel");
    }
}
