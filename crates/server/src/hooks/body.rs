//! Reads the bodies of calls, within limits of size, time and of what all of them take together.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::header::CONTENT_LENGTH;
use http_body_util::BodyExt;
use hyper::body::Body as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::refusal::Refusal;

/// How long a body may take to arrive.
const MAX_TIME: Duration = Duration::from_secs(30);
/// Bodies up to this size are not counted.
const SMALL: usize = 64 << 10;
/// What is counted is counted in pieces of so many bytes.
const PIECE: usize = 64 << 10;

/// What large bodies may take together.
#[derive(Clone)]
pub(super) struct Room {
    pieces: Arc<Semaphore>,
}

impl Room {
    /// Room for so many bytes.
    pub(super) fn new(bytes: usize) -> Self {
        Self { pieces: Arc::new(Semaphore::new(bytes / PIECE)) }
    }

    fn take(&self, bytes: usize) -> Result<OwnedSemaphorePermit, Refusal> {
        let pieces = u32::try_from(bytes.div_ceil(PIECE)).unwrap_or(u32::MAX);
        let taken = self.pieces.clone().try_acquire_many_owned(pieces);
        taken.map_err(|_| Refusal::too_many(Duration::from_secs(2)))
    }
}

/// A body, and its place.
pub(super) struct Read {
    pub(super) bytes: Bytes,
    _places: Vec<OwnedSemaphorePermit>,
}

/// Reads a body of at most `limit` bytes.
pub(super) async fn read(
    headers: &HeaderMap,
    body: Body,
    limit: usize,
    room: &Room,
) -> Result<Read, Refusal> {
    let declared = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if declared.is_some_and(|length| length > limit) {
        return Err(too_large(limit));
    }
    if body.is_end_stream() {
        return Ok(Read { bytes: Bytes::new(), _places: Vec::new() });
    }
    let mut places = Vec::new();
    if let Some(length) = declared.filter(|length| *length > SMALL) {
        places.push(room.take(length)?);
    }
    let bytes = tokio::time::timeout(MAX_TIME, collect(body, declared, limit, room, &mut places));
    let bytes = bytes.await.map_err(|_| Refusal::timeout())??;
    Ok(Read { bytes, _places: places })
}

async fn collect(
    mut body: Body,
    declared: Option<usize>,
    limit: usize,
    room: &Room,
    places: &mut Vec<OwnedSemaphorePermit>,
) -> Result<Bytes, Refusal> {
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    let mut counted = declared.unwrap_or(SMALL);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Refusal::malformed("the body broke off"))?;
        let Ok(data) = frame.into_data() else { continue };
        // Most bodies come in one piece, which is not copied.
        if first.is_empty() && rest.is_empty() {
            first = data;
        } else {
            if rest.is_empty() {
                rest.reserve(declared.unwrap_or(first.len() + data.len()).min(limit));
                rest.extend_from_slice(&first);
            }
            rest.extend_from_slice(&data);
        }
        let length = rest.len().max(first.len());
        if length > limit {
            return Err(too_large(limit));
        }
        while length > counted {
            places.push(room.take(16 * PIECE)?);
            counted += 16 * PIECE;
        }
    }
    Ok(if rest.is_empty() { first } else { rest.freeze() })
}

fn too_large(limit: usize) -> Refusal {
    Refusal::too_large(format!("the body is larger than {} KiB; send less at once", limit >> 10))
}
