//! Opens what the operator configured: the database, the bucket, the key.

use std::path::Path;

use anyhow::{Context as _, bail};
use app::RootKey;
use store::Store;

use crate::bucket;
use crate::config::{DataConfig, key};

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
        Some(url) => {
            store::Database::Postgres { url: url.expose().to_owned(), connections: config.connections }
        }
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

/// The setting that says which key this database belongs to.
const FINGERPRINT: &str = "key.fingerprint";

/// The key of the instance: made for a new database, else the very one that the database was used with. Another one could
/// neither read its secrets nor know its API keys, so it is refused before anything is lost.
pub(crate) async fn key(config: &DataConfig, store: &Store) -> anyhow::Result<RootKey> {
    let file = &config.key_file;
    let known = known_fingerprint(store).await?;
    let key = match (file.exists(), &known) {
        (true, _) => key::read(file)?,
        (false, None) => key::create(file)?,
        (false, Some(_)) => bail!(
            "the key file {} is missing, and this database was used with a key; put the file back from where you keep its copy",
            shown(file)
        ),
    };
    let found = key.fingerprint();
    match known {
        Some(known) if known != found => bail!(
            "the key file {} is not the one of this database ({found} instead of {known}); put the right one in its place",
            shown(file)
        ),
        Some(_) => {}
        None => store.set_setting(FINGERPRINT, &format!("\"{found}\"")).await?,
    }
    Ok(key)
}

/// What tells the key that this database was used with from others.
pub(crate) async fn known_fingerprint(store: &Store) -> anyhow::Result<Option<String>> {
    let value = store.setting(FINGERPRINT).await?;
    Ok(value.map(|value| value.trim_matches('"').to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_its_secrets() {
        assert_eq!(
            without_secrets("postgres://me:p@ss@db.internal:5432/runnel?password=x"),
            "db.internal:5432/runnel"
        );
        assert_eq!(without_secrets("postgresql://db/runnel"), "db/runnel");
    }
}
