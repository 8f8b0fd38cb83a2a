//! Large content beside the database, addressed by the SHA-256 of its stored bytes, per workspace.
//!
//! A blob is durable before the commit that refers to it; the row in `blobs` counts references in the transactions that
//! make and drop them. A blob nobody refers to is first put aside and removed a while later unless a commit that was
//! under way then refers to it after all; until then readers still find it. Files by default, or an object store.

mod files;
mod objects;
mod sweep;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use model::ids::WorkspaceId;
use object_store::ObjectStore;
use sha2::{Digest, Sha256};

use crate::error::{Cause, Error, Result};
use crate::payload::Files;
use crate::store::Store;
pub use sweep::Swept;

/// Where blobs are.
#[derive(Clone)]
pub(crate) enum Blobs {
    /// In a folder.
    Files(Arc<PathBuf>),
    /// In an object store such as S3.
    Objects(Arc<dyn ObjectStore>),
}

/// A row of `blobs`: to insert, or to count up by `uses` where it exists, in the transaction that refers to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NewBlob {
    pub(crate) sha256: [u8; 32],
    /// Of what is stored.
    pub(crate) size: u64,
    /// `zstd` or `none`.
    pub(crate) codec: &'static str,
    /// How many records of the transaction refer to it.
    pub(crate) uses: u32,
}

impl NewBlob {
    pub(crate) fn new(sha256: [u8; 32], stored: &[u8], compressed: bool) -> Self {
        let codec = if compressed { "zstd" } else { "none" };
        Self { sha256, size: stored.len() as u64, codec, uses: 1 }
    }
}

/// A blob that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) workspace: WorkspaceId,
    pub(crate) sha256: [u8; 32],
    pub(crate) size: u64,
    pub(crate) changed_at: Timestamp,
    /// Whether it is put aside.
    pub(crate) aside: bool,
}

impl Blobs {
    pub(crate) fn files(folder: &Path) -> Self {
        Blobs::Files(Arc::new(folder.to_path_buf()))
    }

    /// Writes what is not there yet. When this returns, all of it is durable.
    pub(crate) async fn write(&self, files: Files) -> Result<()> {
        match self {
            Blobs::Files(folder) => {
                let folder = Arc::clone(folder);
                blocking(move || {
                    files.iter().try_for_each(|(workspace, sha256, content)| {
                        files::write(&folder, *workspace, sha256, content)
                    })
                })
                .await
            }
            Blobs::Objects(store) => {
                for (workspace, sha256, content) in files {
                    objects::write(&**store, workspace, &sha256, content).await?;
                }
                Ok(())
            }
        }
    }

    /// The stored bytes, checked against their address.
    pub(crate) async fn read(&self, workspace: WorkspaceId, sha256: [u8; 32]) -> Result<Vec<u8>> {
        let stored = match self {
            Blobs::Files(folder) => {
                let folder = Arc::clone(folder);
                blocking(move || files::read(&folder, workspace, &sha256)).await?
            }
            Blobs::Objects(store) => objects::read(&**store, workspace, &sha256).await?,
        };
        let stored = stored.ok_or_else(|| missing(&sha256))?;
        if <[u8; 32]>::from(Sha256::digest(&stored)) != sha256 {
            return Err(Error::Damaged(format!("blob {} has other content than it had", hex(&sha256))));
        }
        Ok(stored)
    }

    /// Opens a blob to read it in pieces.
    pub(crate) async fn open(&self, workspace: WorkspaceId, sha256: [u8; 32]) -> Result<BlobReader> {
        let source = match self {
            Blobs::Files(folder) => {
                let folder = Arc::clone(folder);
                let file = blocking(move || files::open(&folder, workspace, &sha256)).await?;
                file.map(|file| Source::File(tokio::fs::File::from_std(file)))
            }
            Blobs::Objects(store) => objects::open(&**store, workspace, &sha256).await?.map(Source::Stream),
        };
        source.map(BlobReader).ok_or_else(|| missing(&sha256))
    }

    /// Puts a blob aside: readers still find it.
    pub(crate) async fn put_aside(&self, workspace: WorkspaceId, sha256: [u8; 32]) -> Result<()> {
        match self {
            Blobs::Files(folder) => {
                let folder = Arc::clone(folder);
                blocking(move || files::put_aside(&folder, workspace, &sha256)).await
            }
            Blobs::Objects(store) => objects::put_aside(&**store, workspace, &sha256).await,
        }
    }

