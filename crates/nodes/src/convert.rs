//! Values to a wanted type, as JavaScript and n8n's fields convert them.

use sdk::prelude::*;

use crate::loose_json;

/// A type that a field can be held to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Type {
    /// Text; whatever is no text is written out.
    String,
    /// A number, or text that reads as one.
    Number,
    /// True or false; also as text, and 1 and 0.
    Boolean,
    /// A list, or JSON text of one.
    Array,
    /// An object, or JSON text of one.
    Object,
}

impl Type {
    /// The name users see.
    pub fn name(self) -> &'static str {
        match self {
            Type::String => "string",
            Type::Number => "number",
            Type::Boolean => "boolean",
            Type::Array => "array",
            Type::Object => "object",
        }
    }

    /// The value as this type; `None` when it cannot be converted.
    pub fn convert(self, value: &Value) -> Option<Value> {
        match (self, value) {
            (Type::Number, Value::Number(number)) if number.is_nan() => None,
            (Type::String, Value::String(_))
            | (Type::Number, Value::Number(_))
            | (Type::Boolean, Value::Bool(_))
            | (Type::Array, Value::Array(_))
            | (Type::Object, Value::Object(_)) => Some(value.clone()),
            (Type::String, Value::Array(_) | Value::Object(_) | Value::Null) => Some(value.to_json().into()),
            (Type::String, value) => Some(Value::String(to_text(value))),
            (Type::Number, value) => {
                Some(to_number(value)).filter(|number| !number.is_nan()).map(Value::Number)
            }
            (Type::Boolean, value) => to_boolean(value).map(Value::Bool),
            (Type::Array, value) => {
                let text = to_text(value);
                let parsed = Value::from_json(&text).or_else(|_| Value::from_json(&text.replace("'", "\"")));
                parsed.ok().filter(|value| value.as_array().is_some())
            }
            (Type::Object, value) => {
                let text = to_text(value);
                let parsed = Value::from_json(&text).ok().or_else(|| loose_json::parse_object_literal(&text));
                parsed.filter(|value| matches!(value, Value::Object(_) | Value::Null))
            }
        }
    }

    /// What to say about a value of `field` that cannot be converted; `None` is `undefined`.
    pub fn mismatch(self, field: &str, value: Option<&Value>) -> String {
        format!("'{field}' expects a {} but we got {}", self.name(), describe(value))
    }
}

/// The value as messages name it: its type for objects and lists, the value itself otherwise.
pub fn describe(value: Option<&Value>) -> String {
    match value {
        None => "'undefined'".to_owned(),
        Some(Value::Array(_)) => "array".to_owned(),
        Some(Value::Object(_)) => "object".to_owned(),
        Some(value) => format!("'{}'", to_text(value)),
    }
}

/// JavaScript's `Number(value)`.
pub fn to_number(value: &Value) -> f64 {
    match value {
        Value::Number(number) => *number,
        value => expr::Value::from_data(value).to_number(),
    }
}

/// JavaScript's `String(value)`.
pub fn to_text(value: &Value) -> Text {
    match value {
        Value::String(text) => text.clone(),
        value => expr::Value::from_data(value).to_js_string(),
    }
}

/// What JavaScript's `if` takes for true.
pub fn truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(number) => *number != 0.0 && !number.is_nan(),
        Value::String(text) => !text.is_empty(),
        Value::Array(_) | Value::Object(_) => true,
    }
}

/// True and false as such, as text, or as 1 and 0.
pub fn to_boolean(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(value) => Some(*value),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
        Value::String(text) if text.trim().is_empty() => None,
        value => match to_number(value) {
            0.0 => Some(false),
            1.0 => Some(true),
            _ => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_from_text_as_javascript_reads_them() {
        assert_eq!(Type::Number.convert(&" 12.5 ".into()), Some(12.5.into()));
        assert_eq!(Type::Number.convert(&"".into()), Some(0.into()));
        assert_eq!(Type::Number.convert(&"twelve".into()), None);
        assert_eq!(Type::Number.convert(&true.into()), Some(1.into()));
    }

    #[test]
    fn booleans_are_also_one_and_zero() {
        assert_eq!(Type::Boolean.convert(&"True".into()), Some(true.into()));
        assert_eq!(Type::Boolean.convert(&"0".into()), Some(false.into()));
        assert_eq!(Type::Boolean.convert(&"".into()), None);
        assert_eq!(Type::Boolean.convert(&2.into()), None);
    }

    #[test]
    fn text_of_lists_and_objects_is_parsed() {
        assert_eq!(Type::Array.convert(&"['a', 1]".into()), Some(json!(["a", 1])));
        assert_eq!(Type::Array.convert(&json!({})), None);
        assert_eq!(Type::Object.convert(&"{ a: 'b' }".into()), Some(json!({ "a": "b" })));
        assert_eq!(Type::Object.convert(&json!([])), None);
    }

    #[test]
    fn lists_and_objects_become_json_text() {
        assert_eq!(Type::String.convert(&json!({ "a": [1] })), Some(r#"{"a":[1]}"#.into()));
    }

    #[test]
    fn a_mismatch_names_field_type_and_value() {
        assert_eq!(Type::Number.mismatch("age", Some(&"x".into())), "'age' expects a number but we got 'x'");
        assert_eq!(
            Type::Number.mismatch("age", Some(&json!({}))),
            "'age' expects a number but we got object"
        );
        assert_eq!(Type::String.mismatch("age", None), "'age' expects a string but we got 'undefined'");
    }
}
