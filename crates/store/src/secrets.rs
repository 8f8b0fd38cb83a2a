//! Encryption at rest. The key of the instance wraps a data key per workspace; a data key seals records. What a record
//! is sealed for (table, column, workspace, row, version of the key) is part of what its tag protects: a record that is
//! moved elsewhere does not open.
//!
//! Both levels rotate while the instance runs: a new key of the instance wraps the data keys again, a new data key seals
//! what is written from then on while what is there is sealed again in the background.

mod data_keys;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use aes_gcm::aead::{Aead as _, Payload};
use aes_gcm::{Aes256Gcm, KeyInit as _, Nonce};
use hkdf::Hkdf;
use model::ids::WorkspaceId;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::blobs::hex;
use crate::error::{Error, Result};
use crate::fresh::random;

pub use data_keys::Rotated;

/// A secret text. It has no `Debug`, `Display` or `Serialize` on purpose, and is wiped when it is dropped.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Makes a text a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text, for the place that needs it and nothing else.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// 32 secret bytes, wiped when they are dropped.
type Key = Zeroizing<[u8; 32]>;

/// The keys of the instance: the one that encrypts, and those that decrypt what was encrypted before it.
/// Cheap to clone. It has no `Debug`, `Display` or `Serialize` on purpose.
#[derive(Clone)]
pub struct Keyring(Arc<Inner>);

struct Inner {
    root: Key,
    current: Wrapping,
    previous: Vec<Wrapping>,
    /// Data keys that were used.
    opened: Mutex<HashMap<(WorkspaceId, u32), Arc<Key>>>,
}

/// A key that wraps data keys.
struct Wrapping {
    /// Says which it is, and nothing about it.
    id: String,
    key: Key,
}

impl Wrapping {
    fn new(root: &Key) -> Self {
        let id = derive(root, "runnel/1/wrapping-key-id");
        Self { id: hex(&id[..8]), key: derive(root, "runnel/1/wrapping-key") }
    }
}

impl Keyring {
    /// The keyring of an instance with this key.
    pub fn new(root: [u8; 32]) -> Self {
        Self::with_previous(root, [])
    }

    /// The keyring of an instance that had other keys before.
    pub fn with_previous(root: [u8; 32], previous: impl IntoIterator<Item = [u8; 32]>) -> Self {
        let root = Zeroizing::new(root);
        let current = Wrapping::new(&root);
        let previous = previous.into_iter().map(|root| Wrapping::new(&Zeroizing::new(root))).collect();
        Self(Arc::new(Inner { root, current, previous, opened: Mutex::default() }))
    }

    /// A key for one purpose, so that what was made for one means nothing for another.
    pub fn derive(&self, purpose: &str) -> Zeroizing<[u8; 32]> {
        derive(&self.0.root, purpose)
    }

    /// The id of the key that wraps data keys.
    pub(crate) fn wrapping_id(&self) -> &str {
        &self.0.current.id
    }

    /// Wraps a data key. Gives the id of the key that did it, too.
    pub(crate) fn wrap(&self, workspace: WorkspaceId, version: u32, key: &Key) -> (Vec<u8>, String) {
        let wrapping = &self.0.current;
        let context = context("data_keys", "wrapped_key", workspace, wrapping.id.as_bytes(), version);
        (seal(&wrapping.key, version, &context, key.as_slice()), wrapping.id.clone())
    }

    /// Unwraps a data key.
    pub(crate) fn unwrap(
        &self,
        workspace: WorkspaceId,
        version: u32,
        wrapped: &[u8],
        wrapped_by: &str,
    ) -> Result<Key> {
        let mut known = std::iter::once(&self.0.current).chain(&self.0.previous);
        let wrapping = known.find(|wrapping| wrapping.id == wrapped_by).ok_or_else(|| {
            Error::Refused(
                "what is stored was encrypted with another key than the key file holds; \
                 put back the key file that belongs to this data"
                    .into(),
            )
        })?;
        let context = context("data_keys", "wrapped_key", workspace, wrapping.id.as_bytes(), version);
        let key = open(&wrapping.key, version, &context, wrapped)?;
        let key = <[u8; 32]>::try_from(key.as_slice())
            .map_err(|_| Error::Damaged("a data key has the wrong length".into()))?;
        Ok(Zeroizing::new(key))
    }