    /// Takes a blob back that was put aside.
    pub(crate) async fn put_back(&self, workspace: WorkspaceId, sha256: [u8; 32]) -> Result<()> {
        match self {
            Blobs::Files(folder) => {
                let folder = Arc::clone(folder);
                blocking(move || files::put_back(&folder, workspace, &sha256)).await
            }
            Blobs::Objects(store) => objects::put_back(&**store, workspace, &sha256).await,
        }
    }

    /// Removes a blob that was put aside.
    pub(crate) async fn remove_aside(&self, workspace: WorkspaceId, sha256: [u8; 32]) -> Result<()> {
        match self {
            Blobs::Files(folder) => {
                let folder = Arc::clone(folder);
                blocking(move || files::remove_aside(&folder, workspace, &sha256)).await
            }
            Blobs::Objects(store) => objects::remove_aside(&**store, workspace, &sha256).await,
        }
    }

    /// The blobs of a workspace whose address begins with this byte.
    pub(crate) async fn list(&self, workspace: WorkspaceId, shard: u8) -> Result<Vec<Found>> {
        match self {
            Blobs::Files(folder) => {
                let folder = Arc::clone(folder);
                blocking(move || files::list(&folder, workspace, shard)).await
            }
            Blobs::Objects(store) => objects::list(&**store, workspace, shard).await,
        }
    }

    /// Whether a blob is there.
    pub(crate) async fn has(&self, workspace: WorkspaceId, sha256: [u8; 32]) -> Result<bool> {
        match self {
            Blobs::Files(folder) => {
                let folder = Arc::clone(folder);
                blocking(move || Ok(files::open(&folder, workspace, &sha256)?.is_some())).await
            }
            Blobs::Objects(store) => objects::has(&**store, workspace, &sha256).await,
        }
    }
}

/// Reads a blob in pieces.
pub struct BlobReader(Source);

enum Source {
    File(tokio::fs::File),
    Stream(objects::Pieces),
}

impl BlobReader {
    /// The next piece, or `None` at the end.
    pub async fn piece(&mut self) -> Result<Option<Bytes>> {
        use tokio::io::AsyncReadExt;
        match &mut self.0 {
            Source::File(file) => {
                let mut piece = Vec::with_capacity(64 << 10);
                let read = file.read_buf(&mut piece).await.map_err(failed)?;
                Ok((read > 0).then(|| piece.into()))
            }
            Source::Stream(pieces) => pieces.next().await,
        }
    }
}

impl Store {
    /// Keeps blobs in an object store from now on, instead of in files.
    pub fn with_objects(mut self, objects: Arc<dyn ObjectStore>) -> Self {
        self.blobs = Blobs::Objects(objects);
        self
    }

    /// Opens a blob to read it in pieces; `sha256` is that of its stored bytes.
    pub async fn blob(&self, workspace: WorkspaceId, sha256: [u8; 32]) -> Result<BlobReader> {
        self.blobs.open(workspace, sha256).await
    }
}

/// The name that a blob has below its workspace: two letters, a slash, the rest.
fn name(sha256: &[u8; 32]) -> String {
    let hex = hex(sha256);
    format!("{}/{}", &hex[..2], &hex[2..])
}

/// What a blob's name ends with while it is put aside.
const ASIDE: &str = ".aside";

