//! Telling values apart by what they hold instead of where they are.

use std::collections::HashSet;
use std::fmt::Write;

use crate::Error;
use crate::error::Limit;
use crate::eval::Cx;
use crate::value::Value;

/// A set of values; two values are the same when they hold the same.
#[derive(Default)]
pub(super) struct Distinct(HashSet<String>);

impl Distinct {
    /// The set of some values.
    pub(super) fn of(values: &[Value], cx: &Cx<'_>) -> Result<Self, Error> {
        let mut set = Self::default();
        for value in values {
            set.insert(value, cx)?;
        }
        Ok(set)
    }

    /// Adds a value; false when it is there already.
    pub(super) fn insert(&mut self, value: &Value, cx: &Cx<'_>) -> Result<bool, Error> {
        Ok(self.0.insert(key(value, cx)?))
    }

    /// Whether a value is there.
    pub(super) fn contains(&self, value: &Value, cx: &Cx<'_>) -> Result<bool, Error> {
        Ok(self.0.contains(&key(value, cx)?))
    }
}

/// A text that is the same for values that hold the same.
fn key(value: &Value, cx: &Cx<'_>) -> Result<String, Error> {
    let mut text = String::new();
    write_key(value, &mut text, cx, 100)?;
    Ok(text)
}

/// Writes the key of a value. Every value is charged before it is written: an array that holds another one twice, which
/// holds another one twice and so on, is small but has no end.
fn write_key(value: &Value, text: &mut String, cx: &Cx<'_>, depth: usize) -> Result<(), Error> {
    let depth = depth.checked_sub(1).ok_or_else(|| Error::limit(Limit::Depth))?;
    cx.charge(1)?;
    let start = text.len();
    // Writing to a string cannot fail.
    let _ = match value {
        Value::Number(number) => write!(text, "n{},", number + 0.0),
        Value::String(string) => {
            cx.charge(string.len() / 16)?;
            write!(text, "s{string:?},")
        }
        Value::Date(ms) => write!(text, "d{},", ms.get()),
        Value::DateTime(date) => write!(text, "t{} {:?},", date.to_millis(), date.zone()),
        Value::Duration(duration) => write!(text, "p{},", duration.to_text()),
        Value::Array(array) => {
            text.push('[');
            for element in array.to_vec() {
                write_key(&element, text, cx, depth)?;
            }
            text.push(']');
            return Ok(());
        }
        Value::Object(object) => {
            let mut entries = object.entries();
            entries.sort_by(|(left, _), (right, _)| left.cmp(right));
            text.push('{');
            for (key, value) in entries {
                let _ = write!(text, "{key:?}:");
                write_key(&value, text, cx, depth)?;
            }
            text.push('}');
            return Ok(());
        }
        value if value.address() != 0 => write!(text, "@{},", value.address()),
        value => write!(text, "{}{},", value.type_name(), value.to_js_string()),
    };
    cx.allocate(text.len() - start)
}
