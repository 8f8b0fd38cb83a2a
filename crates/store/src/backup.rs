//! Backups: a folder with a consistent copy of the database, the blobs it refers to, the logs, and a manifest with the
//! hash of every file. Written while the instance runs; restored into an empty place only.
//!
//! Secrets stay encrypted: the key file is not part of a backup and must be kept elsewhere.

mod copy;
mod postgres;
mod sqlite;

use std::path::{Component, Path, PathBuf};

use futures_util::stream;
use jiff::Timestamp;
use model::ids::WorkspaceId;
use serde::{Deserialize, Serialize};

use crate::blobs::{blocking, failed, hex};
use crate::error::{Error, Result};
use crate::migrate;
use crate::store::{Config, Database, Store};

/// What is in a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of this format.
    pub format: u32,
    /// When it was begun.
    pub created_at: String,
    /// `sqlite` or `postgres`: a backup of one is not restored into the other.
    pub database: String,
    /// The steps of the schema.
    pub schema: Vec<String>,
    /// The months for which there are logs, by their first day; with PostgreSQL only.
    pub log_months: Vec<String>,
    /// Every file but this one.
    pub files: Vec<File>,
    /// Blobs that the database refers to and that were not there.
    pub missing: Vec<String>,
}

/// A file of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// Where it is below the folder.
    pub path: String,
    /// Its size.
    pub size: u64,
    /// The hash of its content.
    pub sha256: String,
}

/// The tenant and the hash of a blob.
type Address = (WorkspaceId, [u8; 32]);

const FORMAT: u32 = 1;

/// The manifest's name. It is written last: a folder without one is no backup.
const MANIFEST: &str = "manifest.json";

/// Writes a backup into a folder that does not exist or is empty.
pub async fn backup(store: &Store, config: &Config, target: &Path) -> Result<Manifest> {
    require_empty(target, "write the backup into a new folder")?;
    std::fs::create_dir_all(target).map_err(failed)?;
    let is_postgres = matches!(config.database, Database::Postgres { .. });
    let mut manifest = Manifest {
        format: FORMAT,
        created_at: Timestamp::now().to_string(),
        database: if is_postgres { "postgres" } else { "sqlite" }.into(),
        schema: migrate::names(is_postgres).into_iter().map(str::to_owned).collect(),
        log_months: Vec::new(),
        files: Vec::new(),
        missing: Vec::new(),
    };
    // The database first: blobs are there before rows refer to them.
    let blobs = match &config.database {
        Database::Sqlite => {
            let (folder, target) = (config.folder.clone(), target.to_owned());
            let (files, blobs) = blocking(move || sqlite::copy(&folder, &target)).await?;
            manifest.files = files;
            blobs
        }
        Database::Postgres { url, .. } => postgres::dump(url, target, &mut manifest).await?,
    };
    for (workspace, sha256) in blobs {
        copy_blob(store, target, workspace, sha256, &mut manifest).await?;
    }
    manifest.files.sort_by(|one, other| one.path.cmp(&other.path));
    let text = serde_json::to_string_pretty(&manifest).map_err(|error| Error::Damaged(error.to_string()))?;
    let target = target.to_owned();
    blocking(move || {
        copy::sync_folders(&target)?;
        let temporary = target.join("manifest.tmp");
        copy::write(&temporary, text.as_bytes())?;
        std::fs::rename(&temporary, target.join(MANIFEST)).map_err(failed)?;
        copy::sync_folders(&target)
    })
    .await?;
    Ok(manifest)
}

