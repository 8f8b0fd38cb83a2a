//! Items as n8n's code sees them: `{json, binary?, pairedItem?}`.

mod contract;

use std::collections::HashMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::alphabet::STANDARD as ALPHABET;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use model::{Binaries, Binary, Blob, Item, Lineage, Object, Origin, Text, Value};
use sdk::lookback::binary_to_data;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

pub(crate) use contract::{check_source, read_result, worded};

/// Reads base64 with or without padding.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &ALPHABET,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// The files of the blob store that one step has been given: the only ones its code may name.
#[derive(Default)]
pub(crate) struct Given(HashMap<Text, Blob>);

impl Given {
    /// The blob behind an id.
    pub(crate) fn find(&self, id: &str) -> Option<&Blob> {
        self.0.get(id)
    }

    fn note(&mut self, items: &[Item]) {
        for binary in items.iter().filter_map(|item| item.binary.as_deref()).flat_map(Binaries::values) {
            if let Blob::Stored { sha256, .. } = &binary.blob {
                self.0.insert(sha256.clone(), binary.blob.clone());
            }
        }
    }
}

/// What an item says about its origin.
#[derive(Clone, Copy)]
pub(crate) enum Pairing {
    /// Its own position: what n8n gives a node for the items on its input.
    Position,
    /// Its lineage.
    Lineage,
}

/// The JSON text of a list of items.
pub(crate) fn write_items(items: &[Item], pairing: Pairing, given: &mut Given) -> Vec<u8> {
    given.note(items);
    let mut text = Vec::with_capacity(64 * items.len() + 2);
    text.push(b'[');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            text.push(b',');
        }
        let position = Lineage::one(Origin::item(index));
        let lineage = match pairing {
            Pairing::Position => &position,
            Pairing::Lineage => &item.lineage,
        };
        serde_json::to_writer(&mut text, &Seen { item, lineage }).expect("an item always serialises");
    }
    text.push(b']');
    text
}

/// The JSON text of one item.
pub(crate) fn write_item(item: &Item, given: &mut Given) -> Vec<u8> {
    given.note(std::slice::from_ref(item));
    serde_json::to_vec(&Seen { item, lineage: &item.lineage }).expect("an item always serialises")
}

struct Seen<'a> {
    item: &'a Item,
    lineage: &'a Lineage,
}

impl Serialize for Seen<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("json", &self.item.json)?;
        if let Some(binaries) = self.item.binary.as_deref().filter(|binaries| !binaries.is_empty()) {
            let binaries: Object =
                binaries.iter().map(|(name, binary)| (name.clone(), binary_to_data(binary))).collect();
            map.serialize_entry("binary", &binaries)?;
        }
        match self.lineage.origins() {
            [] => {}
            [origin] => map.serialize_entry("pairedItem", origin)?,
            origins => map.serialize_entry("pairedItem", origins)?,
        }
        map.end()
    }
}

/// Reads the `binary` of a returned item.
fn read_binaries(binaries: &Object, given: &Given) -> Result<Option<Arc<Binaries>>, String> {
    let mut read = Binaries::default();
    for (name, binary) in binaries.iter() {
        let text = |key| binary.get(key).and_then(Value::as_str).map(Text::from);
        let blob = match (text("id"), text("data")) {
            (Some(id), _) => given
                .find(&id)
                .cloned()
                .ok_or_else(|| format!("binary property \"{name}\" names a file this code was not given"))?,
            (None, Some(data)) => LENIENT
                .decode(data.as_bytes())
                .map(|bytes| Blob::Inline(bytes.into()))
                .map_err(|_| format!("binary property \"{name}\" has data that is not base64"))?,
            (None, None) => return Err(format!("binary property \"{name}\" has no data")),
        };
        let binary = Binary {
            mime_type: text("mimeType").unwrap_or_else(|| "application/octet-stream".into()),
            file_name: text("fileName"),
            file_extension: text("fileExtension"),
            directory: text("directory"),
            blob,
        };
        read.insert(name.clone(), binary);
    }
    Ok((!read.is_empty()).then(|| Arc::new(read)))
}

/// Reads a `pairedItem`: a number, `{item, input?}`, or a list of those.
fn read_lineage(paired: &Value) -> Lineage {
    let one = |value: &Value| match value {
        Value::Number(_) => value.as_usize().map(Origin::item),
        Value::Object(object) => {
            let item = object.get("item")?.as_usize()?;
            Some(Origin::of(object.get("input").and_then(Value::as_usize).unwrap_or(0), item))
        }
        _ => None,
    };
    match paired {
        Value::Array(origins) => Lineage::many(origins.iter().filter_map(one)),
        other => one(other).map_or_else(Lineage::unknown, Lineage::one),
    }
}
