//! Blobs in an object store: `blobs/<workspace>/ab/cdef...`. Writing an object is atomic and durable there.

use bytes::Bytes;
use futures_util::TryStreamExt;
use futures_util::stream::BoxStream;
use jiff::Timestamp;
use model::ids::WorkspaceId;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};

use super::{ASIDE, Found, address, name};
use crate::error::{Error, Result};

/// The pieces of an object.
pub(super) struct Pieces(BoxStream<'static, object_store::Result<Bytes>>);

impl Pieces {
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>> {
        self.0.try_next().await.map_err(failed)
    }
}

pub(super) async fn write(
    store: &dyn ObjectStore,
    workspace: WorkspaceId,
    sha256: &[u8; 32],
    content: Vec<u8>,
) -> Result<()> {
    let path = path(workspace, sha256);
    if found(store.head(&path).await)?.is_none() {
        store.put(&path, content.into()).await.map_err(failed)?;
    }
    Ok(())
}

pub(super) async fn read(
    store: &dyn ObjectStore,
    workspace: WorkspaceId,
    sha256: &[u8; 32],
) -> Result<Option<Vec<u8>>> {
    match get(store, workspace, sha256).await? {
        Some(object) => Ok(Some(object.bytes().await.map_err(failed)?.into())),
        None => Ok(None),
    }
}

pub(super) async fn open(
    store: &dyn ObjectStore,
    workspace: WorkspaceId,
    sha256: &[u8; 32],
) -> Result<Option<Pieces>> {
    Ok(get(store, workspace, sha256).await?.map(|object| Pieces(object.into_stream())))
}

/// The object, also when it is put aside.
async fn get(
    store: &dyn ObjectStore,
    workspace: WorkspaceId,
    sha256: &[u8; 32],
) -> Result<Option<object_store::GetResult>> {
    let path = path(workspace, sha256);
    for path in [&path, &aside(&path), &path] {
        if let Some(object) = found(store.get(path).await)? {
            return Ok(Some(object));
        }
    }
    Ok(None)
}

pub(super) async fn has(store: &dyn ObjectStore, workspace: WorkspaceId, sha256: &[u8; 32]) -> Result<bool> {
    let path = path(workspace, sha256);
    Ok(found(store.head(&path).await)?.is_some() || found(store.head(&aside(&path)).await)?.is_some())
}

pub(super) async fn put_aside(
    store: &dyn ObjectStore,
    workspace: WorkspaceId,
    sha256: &[u8; 32],
) -> Result<()> {
    let path = path(workspace, sha256);
    found(store.rename(&path, &aside(&path)).await).map(drop)
}

pub(super) async fn put_back(
    store: &dyn ObjectStore,
    workspace: WorkspaceId,
    sha256: &[u8; 32],
) -> Result<()> {
    let path = path(workspace, sha256);
    found(store.rename(&aside(&path), &path).await).map(drop)
}

pub(super) async fn remove_aside(
    store: &dyn ObjectStore,
    workspace: WorkspaceId,
    sha256: &[u8; 32],
) -> Result<()> {
    found(store.delete(&aside(&path(workspace, sha256))).await).map(drop)
}

pub(super) async fn list(store: &dyn ObjectStore, workspace: WorkspaceId, shard: u8) -> Result<Vec<Found>> {
    let prefix = Path::from(format!("blobs/{workspace}/{shard:02x}"));
    let objects: Vec<_> = store.list(Some(&prefix)).try_collect().await.map_err(failed)?;
    let found = objects.into_iter().filter_map(|object| {
        let (sha256, aside) = address(shard, object.location.filename()?)?;
        let changed_at = Timestamp::from_millisecond(object.last_modified.timestamp_millis()).ok()?;
        Some(Found { workspace, sha256, size: object.size, changed_at, aside })
    });
    Ok(found.collect())
}

fn path(workspace: WorkspaceId, sha256: &[u8; 32]) -> Path {
    Path::from(format!("blobs/{workspace}/{}", name(sha256)))
}

fn aside(path: &Path) -> Path {
    Path::from(format!("{path}{ASIDE}"))
}

/// That something is not there is an answer.
fn found<T>(result: object_store::Result<T>) -> Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(object_store::Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(failed(error)),
    }
}

fn failed(error: object_store::Error) -> Error {
    Error::Unavailable(error.into())
}
