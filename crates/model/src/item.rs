//! Items: what travels along an edge.

use std::sync::Arc;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::value::{Object, Text};

/// The items of one port, shared between everybody who reads them.
pub type Items = Arc<Vec<Item>>;

/// One record on an edge: a JSON object, files it refers to, and where it came from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Item {
    /// The data.
    pub json: Object,
    /// Files by name; absent and empty mean the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binary: Option<Arc<Binaries>>,
    /// The input items this one stems from.
    #[serde(default, skip_serializing_if = "Lineage::is_unknown")]
    pub lineage: Lineage,
}

impl Item {
    /// An item with this data, no files and unknown lineage.
    pub fn new(json: Object) -> Self {
        Self { json, binary: None, lineage: Lineage::unknown() }
    }

    /// The same data and files, stemming from input item `index` of the first port.
    pub fn from_item(self, index: usize) -> Self {
        Self { lineage: Lineage::one(Origin::item(index)), ..self }
    }
}

impl From<Object> for Item {
    fn from(json: Object) -> Self {
        Item::new(json)
    }
}

/// Files of an item by name.
pub type Binaries = IndexMap<Text, Binary, foldhash::fast::RandomState>;

/// A file that an item refers to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Binary {
    /// Media type such as `image/png`.
    pub mime_type: Text,
    /// File name with extension, when known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_name: Option<Text>,
    /// Extension without the dot, when known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_extension: Option<Text>,
    /// Folder the file was read from, when it came from a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<Text>,
    /// The bytes, or where they are.
    pub blob: Blob,
}

/// Bytes, inline or by reference.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Blob {
    /// Small content, base64 in JSON.
    Inline(#[serde(with = "base64_bytes")] Arc<[u8]>),
    /// Content in the blob store.
    Stored {
        /// Hex SHA-256 of the content.
        sha256: Text,
        /// Size in bytes.
        size: u64,
    },
}

impl Default for Blob {
    fn default() -> Self {
        Blob::Inline(Arc::from([]))
    }
}

impl Blob {
    /// Size in bytes.
    pub fn size(&self) -> u64 {
        match self {
            Blob::Inline(bytes) => bytes.len() as u64,
            Blob::Stored { size, .. } => *size,
        }
    }
}

/// One input item that an item stems from (n8n's `pairedItem`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// Index of the item on that input.
    pub item: u32,
    /// Index of the input port.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub input: u16,
    /// The run of the same node that the item arrived in, when that was an earlier one: a loop hands out later what it
    /// was given before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<u32>,
}

impl Origin {
    /// Item `index` of the first input.
    pub fn item(index: usize) -> Self {
        Self::of(0, index)
    }

    /// Item `index` of input `port`.
    pub fn of(port: usize, index: usize) -> Self {
        Self { item: index as u32, input: port as u16, run: None }
    }

    /// The same item, having arrived in run `index` of the node.
    pub fn in_run(self, index: usize) -> Self {
        Self { run: Some(index as u32), ..self }
    }
}

fn is_zero(input: &u16) -> bool {
    *input == 0
}

/// The input items that an item stems from; empty when unknown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Lineage(SmallVec<[Origin; 1]>);

impl Lineage {
    /// Nobody said where the item came from.
    pub fn unknown() -> Self {
        Self::default()
    }

    /// Exactly one input item.
    pub fn one(origin: Origin) -> Self {
        Self(SmallVec::from_buf([origin]))
    }

    /// Several input items.
    pub fn many(origins: impl IntoIterator<Item = Origin>) -> Self {
        Self(origins.into_iter().collect())
    }

    /// Whether nobody said where the item came from.
    pub fn is_unknown(&self) -> bool {
        self.0.is_empty()
    }

    /// The input items, in the order they were named.
    pub fn origins(&self) -> &[Origin] {
        &self.0
    }
}

mod base64_bytes {
    use std::sync::Arc;

    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &Arc<[u8]>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<[u8]>, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD.decode(text).map(Arc::from).map_err(serde::de::Error::custom)
    }
}
