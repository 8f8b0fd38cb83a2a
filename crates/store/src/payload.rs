//! How a payload is kept: small ones as they are, larger ones compressed, the largest as blobs beside the database.
//!
//! JSON never begins like a zstd frame, so what is stored says itself which of the two it is.

use std::borrow::Cow;
use std::cell::RefCell;

use model::ids::WorkspaceId;
use sha2::{Digest, Sha256};

use crate::blobs::{Blobs, NewBlob};
use crate::commit::Commit;
use crate::error::{Error, Result};

/// Up to this many bytes JSON is kept as it is.
pub(crate) const RAW: usize = 2 << 10;

/// Up to this many stored bytes a payload sits in its row; above that it is a blob.
pub(crate) const INLINE: usize = 8 << 10;

const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// A payload in the form of its row: `payload` or `payload_ref`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Payload {
    /// For the column `payload`.
    Inline(Vec<u8>),
    /// For the column `payload_ref`.
    Blob([u8; 32]),
}

/// Packs a text: gives what goes into its row, and the content of its blob if it is one.
pub(crate) fn pack(text: String) -> (Payload, Option<Vec<u8>>) {
    if text.len() <= RAW {
        return (Payload::Inline(text.into_bytes()), None);
    }
    let stored = compress(text.as_bytes()).unwrap_or_else(|| text.into_bytes());
    if stored.len() <= INLINE {
        return (Payload::Inline(stored), None);
    }
    (Payload::Blob(Sha256::digest(&stored).into()), Some(stored))
}

/// Packs what has no place for a reference to a blob.
pub(crate) fn pack_inline(text: &[u8]) -> Cow<'_, [u8]> {
    let compressed = if text.len() > RAW { compress(text) } else { None };
    compressed.map_or(Cow::Borrowed(text), Cow::Owned)
}

/// The text that was packed.
pub(crate) fn unpack(stored: Vec<u8>) -> Result<String> {
    let bytes = if stored.starts_with(&ZSTD_MAGIC) { decompress(&stored)? } else { stored };
    String::from_utf8(bytes).map_err(|_| Error::Damaged("a payload is not UTF-8".into()))
}

/// Reads a payload from the two columns of its row.
pub(crate) async fn read(
    blobs: &Blobs,
    workspace: WorkspaceId,
    inline: Option<Vec<u8>>,
    blob: Option<Vec<u8>>,
) -> Result<String> {
    match (inline, blob) {
        (Some(inline), None) => unpack(inline),
        (None, Some(sha256)) => {
            let sha256 =
                sha256.try_into().map_err(|_| Error::Damaged("a payload's hash is too short".into()))?;
            unpack(blobs.read(workspace, sha256).await?)
        }
        _ => Err(Error::Damaged("a record has no payload, or two".into())),
    }
}

/// A commit whose payloads are packed: what a database writes.
#[derive(Debug)]
pub(crate) struct Packed {
    /// The commit; the texts of its payloads and its children are moved out of it.
    pub(crate) commit: Commit,
    /// The payloads of its records, in their order.
    pub(crate) payloads: Vec<Payload>,
    /// The blobs that its records refer to, each once: rows to insert or count up in the transaction.
    pub(crate) blobs: Vec<NewBlob>,
    /// The children.
    pub(crate) children: Vec<Packed>,
}

/// Packs the payloads of a commit and its children. When this returns, their blobs are durable.
pub(crate) async fn pack_commit(blobs: &Blobs, commit: Commit) -> Result<Packed> {
    let mut files = Vec::new();
    let packed = pack_tree(commit, &mut files);
    if !files.is_empty() {
        blobs.write(files).await?;
    }
    Ok(packed)
}

/// The content of blobs that are still to be written.
pub(crate) type Files = Vec<(WorkspaceId, [u8; 32], Vec<u8>)>;

fn pack_tree(mut commit: Commit, files: &mut Files) -> Packed {
    let mut payloads = Vec::with_capacity(commit.records.len());
    let mut blobs: Vec<NewBlob> = Vec::new();
    for record in &mut commit.records {
        let (payload, content) = pack(std::mem::take(&mut record.payload));
        if let (Payload::Blob(sha256), Some(content)) = (&payload, content) {
            match blobs.iter_mut().find(|blob| blob.sha256 == *sha256) {
                Some(blob) => blob.uses += 1,
                None => {
                    blobs.push(NewBlob::new(*sha256, &content, content.starts_with(&ZSTD_MAGIC)));
                    files.push((commit.workspace, *sha256, content));
                }
            }
        }
        payloads.push(payload);
    }
    let children = std::mem::take(&mut commit.children);
    let children = children.into_iter().map(|child| pack_tree(child, files)).collect();
    Packed { commit, payloads, blobs, children }
}

thread_local! {
    /// Making one costs more than using it.
    static COMPRESSOR: RefCell<Option<zstd::bulk::Compressor<'static>>> =
        RefCell::new(zstd::bulk::Compressor::new(1).ok());
}

/// The compressed bytes, unless they are not fewer.
fn compress(bytes: &[u8]) -> Option<Vec<u8>> {
    let compressed = COMPRESSOR.with_borrow_mut(|compressor| compressor.as_mut()?.compress(bytes).ok())?;
    (compressed.len() < bytes.len()).then_some(compressed)
}

fn decompress(stored: &[u8]) -> Result<Vec<u8>> {
    zstd::stream::decode_all(stored)
        .map_err(|e| Error::Damaged(format!("a payload does not decompress: {e}")))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stored(text: &str) -> Vec<u8> {
        match pack(text.into()) {
            (Payload::Inline(bytes), None) => bytes,
            (Payload::Blob(sha256), Some(bytes)) => {
                assert_eq!(sha256, <[u8; 32]>::from(Sha256::digest(&bytes)));
                assert!(bytes.len() > INLINE);
                bytes
            }
            other => panic!("a payload is either: {other:?}"),
        }
    }

    #[test]
    fn a_small_payload_is_kept_as_it_is() {
        let text = format!("{{\"a\":\"{}\"}}", "x".repeat(RAW - 8));
        assert_eq!(text.len(), RAW);
        assert_eq!(stored(&text), text.as_bytes());
    }

    #[test]
    fn a_larger_payload_is_compressed_and_stays_inline_while_it_is_small_then() {
        let text = format!("[{}]", vec!["{\"id\":1}"; 10_000].join(","));
        let (payload, content) = pack(text.clone());
        assert!(matches!(&payload, Payload::Inline(bytes) if bytes.len() < RAW));
        assert_eq!(content, None);
        assert_eq!(unpack(stored(&text)).expect("it was packed"), text);
    }

    #[test]
    fn damaged_payloads_are_errors_and_not_other_texts() {
        let mut bytes = stored(&"abc".repeat(2_000));
        let last = bytes.len() - 1;
        bytes.truncate(last);
        assert!(matches!(unpack(bytes), Err(Error::Damaged(_))));
        assert!(matches!(unpack(vec![0xff, 0xfe]), Err(Error::Damaged(_))));
    }

    proptest! {
        #[test]
        fn what_is_packed_is_unpacked(piece in "[ -~äß漢]{1,200}", times in 1_usize..400, salt in any::<u64>()) {
            let mut text = String::new();
            let mut state = salt;
            for _ in 0..times {
                text.push_str(&piece);
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                text.push_str(&format!("{state:x}"));
            }
            prop_assert_eq!(unpack(stored(&text)).expect("it was packed"), text);
        }
    }
}
