//! Methods of objects.

use super::{UNDEFINED, at};
use crate::Error;
use crate::eval::Cx;
use crate::value::{Native, Object, Value};

pub(super) fn method(name: &str) -> Option<Native> {
    Some(match name {
        "isEmpty" => |_, this, _| Ok(is_empty(this).into()),
        "isNotEmpty" => |_, this, _| Ok((!is_empty(this)).into()),
        "hasField" => |_, this, args| {
            let name = at(args, 0).to_js_string();
            Ok(entries(this).iter().any(|(key, _)| *key == name).into())
        },
        "removeField" => |_, this, args| {
            let name = at(args, 0).to_js_string();
            Ok(with(entries(this).into_iter().filter(|(key, _)| *key != name)))
        },
        "removeFieldsContaining" => |_, this, args| {
            let Some(part) = at(args, 0).as_str().filter(|part| !part.is_empty()) else {
                return Err(Error::extension("removeFieldsContaining(): expected non-empty string arg"));
            };
            Ok(with(entries(this).into_iter().filter(|(_, value)| !contains(value, part))))
        },
        "keepFieldsContaining" => |_, this, args| {
            let Some(part) = at(args, 0).as_str().filter(|part| !part.is_empty()) else {
                return Err(Error::extension("argument of keepFieldsContaining must be a non-empty string"));
            };
            Ok(with(entries(this).into_iter().filter(|(_, value)| contains(value, part))))
        },
        "compact" => |cx, this, _| compact(this, cx),
        "urlEncode" => |_, this, _| {
            let pairs = entries(this).into_iter().map(|(key, value)| (key, value.to_js_string()));
            Ok(super::url::form_encode(pairs).into())
        },
        "keys" => {
            |_, this, _| Ok(Value::array(entries(this).into_iter().map(|(key, _)| key.into()).collect()))
        }
        "values" => {
            |_, this, _| Ok(Value::array(entries(this).into_iter().map(|(_, value)| value).collect()))
        }
        "toJsonString" => |cx, this, _| to_json(this, cx),
        "toInt" | "toFloat" | "toBoolean" | "toDateTime" => UNDEFINED,
        _ => return None,
    })
}

/// The members of an object as `Object.keys` finds them.
fn entries(value: &Value) -> Vec<(model::Text, Value)> {
    match value {
        Value::Object(object) => object.entries(),
        Value::Array(array) => array
            .to_vec()
            .into_iter()
            .enumerate()
            .map(|(index, value)| (ecow::eco_format!("{index}"), value))
            .collect(),
        Value::Host(host) => {
            host.keys().into_iter().map(|key| (key.clone(), host.get(&key).unwrap_or_default())).collect()
        }
        Value::Duration(_) | Value::Interval(_) => vec![("isValid".into(), Value::Bool(true))],
        _ => Vec::new(),
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Object(object) => object.is_empty(),
        value => entries(value).is_empty(),
    }
}

fn with(members: impl Iterator<Item = (model::Text, Value)>) -> Value {
    Value::Object(members.collect())
}

fn contains(value: &Value, part: &str) -> bool {
    value.as_str().is_some_and(|text| text.contains(part))
}

/// The object without members that hold nothing, all the way down; nested arrays become objects as n8n has it.
pub(super) fn compact(value: &Value, cx: &Cx<'_>) -> Result<Value, Error> {
    compact_within(value, cx, 100)
}

fn compact_within(value: &Value, cx: &Cx<'_>, depth: usize) -> Result<Value, Error> {
    let depth = depth.checked_sub(1).ok_or_else(|| Error::limit(crate::Limit::Depth))?;
    let members = entries(value);
    cx.charge(members.len())?;
    let kept = Object::new();
    for (key, value) in members {
        if holds_nothing(&value) {
            continue;
        }
        kept.insert(key, if has_members(&value) { compact_within(&value, cx, depth)? } else { value });
    }
    Ok(Value::Object(kept))
}

/// Whether `compact` drops a value: nothing, empty text, the text `nil`, an object without members.
pub(super) fn holds_nothing(value: &Value) -> bool {
    match value {
        Value::Undefined | Value::Null => true,
        Value::String(text) => text.is_empty() || text == "nil",
        value => has_members(value) && is_empty(value),
    }
}

/// Whether `compact` looks inside a value.
pub(super) fn has_members(value: &Value) -> bool {
    value.is_object() && !value.is_callable() && !matches!(value, Value::DateTime(_))
}

/// `JSON.stringify`
pub(super) fn to_json(value: &Value, cx: &Cx<'_>) -> Result<Value, Error> {
    cx.allocate_copy(value)?;
    let Some(data) = value.to_data() else { return Ok(Value::Undefined) };
    let text = data.to_json();
    cx.allocate(text.len())?;
    Ok(text.into())
}
