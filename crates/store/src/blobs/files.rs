//! Blobs as files: `<workspace>/ab/cdef...`. Written under another name, synced, renamed, the folder synced.

use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use model::ids::WorkspaceId;

use super::{ASIDE, Found, address, failed, name};
use crate::error::{Error, Result};

/// Writes a blob unless it is there. A disk that is full leaves nothing behind.
pub(super) fn write(folder: &Path, workspace: WorkspaceId, sha256: &[u8; 32], content: &[u8]) -> Result<()> {
    let path = path(folder, workspace, sha256);
    let shard = path.parent().expect("a blob is in a folder");
    if !path.exists() {
        make_folder(shard)?;
        let temporary = temporary(folder)?;
        let written =
            write_synced(&temporary, content).and_then(|()| fs::rename(&temporary, &path)).map_err(failed);
        if written.is_err() {
            // Whether it was made at all does not matter.
            let _ = fs::remove_file(&temporary);
        }
        written?;
    }
    // Also when another writer renamed it: that it will sync the folder is not enough for us.
    sync_folder(shard)
}

fn write_synced(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let mut file = File::create_new(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// A name that nobody else has, in a folder beside the blobs.
fn temporary(folder: &Path) -> Result<PathBuf> {
    let folder = folder.join("tmp");
    make_folder(&folder)?;
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|e| Error::Unavailable(e.into()))?;
    Ok(folder.join(super::hex(&random)))
}

/// Makes a folder and those above it, durably.
fn make_folder(path: &Path) -> Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        make_folder(parent)?;
        match fs::create_dir(path) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(failed(error)),
            _ => sync_folder(parent)?,
        }
    }
    Ok(())
}

fn sync_folder(path: &Path) -> Result<()> {
    // An empty path is the current folder.
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    File::open(path).and_then(|folder| folder.sync_all()).map_err(failed)
}

/// The content, also of a blob that is put aside.
pub(super) fn read(folder: &Path, workspace: WorkspaceId, sha256: &[u8; 32]) -> Result<Option<Vec<u8>>> {
    let Some(mut file) = open(folder, workspace, sha256)? else { return Ok(None) };
    let mut content = Vec::new();
    file.read_to_end(&mut content).map_err(failed)?;
    Ok(Some(content))
}

/// The file, also of a blob that is put aside.
pub(super) fn open(folder: &Path, workspace: WorkspaceId, sha256: &[u8; 32]) -> Result<Option<File>> {
    let path = path(folder, workspace, sha256);
    // Once more at the end: it may have been put back meanwhile.
    for path in [&path, &aside(&path), &path] {
        match File::open(path) {
            Ok(file) => return Ok(Some(file)),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error)),
        }
    }
    Ok(None)
}

pub(super) fn put_aside(folder: &Path, workspace: WorkspaceId, sha256: &[u8; 32]) -> Result<()> {
    let path = path(folder, workspace, sha256);
    // Its time from now on is that of being put aside.
    let touched = File::options().append(true).open(&path).and_then(|file| file.set_modified(now()));
    found(touched.and_then(|()| fs::rename(&path, aside(&path))))
}

pub(super) fn put_back(folder: &Path, workspace: WorkspaceId, sha256: &[u8; 32]) -> Result<()> {
    let path = path(folder, workspace, sha256);
    found(fs::rename(aside(&path), &path))?;
    sync_folder(path.parent().expect("a blob is in a folder"))
}

pub(super) fn remove_aside(folder: &Path, workspace: WorkspaceId, sha256: &[u8; 32]) -> Result<()> {
    found(fs::remove_file(aside(&path(folder, workspace, sha256))))
}

/// What is in one shard of a workspace.
pub(super) fn list(folder: &Path, workspace: WorkspaceId, shard: u8) -> Result<Vec<Found>> {
    let entries = match fs::read_dir(folder.join(workspace.to_string()).join(format!("{shard:02x}"))) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut all = Vec::new();
    for entry in entries {
        let entry = entry.map_err(failed)?;
        let Some((sha256, aside)) = entry.file_name().to_str().and_then(|name| address(shard, name)) else {
            continue;
        };
        // One that goes away while we look is not there.
        let Ok(metadata) = entry.metadata() else { continue };
        let changed_at = metadata.modified().map_err(failed)?;
        let changed_at = Timestamp::try_from(changed_at).unwrap_or(Timestamp::UNIX_EPOCH);
        all.push(Found { workspace, sha256, size: metadata.len(), changed_at, aside });
    }
    Ok(all)
}

/// Removes what writers left behind that died an hour ago or more.
pub(super) fn clean(folder: &Path) -> Result<()> {
    let Ok(entries) = fs::read_dir(folder.join("tmp")) else { return Ok(()) };
    for entry in entries {
        let entry = entry.map_err(failed)?;
        let age = entry.metadata().and_then(|metadata| metadata.modified()).ok();
        let age = age.and_then(|changed_at| now().duration_since(changed_at).ok());
        if age.is_some_and(|age| age.as_secs() >= 3600) {
            found(fs::remove_file(entry.path()))?;
        }
    }
    Ok(())
}

fn path(folder: &Path, workspace: WorkspaceId, sha256: &[u8; 32]) -> PathBuf {
    folder.join(workspace.to_string()).join(name(sha256))
}

fn aside(path: &Path) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(ASIDE);
    path.into()
}

fn now() -> std::time::SystemTime {
    std::time::SystemTime::now()
}

/// That something is gone already is fine.
fn found(result: std::io::Result<()>) -> Result<()> {
    match result {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        result => result.map_err(failed),
    }
}
