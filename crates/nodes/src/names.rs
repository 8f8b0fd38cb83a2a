//! Lists of field names as parameters.

use sdk::expression::FromData;
use sdk::prelude::*;

use crate::path::Path;

/// Names or paths of fields: a list, or text with commas between them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names(pub Vec<Text>);

impl Names {
    /// The names between the commas of `text`.
    pub fn from_text(text: &str) -> Self {
        Self(text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(Text::from).collect())
    }

    /// The names as paths.
    pub fn paths(&self, dotted: bool) -> Vec<Path> {
        self.0.iter().map(|name| Path::new(name, dotted)).collect()
    }
}

impl FromData for Names {
    fn from_data(value: Option<Value>) -> Result<Self, String> {
        match value {
            None | Some(Value::Null) => Ok(Self::default()),
            Some(Value::String(text)) => Ok(Self::from_text(&text)),
            Some(Value::Array(values)) => Ok(Self(values.iter().map(crate::convert::to_text).collect())),
            Some(other) => Err(format!("must be names with commas between them, not {}", other.type_name())),
        }
    }

    fn schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }]
        })
    }
}

impl Serialize for Names {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.iter().any(|name| name.contains(',') || name.is_empty()) {
            return self.0.serialize(serializer);
        }
        serializer.serialize_str(&self.0.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: Value) -> Vec<Text> {
        Names::from_data(Some(value)).expect("names").0
    }

    #[test]
    fn names_stand_in_a_list_or_between_commas() {
        assert_eq!(read(json!(" a, b.c ,,")), ["a", "b.c"]);
        assert_eq!(read(json!(["a,b", "c"])), ["a,b", "c"]);
        assert!(Names::from_data(Some(json!({}))).is_err());
    }
}
