//! Items as n8n writes them: `{json, binary?, pairedItem?}`, or bare data.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::{Binaries, Binary, Blob, Item, Lineage, Object, Origin, Text, Value};

/// Reads a list of items; `None` when it is no list of objects.
pub fn read_items(items: &Value) -> Option<Vec<Item>> {
    items.as_array()?.iter().map(read_item).collect()
}

/// Reads one item: `{json, ...}`, or an object that is the data itself. `None` when it is no object.
pub fn read_item(item: &Value) -> Option<Item> {
    let item = item.as_object()?;
    let Some(json) = item.get("json").and_then(Value::as_object) else {
        return Some(Item::new(item.clone()));
    };
    let binary =
        item.get("binary").and_then(Value::as_object).map(read_files).filter(|files| !files.is_empty());
    let lineage = item.get("pairedItem").map(read_lineage).unwrap_or_default();
    Some(Item { json: json.clone(), binary: binary.map(Arc::new), lineage })
}

fn read_files(files: &Object) -> Binaries {
    files.iter().filter_map(|(name, file)| Some((name.clone(), read_file(file.as_object()?)))).collect()
}

fn read_file(file: &Object) -> Binary {
    let text = |name: &str| file.get(name).and_then(Value::as_str).map(Text::from);
    let blob = match text("data").and_then(|data| STANDARD.decode(data.as_bytes()).ok()) {
        Some(bytes) => Blob::Inline(Arc::from(bytes)),
        None => Blob::default(),
    };
    Binary {
        mime_type: text("mimeType").unwrap_or_default(),
        file_name: text("fileName"),
        file_extension: text("fileExtension"),
        directory: text("directory"),
        blob,
    }
}

/// Reads `pairedItem`: a number, an object or a list of them.
pub fn read_lineage(paired: &Value) -> Lineage {
    let origin = |value: &Value| match value {
        Value::Object(origin) => {
            let item = origin.get("item")?.as_usize()?;
            Some(Origin::of(origin.get("input").and_then(Value::as_usize).unwrap_or(0), item))
        }
        value => Some(Origin::item(value.as_usize()?)),
    };
    match paired {
        Value::Array(several) => Lineage::many(several.iter().filter_map(origin)),
        one => Lineage::many(origin(one)),
    }
}

#[cfg(test)]
mod tests {
    use model::json;
    use sdk::lookback::item_to_data;

    use super::*;

    #[test]
    fn bare_data_is_an_item_too() {
        let item = read_item(&json!({ "a": 1 })).expect("an object is an item");
        assert_eq!(item_to_data(&item), json!({ "json": { "a": 1 } }));
        assert_eq!(read_items(&json!([{ "a": 1 }, 2])), None);
    }

    #[test]
    fn files_and_lineage_survive() {
        let item = json!({
            "json": {}, "binary": { "data": { "mimeType": "text/plain", "data": "aGk=", "fileName": "a.txt" } },
            "pairedItem": [3, { "item": 1, "input": 1 }],
        });
        let read = read_item(&item).expect("an object is an item");
        let written = item_to_data(&read);
        assert_eq!(written.get("pairedItem"), Some(&json!([{ "item": 3 }, { "item": 1, "input": 1 }])));
        let file = written.get("binary").and_then(|files| files.get("data")).expect("the file is there");
        assert_eq!(file.get("data"), Some(&json!("aGk=")));
    }
}