    /// Seals a text that everybody with the key of the instance can open.
    pub(crate) fn seal_check(&self, text: &str) -> Vec<u8> {
        seal(&self.0.current.key, 0, b"v1|check", text.as_bytes())
    }

    /// Whether one of the keys opens what [`seal_check`](Self::seal_check) made of this text.
    pub(crate) fn opens_check(&self, sealed: &[u8], text: &str) -> bool {
        let mut known = std::iter::once(&self.0.current).chain(&self.0.previous);
        known.any(|wrapping| {
            open(&wrapping.key, 0, b"v1|check", sealed)
                .is_ok_and(|opened| opened.as_slice() == text.as_bytes())
        })
    }

    fn opened(&self, workspace: WorkspaceId, version: u32) -> Option<Arc<Key>> {
        let opened = self.0.opened.lock().unwrap_or_else(PoisonError::into_inner);
        opened.get(&(workspace, version)).cloned()
    }

    fn keep_open(&self, workspace: WorkspaceId, version: u32, key: Key) -> Arc<Key> {
        let key = Arc::new(key);
        let mut opened = self.0.opened.lock().unwrap_or_else(PoisonError::into_inner);
        opened.insert((workspace, version), Arc::clone(&key));
        key
    }

    /// Forgets the data keys of a workspace that is gone.
    pub fn forget(&self, workspace: WorkspaceId) {
        let mut opened = self.0.opened.lock().unwrap_or_else(PoisonError::into_inner);
        opened.retain(|(of, _), _| *of != workspace);
    }
}

/// Where a record is: what it is sealed for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    pub(crate) table: &'a str,
    pub(crate) column: &'a str,
    pub(crate) workspace: WorkspaceId,
    pub(crate) row: &'a [u8],
}

impl Place<'_> {
    fn context(&self, version: u32) -> Vec<u8> {
        context(self.table, self.column, self.workspace, self.row, version)
    }
}

/// Seals a text for its place with a data key.
pub(crate) fn seal_record(key: &Key, version: u32, place: Place<'_>, text: &Secret) -> Vec<u8> {
    seal(key, version, &place.context(version), text.expose().as_bytes())
}

/// Opens what was sealed for this place.
pub(crate) fn open_record(key: &Key, version: u32, place: Place<'_>, sealed: &[u8]) -> Result<Secret> {
    let mut opened = open(key, version, &place.context(version), sealed)?;
    let text = String::from_utf8(std::mem::take(&mut *opened));
    text.map(Secret::new).map_err(|_| Error::Damaged("a secret is not UTF-8".into()))
}

/// The first bytes of a record: its version, and AES-256-GCM.
const HEADER: [u8; 2] = [1, 1];

const NONCE: usize = 12;

/// `1 ‖ algorithm ‖ version of the key ‖ nonce ‖ ciphertext ‖ tag`.
fn seal(key: &Key, version: u32, context: &[u8], text: &[u8]) -> Vec<u8> {
    let nonce: [u8; NONCE] = random();
    let cipher = Aes256Gcm::new(&(**key).into());
    let sealed = cipher
        .encrypt(&Nonce::from(nonce), Payload { msg: text, aad: context })
        .expect("only texts of many gigabytes cannot be sealed");
    let mut record = Vec::with_capacity(HEADER.len() + 4 + NONCE + sealed.len());
    record.extend_from_slice(&HEADER);
    record.extend_from_slice(&version.to_be_bytes());
    record.extend_from_slice(&nonce);
    record.extend_from_slice(&sealed);
    record
}

fn open(key: &Key, version: u32, context: &[u8], record: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
    let damaged =
        || Error::Damaged("a secret does not open: it was changed, moved or sealed with another key".into());
    let rest = record.strip_prefix(&HEADER).and_then(|rest| rest.strip_prefix(&version.to_be_bytes()));
    let rest = rest.ok_or_else(damaged)?;
    let (nonce, sealed) = rest.split_at_checked(NONCE).ok_or_else(damaged)?;
    let nonce: [u8; NONCE] = nonce.try_into().map_err(|_| damaged())?;
    let cipher = Aes256Gcm::new(&(**key).into());
    let opened = cipher.decrypt(&Nonce::from(nonce), Payload { msg: sealed, aad: context });
    opened.map(Zeroizing::new).map_err(|_| damaged())
}

