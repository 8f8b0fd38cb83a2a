//! Compares what came out with what was expected, and says where the first difference is.

use std::fmt::Write as _;

use model::Value;

/// Longest text of a value in a difference.
const MAX_SHOWN: usize = 120;

/// The first place where two values differ.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Difference {
    /// Where, as in `json.user.name`; empty for the whole.
    pub(crate) path: String,
    /// What should be there; `None` for nothing.
    pub(crate) expected: Option<Value>,
    /// What is there; `None` for nothing.
    pub(crate) actual: Option<Value>,
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        write!(f, "expected {}, got {}", shown(self.expected.as_ref()), shown(self.actual.as_ref()))
    }
}

/// A value for people: compact JSON, shortened.
pub(crate) fn shown(value: Option<&Value>) -> String {
    let Some(value) = value else { return "nothing".to_owned() };
    clip(&value.to_json(), MAX_SHOWN)
}

/// The text, shortened to about `max` characters.
pub(crate) fn clip(text: &str, max: usize) -> String {
    match text.char_indices().nth(max) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}... ({} characters)", &text[..end], text.chars().count()),
    }
}

/// Compares two values deeply: key order does not matter, the order in lists does.
pub(crate) fn values(expected: &Value, actual: &Value) -> Option<Difference> {
    let mut path = String::new();
    differs(Some(expected), Some(actual), &mut path)
}

fn differs(expected: Option<&Value>, actual: Option<&Value>, path: &mut String) -> Option<Difference> {
    let here = |path: &str| {
        Some(Difference { path: path.to_owned(), expected: expected.cloned(), actual: actual.cloned() })
    };
    match (expected, actual) {
        (Some(Value::Object(expected)), Some(Value::Object(actual))) => {
            let missing = actual.keys().filter(|key| !expected.contains_key(key));
            for key in expected.keys().chain(missing) {
                let found =
                    within(path, &member(key), |path| differs(expected.get(key), actual.get(key), path));
                if found.is_some() {
                    return found;
                }
            }
            None
        }
        (Some(Value::Array(expected)), Some(Value::Array(actual))) => {
            for index in 0..expected.len().max(actual.len()) {
                let found = within(path, &format!("[{index}]"), |path| {
                    differs(expected.get(index), actual.get(index), path)
                });
                if found.is_some() {
                    return found;
                }
            }
            None
        }
        (expected, actual) if expected == actual => None,
        _ => here(path),
    }
}

fn within<T>(path: &mut String, step: &str, inside: impl FnOnce(&mut String) -> T) -> T {
    let length = path.len();
    let step = if path.is_empty() { step.trim_start_matches('.') } else { step };
    path.push_str(step);
    let result = inside(path);
    path.truncate(length);
    result
}

fn member(key: &str) -> String {
    let plain = !key.is_empty() && key.chars().all(|letter| letter.is_alphanumeric() || letter == '_');
    if plain { format!(".{key}") } else { format!("[{}]", Value::from(key).to_json()) }
}

/// What of an item counts in a comparison.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Scope {
    /// Files: media type, name and content.
    pub(crate) binary: bool,
    /// The items it stems from.
    pub(crate) lineage: bool,
}

/// Compares two lists of items, each `{json, binary?, pairedItem?}`.
pub(crate) fn items(expected: &[Value], actual: &[Value], scope: Scope) -> Option<String> {
    for (index, (expected, actual)) in expected.iter().zip(actual).enumerate() {
        if let Some(difference) = values(&comparable(expected, scope), &comparable(actual, scope)) {
            return Some(format!("item {index}, {difference}"));
        }
    }
    let (wanted, got) = (expected.len(), actual.len());
    (wanted != got).then(|| {
        let mut text = format!("expected {wanted} item{}, got {got}", if wanted == 1 { "" } else { "s" });
        let extra = actual.get(wanted).or_else(|| expected.get(got)).and_then(|item| item.get("json"));
        let what = if got > wanted { "the first one too many" } else { "the first one missing" };
        write!(text, "; {what} is {}", shown(extra)).expect("writing to a string does not fail");
        text
    })
}

/// The parts of an item that count, in one form.
fn comparable(item: &Value, scope: Scope) -> Value {
    let mut parts = model::Object::new();
    let Some(item) = item.as_object() else { return item.clone() };
    let Some(json) = item.get("json").and_then(Value::as_object) else {
        parts.insert("json", item.clone());
        return Value::Object(parts);
    };
    parts.insert("json", json.clone());
    if scope.binary
        && let Some(files) = item.get("binary").and_then(Value::as_object).filter(|files| !files.is_empty())
    {
        let files = files.iter().map(|(name, file)| {
            let mut file = file.as_object().cloned().unwrap_or_default();
            file.retain(|part, _| !matches!(part, "directory" | "bytes" | "id"));
            (name.clone(), file)
        });
        parts.insert("binary", files.collect::<model::Object>());
    }
    if scope.lineage {
        let lineage = item.get("pairedItem").map(nodes::n8n::read_lineage).unwrap_or_default();
        // Naming an origin twice says nothing new.
        let mut origins: Vec<model::Origin> = Vec::new();
        for origin in lineage.origins() {
            if !origins.contains(origin) {
                origins.push(*origin);
            }
        }
        parts.insert("pairedItem", sdk::lookback::lineage_to_data(&model::Lineage::many(origins)));
    }
    Value::Object(parts)
}

#[cfg(test)]
mod tests {
    use model::json;

    use super::*;

    fn difference(expected: Value, actual: Value) -> Option<String> {
        values(&expected, &actual).map(|difference| difference.to_string())
    }

    #[test]
    fn key_order_and_the_spelling_of_numbers_do_not_count() {
        assert_eq!(difference(json!({ "a": 1.0, "b": [2] }), json!({ "b": [2], "a": 1 })), None);
    }

    #[test]
    fn the_first_difference_names_its_path() {
        let found = difference(json!({ "a": [{ "b c": 1 }] }), json!({ "a": [{ "b c": "1" }] }));
        assert_eq!(found.as_deref(), Some(r#"a[0]["b c"]: expected 1, got "1""#));
        let found = difference(json!({}), json!({ "a": null }));
        assert_eq!(found.as_deref(), Some("a: expected nothing, got null"));
    }

    #[test]
    fn lineage_and_files_count_only_when_asked_for() {
        let expected = [json!({ "json": { "a": 1 }, "pairedItem": 0, "binary": {} })];
        let actual = [json!({ "json": { "a": 1 }, "pairedItem": [{ "item": 0 }] })];
        let all = Scope { binary: true, lineage: true };
        assert_eq!(items(&expected, &actual, all), None);
        let moved = [json!({ "json": { "a": 1 }, "pairedItem": 1 })];
        assert_eq!(items(&expected, &moved, Scope::default()), None);
        assert_eq!(
            items(&expected, &moved, all).as_deref(),
            Some("item 0, pairedItem.item: expected 0, got 1")
        );
    }

    #[test]
    fn a_wrong_number_of_items_shows_the_first_one_that_should_not_differ() {
        let found = items(&[json!({ "json": { "a": 1 } })], &[], Scope::default());
        assert_eq!(found.as_deref(), Some(r#"expected 1 item, got 0; the first one missing is {"a":1}"#));
    }
}
