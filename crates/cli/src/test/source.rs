//! Reads members of a case, and says which one is wrong.

use model::Value;
use serde::de::DeserializeOwned;

/// A text that must be there.
pub(super) fn text<'a>(value: &'a Value, member: &str) -> Result<&'a str, String> {
    optional_text(value, member)?.ok_or_else(|| format!("member \"{member}\" is missing"))
}

/// A text that may be missing or null.
pub(super) fn optional_text<'a>(value: &'a Value, member: &str) -> Result<Option<&'a str>, String> {
    match value.get(member) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(format!("member \"{member}\" must be a text, not {}", other.type_name())),
    }
}

/// A list of texts; empty when missing.
pub(super) fn texts(value: &Value, member: &str) -> Result<Vec<String>, String> {
    Ok(parsed(value, member)?.unwrap_or_default())
}

/// A member of some type; `None` when missing.
pub(super) fn parsed<T: DeserializeOwned>(value: &Value, member: &str) -> Result<Option<T>, String> {
    match value.get(member) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value.parse().map(Some).map_err(|error| format!("member \"{member}\": {error}")),
    }
}
