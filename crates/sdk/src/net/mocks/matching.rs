//! How what a mock wants is compared with what a request has.

use http::header::{self, HeaderMap};
use model::{Object, Value};
use regex::Regex;
use url::form_urlencoded;

/// A value as queries, forms and headers write it.
pub(super) fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_json(), str::to_owned)
}

/// The body of a request in the form that `wanted` is compared with.
pub(super) fn sent(headers: &HeaderMap, body: &[u8], wanted: &Value) -> Value {
    let text = String::from_utf8_lossy(body);
    if wanted.as_str().is_some() {
        return Value::from(text.as_ref());
    }
    let content_type =
        headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if let Ok(value) = Value::from_json(&text) {
        return value;
    }
    if !content_type.contains("x-www-form-urlencoded") {
        return Value::from(text.as_ref());
    }
    let mut form = Object::new();
    for (key, value) in form_urlencoded::parse(body) {
        let value = Value::from(value.as_ref());
        let merged = match form.get(&key) {
            None => value,
            Some(Value::Array(values)) => Value::array(values.iter().cloned().chain([value])),
            Some(first) => Value::array([first.clone(), value]),
        };
        form.insert(key.as_ref(), merged);
    }
    Value::Object(form)
}

/// Whether `actual` is what `wanted` describes.
pub(super) fn matches(wanted: &Value, actual: &Value) -> bool {
    match (wanted, actual) {
        (Value::Object(object), _) if object.get("__function").is_some() => true,
        (Value::Object(object), _) if object.get("__regex").is_some() => {
            let pattern = object.get("__regex").and_then(Value::as_str).and_then(pattern);
            let text = if actual.is_null() { None } else { Some(shown(actual)) };
            pattern.zip(text).is_some_and(|(pattern, text)| pattern.is_match(&text))
        }
        (Value::Object(wanted), Value::Object(actual)) => {
            wanted.len() == actual.len()
                && wanted
                    .iter()
                    .all(|(key, value)| actual.get(key).is_some_and(|actual| matches(value, actual)))
        }
        (Value::Array(wanted), Value::Array(actual)) => {
            wanted.len() == actual.len()
                && wanted.iter().zip(actual.iter()).all(|(wanted, actual)| matches(wanted, actual))
        }
        (Value::String(wanted), Value::String(actual)) => {
            wanted == actual || wanted.lines().collect::<String>() == actual.lines().collect::<String>()
        }
        // A form knows only text.
        (Value::Number(_) | Value::Bool(_), Value::String(actual)) => shown(wanted) == actual.as_str(),
        _ => wanted == actual,
    }
}

/// A JavaScript pattern such as `/a\/b/i`.
fn pattern(source: &str) -> Option<Regex> {
    let body = source.strip_prefix('/').and_then(|rest| rest.rsplit_once('/'));
    let (body, flags) = body.unwrap_or((source, ""));
    let flags: String = flags.chars().filter(|flag| "ims".contains(*flag)).collect();
    let prefix = if flags.is_empty() { String::new() } else { format!("(?{flags})") };
    Regex::new(&format!("{prefix}{body}")).ok()
}

pub(super) fn decoded(path: &str) -> String {
    percent_encoding::percent_decode_str(path).decode_utf8_lossy().into_owned()
}

/// The pairs of a query. `a[]=1`, `a[0]=1` and `a=1` are the same.
pub(super) fn pairs(query: &str) -> Vec<(String, Value)> {
    form_urlencoded::parse(query.as_bytes())
        .map(|(key, value)| (element_of(&key).to_owned(), Value::from(value.as_ref())))
        .collect()
}

fn element_of(key: &str) -> &str {
    match key.strip_suffix(']').and_then(|key| key.rsplit_once('[')) {
        Some((list, index)) if index.bytes().all(|byte| byte.is_ascii_digit()) => list,
        _ => key,
    }
}

/// The pairs that a wanted query value stands for.
pub(super) fn flatten(key: String, value: &Value, pairs: &mut Vec<(String, Value)>) {
    match value {
        Value::Array(values) => values.iter().for_each(|value| flatten(key.clone(), value, pairs)),
        Value::Object(object) if object.get("__regex").is_none() && object.get("__function").is_none() => {
            object.iter().for_each(|(name, value)| flatten(format!("{key}[{name}]"), value, pairs));
        }
        Value::Object(_) => pairs.push((element_of(&key).to_owned(), value.clone())),
        Value::Null => pairs.push((element_of(&key).to_owned(), Value::from(""))),
        value => pairs.push((element_of(&key).to_owned(), Value::from(shown(value)))),
    }
}