/// `"v1" ‖ table ‖ column ‖ workspace ‖ row ‖ version of the key`, each with its length so that nothing can be cut
/// differently.
fn context(table: &str, column: &str, workspace: WorkspaceId, row: &[u8], version: u32) -> Vec<u8> {
    let version = version.to_be_bytes();
    let parts = [b"v1", table.as_bytes(), column.as_bytes(), workspace.as_bytes(), row, &version];
    let mut context = Vec::new();
    for part in parts {
        context.extend_from_slice(&(part.len() as u32).to_be_bytes());
        context.extend_from_slice(part);
    }
    context
}

fn derive(root: &Key, purpose: &str) -> Key {
    let mut derived = Zeroizing::new([0; 32]);
    Hkdf::<Sha256>::new(None, root.as_slice())
        .expand(purpose.as_bytes(), derived.as_mut_slice())
        .expect("32 bytes can be derived");
    derived
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn workspace(number: u64) -> WorkspaceId {
        WorkspaceId::new(number, [1; 10])
    }

    fn place(row: &[u8]) -> Place<'_> {
        Place { table: "credentials", column: "ciphertext", workspace: workspace(1), row }
    }

    #[test]
    fn derived_keys_differ_by_purpose_and_by_root() {
        let keyring = Keyring::new([7; 32]);
        assert_eq!(keyring.derive("a"), Keyring::new([7; 32]).derive("a"));
        assert_ne!(keyring.derive("a"), keyring.derive("b"));
        assert_ne!(keyring.derive("a"), Keyring::new([8; 32]).derive("a"));
    }

    #[test]
    fn hkdf_gives_what_the_standard_says() {
        // RFC 5869, test case 3: no salt, no info; its first 32 bytes.
        let mut out = [0; 32];
        Hkdf::<Sha256>::new(None, &[0x0b; 22]).expand(&[], &mut out).expect("it can be derived");
        assert_eq!(hex(&out), "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d");
    }

    #[test]
    fn a_wrapped_key_opens_with_a_key_of_the_ring_and_for_its_workspace_only() {
        let old = Keyring::new([1; 32]);
        let key = Zeroizing::new([5; 32]);
        let (wrapped, by) = old.wrap(workspace(1), 3, &key);
        assert_eq!(old.unwrap(workspace(1), 3, &wrapped, &by).expect("it is ours"), key);
        let new = Keyring::with_previous([2; 32], [[1; 32]]);
        assert_eq!(new.unwrap(workspace(1), 3, &wrapped, &by).expect("it was ours"), key);
        assert!(matches!(new.unwrap(workspace(2), 3, &wrapped, &by), Err(Error::Damaged(_))));
        assert!(matches!(new.unwrap(workspace(1), 4, &wrapped, &by), Err(Error::Damaged(_))));
        let other = Keyring::new([3; 32]);
        assert!(matches!(other.unwrap(workspace(1), 3, &wrapped, &by), Err(Error::Refused(_))));
    }

    proptest! {
        #[test]
        fn what_is_sealed_opens_where_it_was_sealed_and_nowhere_else(
            text in any::<String>(), row in any::<[u8; 16]>(), other in any::<[u8; 16]>(), at in any::<usize>(),
        ) {
            prop_assume!(row != other);
            let key = Zeroizing::new([9; 32]);
            let secret = Secret::new(text.as_str());
            let sealed = seal_record(&key, 2, place(&row), &secret);
            let opened = open_record(&key, 2, place(&row), &sealed).map(|secret| secret.expose().to_owned());
            prop_assert_eq!(opened.ok(), Some(text));
            // Another row, column, table, workspace, version.
            prop_assert!(open_record(&key, 2, place(&other), &sealed).is_err());
            prop_assert!(open_record(&key, 3, place(&row), &sealed).is_err());
            for moved in [
                Place { column: "x", ..place(&row) },
                Place { table: "x", ..place(&row) },
                Place { workspace: workspace(2), ..place(&row) },
            ] {
                prop_assert!(open_record(&key, 2, moved, &sealed).is_err());
            }
            let mut changed = sealed.clone();
            let at = at % sealed.len();
            changed[at] ^= 1;
            prop_assert!(open_record(&key, 2, place(&row), &changed).is_err());
            prop_assert!(open_record(&key, 2, place(&row), &sealed[..at]).is_err());
        }
    }
}
