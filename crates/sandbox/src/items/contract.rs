//! What code may return, and how that becomes items: n8n's rules and messages.

use std::borrow::Cow;
use std::sync::Arc;

use model::{Item, Lineage, Object, Origin, Value};

use super::{Given, read_binaries, read_lineage};
use crate::request::{Contract, ErrorKind};
use crate::wire::Failure;

const NOT_ITEMS: &str = "Code doesn't return items properly";
const RETURN_ITEMS: &str = "Please return an array of objects, one for each item you would like to output.";

/// Keys that make an object an item rather than plain data.
const ITEM_KEYS: [&str; 5] = ["json", "binary", "pairedItem", "error", "index"];

/// Refuses code that reads all items in the mode that sees one, as n8n does before running it.
pub(crate) fn check_source(contract: Contract, source: &str) -> Result<(), Failure> {
    if contract != Contract::EachItem {
        return Ok(());
    }
    let method = source.match_indices("$input.").find_map(|(at, prefix)| {
        let rest = &source[at + prefix.len()..];
        ["first", "last", "all", "itemMatching"].into_iter().find(|method| rest.starts_with(method))
    });
    let Some(method) = method else { return Ok(()) };
    let line = source
        .lines()
        .position(|line| line.contains(method) && !line.starts_with("//") && !line.starts_with('*'));
    let Some(line) = line else { return Ok(()) };
    Err(Failure {
        line: Some(line as u32 + 1),
        description: Some("This is only available in 'Run Once for All Items' mode".into()),
        ..refused(format!("Can't use .{method}() here"), None, Some(0))
    })
}

/// Turns what the code returned, as JSON text, into items.
pub(crate) fn read_result(
    contract: Contract,
    text: &[u8],
    inputs: usize,
    given: &Given,
) -> Result<Vec<Item>, Failure> {
    let value = parse(text)?;
    match contract {
        Contract::AllItems => all_items(value, inputs, given),
        Contract::Function => function(value, inputs, given),
        Contract::EachItem => per_item(value, given, each_item),
        Contract::FunctionItem => per_item(value, given, forgiving_function_item),
    }
}

/// `None` is JavaScript's `undefined`.
fn parse(text: &[u8]) -> Result<Option<Value>, Failure> {
    if text.is_empty() {
        return Ok(None);
    }
    let text = std::str::from_utf8(text).map_err(|_| refused("the result is not valid text", None, None))?;
    serde_json::from_str(&pair_surrogates(text)).map(Some).map_err(|error| {
        if error.to_string().contains("recursion limit") {
            refused("the result is nested more than 120 levels deep", None, None)
        } else {
            refused(format!("the result cannot be read: {error}"), None, None)
        }
    })
}

/// Replaces halves of surrogate pairs, which JavaScript text may hold and ours may not. The engine writes whole pairs
/// as characters, so every escape of one is a lone half.
fn pair_surrogates(text: &str) -> Cow<'_, str> {
    if !text.contains("\\ud") {
        return Cow::Borrowed(text);
    }
    let mut fixed = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        let escape = &rest[at..];
        let is_half =
            escape.starts_with("\\ud") && escape.as_bytes().get(3).is_some_and(|digit| *digit >= b'8');
        let length = if is_half { 6 } else { 2 };
        fixed.push_str(&rest[..at]);
        fixed.push_str(if is_half { "\u{fffd}" } else { &escape[..length] });
        rest = &escape[length..];
    }
    fixed.push_str(rest);
    Cow::Owned(fixed)
}

fn all_items(value: Option<Value>, inputs: usize, given: &Given) -> Result<Vec<Item>, Failure> {
    let elements = match value {
        Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Object(object)) => return Ok(vec![single(object, inputs, given)?]),
        Some(Value::Array(elements)) => elements,
        _ => return Err(refused(NOT_ITEMS, Some(RETURN_ITEMS), None)),
    };
    let objects = into_objects(elements).ok_or_else(|| refused(NOT_ITEMS, Some(RETURN_ITEMS), None))?;
    let are_items = objects.iter().any(|object| ITEM_KEYS.iter().any(|key| object.contains_key(key)));
    if are_items {
        for (index, object) in objects.iter().enumerate() {
            check_keys(object, index)?;
        }
    }
    normalise(objects, are_items, inputs, given)
}