/// The address in a shard's entry, and whether it is put aside.
fn address(shard: u8, rest: &str) -> Option<([u8; 32], bool)> {
    let (rest, aside) = match rest.strip_suffix(ASIDE) {
        Some(rest) => (rest, true),
        None => (rest, false),
    };
    if rest.len() != 62 || !rest.is_ascii() {
        return None;
    }
    let mut sha256 = [0; 32];
    sha256[0] = shard;
    for (index, byte) in sha256[1..].iter_mut().enumerate() {
        *byte = u8::from_str_radix(&rest[index * 2..index * 2 + 2], 16).ok()?;
    }
    Some((sha256, aside))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn missing(sha256: &[u8; 32]) -> Error {
    Error::Damaged(format!("blob {} is missing", hex(sha256)))
}

/// What went wrong with a file.
pub(crate) fn failed(error: std::io::Error) -> Error {
    use std::io::ErrorKind::{QuotaExceeded, StorageFull};
    match error.kind() {
        StorageFull | QuotaExceeded => Error::Full,
        _ => Error::Unavailable(Cause::from(error)),
    }
}

/// Runs something that waits for a disk.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(Error::Unavailable(Cause::from(error))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workspace() -> WorkspaceId {
        WorkspaceId::new(1, [7; 10])
    }

    fn content(text: &str) -> ([u8; 32], Vec<u8>) {
        (Sha256::digest(text).into(), text.as_bytes().to_vec())
    }

    async fn read_in_pieces(blobs: &Blobs, sha256: [u8; 32]) -> Vec<u8> {
        let mut reader = blobs.open(workspace(), sha256).await.expect("it is there");
        let mut read = Vec::new();
        while let Some(piece) = reader.piece().await.expect("it can be read") {
            read.extend_from_slice(&piece);
        }
        read
    }

    async fn keeps_and_gives_back(blobs: Blobs) {
        let (sha256, bytes) = content(&"large ".repeat(50_000));
        blobs.write(vec![(workspace(), sha256, bytes.clone())]).await.expect("there is room");
        blobs.write(vec![(workspace(), sha256, bytes.clone())]).await.expect("twice is once");
        assert_eq!(blobs.read(workspace(), sha256).await.expect("it is there"), bytes);
        assert_eq!(read_in_pieces(&blobs, sha256).await, bytes);
        let other = WorkspaceId::new(2, [7; 10]);
        assert!(matches!(blobs.read(other, sha256).await, Err(Error::Damaged(_))));

        let found = blobs.list(workspace(), sha256[0]).await.expect("it can be listed");
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].sha256, found[0].size, found[0].aside), (sha256, bytes.len() as u64, false));

        blobs.put_aside(workspace(), sha256).await.expect("it can be put aside");
        assert_eq!(blobs.read(workspace(), sha256).await.expect("still there"), bytes);
        assert!(blobs.list(workspace(), sha256[0]).await.expect("it can be listed")[0].aside);
        blobs.put_back(workspace(), sha256).await.expect("it can come back");
        assert!(!blobs.list(workspace(), sha256[0]).await.expect("it can be listed")[0].aside);
        blobs.put_aside(workspace(), sha256).await.expect("it can be put aside");
        blobs.remove_aside(workspace(), sha256).await.expect("it can go");
        assert!(!blobs.has(workspace(), sha256).await.expect("it can be asked"));
        blobs.remove_aside(workspace(), sha256).await.expect("twice is once");
    }

    #[tokio::test]
    async fn files_keep_and_give_back() {
        let folder = tempfile::tempdir().expect("a folder");
        keeps_and_gives_back(Blobs::files(folder.path())).await;
    }

    #[tokio::test]
    async fn an_object_store_keeps_and_gives_back() {
        keeps_and_gives_back(Blobs::Objects(Arc::new(object_store::memory::InMemory::new()))).await;
    }

    #[tokio::test]
    async fn nothing_half_written_has_a_name() {
        let folder = tempfile::tempdir().expect("a folder");
        let blobs = Blobs::files(folder.path());
        let (sha256, bytes) = content("content");
        blobs.write(vec![(workspace(), sha256, bytes)]).await.expect("there is room");
        let leftovers = std::fs::read_dir(folder.path().join("tmp")).expect("the folder exists").count();
        assert_eq!(leftovers, 0);
    }

    #[tokio::test]
    async fn other_content_than_the_address_says_is_damage() {
        let folder = tempfile::tempdir().expect("a folder");
        let blobs = Blobs::files(folder.path());
        let (sha256, _) = content("content");
        blobs.write(vec![(workspace(), sha256, b"forged".to_vec())]).await.expect("there is room");
        assert!(matches!(blobs.read(workspace(), sha256).await, Err(Error::Damaged(_))));
    }

    #[test]
    fn a_full_disk_is_told_from_a_broken_one() {
        assert!(matches!(failed(std::io::ErrorKind::StorageFull.into()), Error::Full));
        assert!(matches!(failed(std::io::ErrorKind::QuotaExceeded.into()), Error::Full));
        assert!(matches!(failed(std::io::ErrorKind::Other.into()), Error::Unavailable(_)));
    }
}
