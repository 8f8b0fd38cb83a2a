//! A consistent copy of the database files, made while they are used.

use std::path::Path;

use model::ids::WorkspaceId;
use rusqlite::{Connection, OpenFlags};

use super::{Address, File, copy};
use crate::blobs::failed;
use crate::error::{Error, Result};

const FILE: &str = "runnel.db";

/// Copies the database and the logs. Gives the files, and the blobs that the copy refers to.
pub(super) fn copy(folder: &Path, target: &Path) -> Result<(Vec<File>, Vec<Address>)> {
    let mut files = vec![copy_one(folder, target, FILE)?];
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        if let Some(name) = name.to_str()
            && name.starts_with("logs-")
            && name.ends_with(".db")
        {
            files.push(copy_one(folder, target, name)?);
        }
    }
    Ok((files, blobs(&target.join(FILE))?))
}

fn copy_one(folder: &Path, target: &Path, name: &str) -> Result<File> {
    let source = look(&folder.join(name))?;
    let path = target.join(name);
    let text = path
        .to_str()
        .ok_or_else(|| Error::Refused("the path of the backup is not UTF-8; choose another".into()))?;
    source.execute("VACUUM INTO ?1", [text]).map_err(crate::db::sqlite::error)?;
    std::fs::File::open(&path).and_then(|file| file.sync_all()).map_err(failed)?;
    let (size, sha256) = copy::hash(&path)?;
    Ok(File { path: name.to_owned(), size, sha256 })
}

fn blobs(database: &Path) -> Result<Vec<Address>> {
    let connection = look(database)?;
    let error = crate::db::sqlite::error;
    let mut statement = connection
        .prepare("SELECT workspace_id, sha256 FROM blobs WHERE refcount > 0 ORDER BY workspace_id, sha256")
        .map_err(error)?;
    let rows = statement
        .query_map([], |row| Ok((WorkspaceId::from_bytes(row.get(0)?), row.get(1)?)))
        .map_err(error)?;
    rows.map(|row| row.map_err(error)).collect()
}

/// What is wrong with the databases of a backup.
pub(super) fn check(folder: &Path) -> Result<Vec<String>> {
    let error = crate::db::sqlite::error;
    let connection = look(&folder.join(FILE))?;
    let mut statement = connection.prepare("PRAGMA integrity_check(20)").map_err(error)?;
    let rows = statement.query_map([], |row| row.get::<_, String>(0)).map_err(error)?;
    let mut problems = Vec::new();
    for row in rows {
        let row = row.map_err(error)?;
        if row != "ok" {
            problems.push(format!("{FILE}: {row}"));
        }
    }
    for (workspace, sha256) in blobs(&folder.join(FILE))? {
        let name = crate::blobs::hex(&sha256);
        let path = format!("blobs/{workspace}/{}/{}", &name[..2], &name[2..]);
        if !folder.join(&path).is_file() {
            problems.push(format!("{path} is missing"));
        }
    }
    Ok(problems)
}

/// Opens a file that others may be using.
fn look(path: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(crate::db::sqlite::error)?;
    connection.busy_timeout(std::time::Duration::from_secs(30)).map_err(crate::db::sqlite::error)?;
    Ok(connection)
}