/// n8n's `normalizeItems`: all are items, or none is.
fn normalise(
    objects: Vec<Object>,
    are_items: bool,
    inputs: usize,
    given: &Given,
) -> Result<Vec<Item>, Failure> {
    let count = |key: &str| objects.iter().filter(|object| object.contains_key(key)).count();
    let (with_json, with_binary) = if are_items { (count("json"), count("binary")) } else { (0, 0) };
    if with_json == 0 && with_binary == 0 {
        return Ok(objects.into_iter().map(|json| defaulted(Item::new(json), inputs)).collect());
    }
    if with_json < objects.len() && (with_json > 0 || with_binary < objects.len()) {
        return Err(refused("Inconsistent item format", None, None));
    }
    objects
        .into_iter()
        .enumerate()
        .map(|(index, mut object)| {
            if with_json == 0 {
                let mut json = object.clone();
                let binary = json.remove("binary").expect("counted above");
                object = [("json", Value::from(json)), ("binary", binary)].into_iter().collect();
            }
            item(object, index, given).map(|item| defaulted(item, inputs))
        })
        .collect()
}

/// A single object instead of an array: an item if it has data under `json`, else the data.
fn single(object: Object, inputs: usize, given: &Given) -> Result<Item, Failure> {
    let item =
        if object.get("json").is_some_and(is_truthy) { item(object, 0, given)? } else { Item::new(object) };
    Ok(defaulted(item, inputs))
}

/// The old Function node.
fn function(value: Option<Value>, inputs: usize, given: &Given) -> Result<Vec<Item>, Failure> {
    const NO_ARRAY: &str = "Always an Array of items has to be returned!";
    let elements = match value {
        None | Some(Value::Null) => {
            return Err(refused("No data got returned. Always return an Array of items!", None, None));
        }
        Some(Value::Object(object)) => return Ok(vec![single(object, inputs, given)?]),
        Some(Value::Array(elements)) => elements,
        Some(_) => return Err(refused(NO_ARRAY, None, None)),
    };
    let objects = into_objects(elements)
        .ok_or_else(|| refused("The json-property has to be an object!", None, None))?;
    let are_items = objects.iter().any(|object| object.contains_key("json") || object.contains_key("binary"));
    normalise(objects, are_items, inputs, given)
}

/// Reads what the code returned for one item: the value, what else the runner says, the index.
type ReadOne = fn(Option<&Value>, &Object, usize, &Given) -> Result<Option<Item>, Failure>;

/// Results of code that ran once per item: a list of `{v: value}`, `{}` for undefined, or `{e: message}` where the
/// item failed and the step goes on.
fn per_item(value: Option<Value>, given: &Given, read: ReadOne) -> Result<Vec<Item>, Failure> {
    let mut items = Vec::new();
    for (index, result) in value.as_ref().and_then(Value::as_array).unwrap_or_default().iter().enumerate() {
        let result = result.as_object().expect("the runner returns objects");
        let item = match result.get("e") {
            Some(message) => Some(Item::new([("error", message.clone())].into_iter().collect())),
            None => read(result.get("v"), result, index, given)?,
        };
        items.extend(item.map(|item| item.from_item(index)));
    }
    Ok(items)
}

/// The old form reads what it returned within the step's handling of errors: where the step goes on, an item that is
/// refused is an item that failed. The new form reads it afterwards, and fails as a whole.
fn forgiving_function_item(
    value: Option<&Value>,
    result: &Object,
    index: usize,
    given: &Given,
) -> Result<Option<Item>, Failure> {
    match function_item(value, result, index, given) {
        Err(failure) if result.contains_key("continue") => {
            Ok(Some(Item::new([("error", worded(&failure))].into_iter().collect())))
        }
        other => other,
    }
}

fn each_item(
    value: Option<&Value>,
    _: &Object,
    index: usize,
    given: &Given,
) -> Result<Option<Item>, Failure> {
    let object = match value {
        Some(Value::Null) => return Ok(None),
        Some(Value::Object(object)) => object,
        Some(Value::Array(elements)) => {
            let first = match elements.first() {
                Some(first) => format!("An array of {}s was returned.", type_of(first)),
                None => "An empty array was returned.".into(),
            };
            let description = format!(
                "{first} If you need to output multiple items, please use the 'Run Once for All Items' mode instead."
            );
            return Err(refused("Code doesn't return a single object", Some(&description), Some(index)));
        }
        other => {
            let shown = match other {
                None => "undefined".into(),
                Some(Value::String(text)) => text.to_string(),
                Some(other) => other.to_json(),
            };
            let description = format!(
                "Please return an object representing the output item. ('{shown}' was returned instead.)"
            );
            return Err(refused("Code doesn't return an object", Some(&description), Some(index)));
        }
    };
    if object.get("json").is_some_and(is_truthy) {
        check_keys(object, index)?;
        return item(object.clone(), index, given).map(Some);
    }
    match object.get("binary") {
        Some(Value::Object(_)) if !object.contains_key("json") => {
            let mut json = object.clone();
            let binary = json.remove("binary").expect("just seen");
            let object = [("json", Value::from(json)), ("binary", binary)].into_iter().collect();
            item(object, index, given).map(Some)
        }
        _ if object.contains_key("json") => item(object.clone(), index, given).map(Some),
        _ => Ok(Some(Item::new(object.clone()))),
    }
}

