//! Names with values: queries, headers, forms.

use schemars::{Schema, SchemaGenerator, json_schema};
use sdk::expression::FromData;
use sdk::prelude::*;

/// Names with values: a list of `{name, value}`, an object, or either as JSON text.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub(super) struct Fields(Value);

impl Default for Fields {
    fn default() -> Self {
        Self(Value::array([]))
    }
}

impl Fields {
    /// The fields in order. Those without a name, and those whose value is undefined, do not count; of two with the same
    /// name the last one does.
    pub(super) fn pairs(&self) -> Vec<(Text, Value)> {
        let mut pairs = Object::new();
        match &self.0 {
            Value::Array(entries) => {
                for entry in entries.iter() {
                    let name = entry.get("name").and_then(Value::as_str).filter(|name| !name.is_empty());
                    if let Some((name, value)) = name.zip(entry.get("value")) {
                        pairs.insert(name, value.clone());
                    }
                }
            }
            Value::Object(object) => pairs = object.clone(),
            _ => {}
        }
        pairs.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
    }
}

impl FromData for Fields {
    fn from_data(value: Option<Value>) -> Result<Self, String> {
        let value = match value {
            None | Some(Value::Null) => return Ok(Self::default()),
            Some(Value::String(text)) if text.trim().is_empty() => return Ok(Self::default()),
            Some(Value::String(text)) => {
                Value::from_json(&text).map_err(|error| format!("must be valid JSON: {error}"))?
            }
            Some(value) => value,
        };
        match &value {
            Value::Object(_) => Ok(Self(value)),
            Value::Array(entries) if entries.iter().all(|entry| entry.as_object().is_some()) => {
                Ok(Self(value))
            }
            other => {
                Err(format!("must be an object, or a list of names with values, not {}", other.type_name()))
            }
        }
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [
            { "type": "array", "items": {
                "type": "object",
                "description": "A name with a value.",
                "properties": {
                    "name": { "type": "string", "description": "The name." },
                    "value": { "description": "The value." },
                },
                "required": ["name"],
            } },
            { "type": "object" },
            { "type": "string" },
        ] })
    }
}