async fn copy_blob(
    store: &Store,
    target: &Path,
    workspace: WorkspaceId,
    sha256: [u8; 32],
    manifest: &mut Manifest,
) -> Result<()> {
    let name = hex(&sha256);
    let path = format!("blobs/{workspace}/{}/{}", &name[..2], &name[2..]);
    let reader = match store.blob(workspace, sha256).await {
        Ok(reader) => reader,
        Err(Error::Damaged(_)) => {
            manifest.missing.push(path);
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    let pieces = stream::try_unfold(reader, |mut reader| async move {
        Ok(reader.piece().await?.map(|piece| (piece, reader)))
    });
    manifest.files.push(copy::write_pieces(target, &path, Box::pin(pieces)).await?);
    Ok(())
}

/// Reads the manifest of a backup.
pub fn manifest(folder: &Path) -> Result<Manifest> {
    let text = std::fs::read_to_string(folder.join(MANIFEST))
        .map_err(|_| Error::Refused(format!("{} is no backup: it has no {MANIFEST}", folder.display())))?;
    let manifest: Manifest = serde_json::from_str(&text)
        .map_err(|error| Error::Damaged(format!("the {MANIFEST} of the backup cannot be read: {error}")))?;
    if manifest.format != FORMAT {
        return Err(Error::Refused(format!(
            "the backup has format {}, this program reads {FORMAT}; use the version that wrote it",
            manifest.format
        )));
    }
    for file in &manifest.files {
        // Nothing in a backup may lead out of it.
        let stays = Path::new(&file.path).components().all(|part| matches!(part, Component::Normal(_)));
        if !stays {
            return Err(Error::Refused(format!("the backup names a file outside of it: {}", file.path)));
        }
    }
    Ok(manifest)
}

/// Says what is wrong with a backup; nothing when all of it is there and unchanged.
pub async fn verify(folder: &Path) -> Result<Vec<String>> {
    let folder = folder.to_owned();
    blocking(move || {
        let manifest = manifest(&folder)?;
        let mut problems: Vec<String> = manifest
            .missing
            .iter()
            .map(|path| format!("{path} was missing when the backup was written"))
            .collect();
        for file in &manifest.files {
            let path = folder.join(&file.path);
            if !path.is_file() {
                problems.push(format!("{} is missing", file.path));
                continue;
            }
            let (size, sha256) = copy::hash(&path)?;
            if size != file.size || sha256 != file.sha256 {
                problems.push(format!("{} was changed", file.path));
            }
        }
        if manifest.database == "sqlite" && problems.is_empty() {
            problems.extend(sqlite::check(&folder)?);
        }
        Ok(problems)
    })
    .await
}

/// Restores a backup into a place that holds nothing yet: an empty data folder, with PostgreSQL an empty database too.
pub async fn restore(folder: &Path, config: &Config) -> Result<Manifest> {
    let problems = verify(folder).await?;
    let broken: Vec<&String> =
        problems.iter().filter(|problem| !problem.ends_with("when the backup was written")).collect();
    if let Some(problem) = broken.first() {
        return Err(Error::Damaged(format!("the backup is not restored: {problem}")));
    }
    let manifest = manifest(folder)?;
    let is_postgres = matches!(config.database, Database::Postgres { .. });
    if (manifest.database == "postgres") != is_postgres {
        return Err(Error::Refused(format!(
            "this is a backup of {}; restore it into the same kind of database",
            manifest.database
        )));
    }
    let known = migrate::names(is_postgres);
    let is_known = manifest.schema.iter().zip(&known).all(|(theirs, ours)| theirs == ours);
    if !is_known
        || manifest.schema.len() > known.len()
        || (is_postgres && manifest.schema.len() != known.len())
    {
        return Err(Error::Refused(
            "the backup was written by another version of this program; restore it with that version and upgrade then"
                .into(),
        ));
    }
    for name in ["runnel.db", "blobs"] {
        require_empty(&config.folder.join(name), "restore into an empty data folder")?;
    }
    let (from, to) = (folder.to_owned(), config.folder.clone());
    let files: Vec<PathBuf> = manifest
        .files
        .iter()
        .map(|file| PathBuf::from(&file.path))
        .filter(|path| !path.starts_with("postgres"))
        .collect();
    blocking(move || {
        std::fs::create_dir_all(&to).map_err(failed)?;
        // The database last: until it is there, nothing takes the folder for an instance.
        let (database, others): (Vec<_>, Vec<_>) =
            files.into_iter().partition(|path| path == Path::new("runnel.db"));
        for path in others.iter().chain(&database) {
            copy::file(&from.join(path), &to.join(path))?;
        }
        copy::sync_folders(&to)
    })
    .await?;
    if let Database::Postgres { url, .. } = &config.database {
        postgres::load(url, folder, &manifest, config).await?;
    }
    Ok(manifest)
}

fn require_empty(path: &Path, fix: &str) -> Result<()> {
    let is_empty = match std::fs::symlink_metadata(path) {
        Err(_) => true,
        Ok(metadata) if metadata.is_dir() => std::fs::read_dir(path).map_err(failed)?.next().is_none(),
        Ok(_) => false,
    };
    if is_empty { Ok(()) } else { Err(Error::Refused(format!("{} is not empty; {fix}", path.display()))) }
}