fn function_item(
    value: Option<&Value>,
    result: &Object,
    index: usize,
    given: &Given,
) -> Result<Option<Item>, Failure> {
    let Some(Value::Object(json)) = value else {
        return Err(refused("No data got returned. Always return an object!", None, Some(index)));
    };
    let mut item = Item::new(json.clone());
    if let Some(Value::Object(binaries)) = result.get("binary") {
        item.binary =
            read_binaries(binaries, given).map_err(|message| refused(message, None, Some(index)))?;
    }
    Ok(Some(item))
}

/// Reads `{json, binary?, pairedItem?, error?}`.
fn item(mut object: Object, index: usize, given: &Given) -> Result<Item, Failure> {
    let Some(Value::Object(json)) = object.remove("json") else {
        return Err(refused(
            "A 'json' property isn't an object",
            Some("In the returned data, every key named 'json' must point to an object."),
            Some(index),
        ));
    };
    let mut item = Item::new(json);
    match object.get("binary") {
        None | Some(Value::Null) => {}
        Some(Value::Object(binaries)) => {
            item.binary =
                read_binaries(binaries, given).map_err(|message| refused(message, None, Some(index)))?;
        }
        Some(_) => {
            return Err(refused(
                "A 'binary' property isn't an object",
                Some("In the returned data, every key named 'binary' must point to an object."),
                Some(index),
            ));
        }
    }
    if let Some(error) = object.get("error").filter(|error| is_truthy(error)) {
        let message = error.get("message").unwrap_or(error).clone();
        item.json = [("error", message)].into_iter().collect();
    }
    item.lineage = object.get("pairedItem").map_or_else(Lineage::unknown, read_lineage);
    Ok(item)
}

/// With one input item there is no doubt where an item stems from.
fn defaulted(mut item: Item, inputs: usize) -> Item {
    if inputs == 1 && item.lineage.is_unknown() {
        item.lineage = Lineage::one(Origin::item(0));
    }
    item
}

fn check_keys(object: &Object, index: usize) -> Result<(), Failure> {
    let Some(unknown) = object.keys().find(|key| !ITEM_KEYS.contains(&key.as_str())) else { return Ok(()) };
    let reserved = object.keys().find(|key| ITEM_KEYS.contains(&key.as_str()));
    Err(match reserved {
        Some(reserved) => refused(
            "Invalid output format",
            Some(&format!(
                "An output item contains the reserved key {reserved}. To get around this, please wrap each item in an object, under a key called json."
            )),
            Some(index),
        ),
        None => refused(
            format!("Unknown top-level item key: {unknown}"),
            Some("Access the properties of an item under `.json`, e.g. `item.json`"),
            Some(index),
        ),
    })
}

fn into_objects(elements: Arc<Vec<Value>>) -> Option<Vec<Object>> {
    Arc::unwrap_or_clone(elements)
        .into_iter()
        .map(|element| match element {
            Value::Object(object) => Some(object),
            _ => None,
        })
        .collect()
}

fn is_truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(number) => *number != 0.0,
        Value::String(text) => !text.is_empty(),
        Value::Array(_) | Value::Object(_) => true,
    }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        _ => "object",
    }
}

fn refused(message: impl Into<String>, description: Option<&str>, item: Option<usize>) -> Failure {
    Failure {
        kind: ErrorKind::Refused,
        message: message.into(),
        description: description.map(Into::into),
        line: None,
        item,
    }
}

/// The message with its place, as n8n words it.
pub(crate) fn worded(failure: &Failure) -> String {
    match (failure.line, failure.item) {
        (Some(line), Some(item)) => format!("{} [line {line}, for item {item}]", failure.message),
        (Some(line), None) => format!("{} [line {line}]", failure.message),
        (None, Some(item)) => format!("{} [item {item}]", failure.message),
        (None, None) => failure.message.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_of_surrogate_pairs_are_replaced_and_other_escapes_kept() {
        assert_eq!(pair_surrogates(r#""a\ud83dz\\ud83d\n""#), "\"a\u{fffd}z\\\\ud83d\\n\"");
        assert_eq!(pair_surrogates(r#""\ud7ff""#), r#""\ud7ff""#);
    }
}
