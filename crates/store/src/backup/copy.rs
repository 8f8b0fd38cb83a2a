//! Files that are written whole, with their hashes.

use std::io::{Read, Write};
use std::path::Path;

use bytes::Bytes;
use futures_util::{Stream, TryStreamExt};
use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;

use super::File;
use crate::blobs::{failed, hex};
use crate::error::Result;

/// Writes a file from its pieces, durably.
pub(super) async fn write_pieces(
    folder: &Path,
    path: &str,
    mut pieces: impl Stream<Item = Result<Bytes>> + Unpin,
) -> Result<File> {
    let target = folder.join(path);
    if let Some(parent) = target.parent() {
        tokio::fs::create_dir_all(parent).await.map_err(failed)?;
    }
    let mut file = tokio::fs::File::create_new(&target).await.map_err(failed)?;
    let (mut size, mut digest) = (0, Sha256::new());
    while let Some(piece) = pieces.try_next().await? {
        size += piece.len() as u64;
        digest.update(&piece);
        file.write_all(&piece).await.map_err(failed)?;
    }
    file.sync_all().await.map_err(failed)?;
    Ok(File { path: path.to_owned(), size, sha256: hex(&digest.finalize()) })
}

/// Writes a file, durably.
pub(super) fn write(path: &Path, content: &[u8]) -> Result<()> {
    let mut file = std::fs::File::create(path).map_err(failed)?;
    file.write_all(content).and_then(|()| file.sync_all()).map_err(failed)
}

/// Copies a file to a place where there is none, durably.
pub(super) fn file(from: &Path, to: &Path) -> Result<()> {
    if let Some(parent) = to.parent() {
        std::fs::create_dir_all(parent).map_err(failed)?;
    }
    let mut source = std::fs::File::open(from).map_err(failed)?;
    let mut target = std::fs::File::create_new(to).map_err(failed)?;
    std::io::copy(&mut source, &mut target).and_then(|_| target.sync_all()).map_err(failed)
}

/// The size and the hash of a file.
pub(super) fn hash(path: &Path) -> Result<(u64, String)> {
    let mut file = std::fs::File::open(path).map_err(failed)?;
    let (mut size, mut digest) = (0, Sha256::new());
    let mut piece = vec![0; 1 << 20];
    loop {
        let read = file.read(&mut piece).map_err(failed)?;
        if read == 0 {
            return Ok((size, hex(&digest.finalize())));
        }
        size += read as u64;
        digest.update(&piece[..read]);
    }
}

/// Makes the names in a folder and below durable.
pub(super) fn sync_folders(folder: &Path) -> Result<()> {
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if entry.file_type().map_err(failed)?.is_dir() {
            sync_folders(&entry.path())?;
        }
    }
    std::fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)
}
