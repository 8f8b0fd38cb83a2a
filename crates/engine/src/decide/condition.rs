//! Which items pass a conditional edge.

use model::workflow::EdgeCondition;
use model::{Object, Value};

/// Whether an item with this data passes.
pub(super) fn matches(condition: &EdgeCondition, json: &Object) -> bool {
    let mut parts = condition.field.split('.');
    let first = parts.next().unwrap_or_default();
    let actual = parts.try_fold(json.get(first), |value, part| Some(member(value?, part)));
    let actual = actual.flatten();
    let expected = &condition.value;
    match condition.operator.as_str() {
        "exists" => actual.is_some_and(|value| !value.is_null()),
        "not_exists" => actual.is_none_or(Value::is_null),
        "equals" => actual.unwrap_or(&Value::Null) == expected,
        "not_equals" => actual.unwrap_or(&Value::Null) != expected,
        "greater_than" => compare(actual, expected).is_some_and(|order| order.is_gt()),
        "greater_or_equal" => compare(actual, expected).is_some_and(|order| order.is_ge()),
        "less_than" => compare(actual, expected).is_some_and(|order| order.is_lt()),
        "less_or_equal" => compare(actual, expected).is_some_and(|order| order.is_le()),
        "contains" => contains(actual, expected),
        "not_contains" => !contains(actual, expected),
        "starts_with" => text_pair(actual, expected).is_some_and(|(a, b)| a.starts_with(b)),
        "ends_with" => text_pair(actual, expected).is_some_and(|(a, b)| a.ends_with(b)),
        // Plan::compile refuses every other word.
        _ => false,
    }
}

/// The operators that [`matches`] knows.
pub(crate) const OPERATORS: [&str; 12] = [
    "exists",
    "not_exists",
    "equals",
    "not_equals",
    "greater_than",
    "greater_or_equal",
    "less_than",
    "less_or_equal",
    "contains",
    "not_contains",
    "starts_with",
    "ends_with",
];

fn member<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    match value {
        Value::Array(values) => values.get(name.parse::<usize>().ok()?),
        other => other.get(name),
    }
}

fn compare(actual: Option<&Value>, expected: &Value) -> Option<std::cmp::Ordering> {
    match (actual?, expected) {
        (Value::Number(a), Value::Number(b)) => a.partial_cmp(b),
        (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
        _ => None,
    }
}

fn contains(actual: Option<&Value>, expected: &Value) -> bool {
    match actual {
        Some(Value::Array(values)) => values.contains(expected),
        other => text_pair(other, expected).is_some_and(|(a, b)| a.contains(b)),
    }
}

fn text_pair<'a>(actual: Option<&'a Value>, expected: &'a Value) -> Option<(&'a str, &'a str)> {
    Some((actual?.as_str()?, expected.as_str()?))
}

#[cfg(test)]
mod tests {
    use model::json;

    use super::*;

    fn passes(field: &str, operator: &str, value: Value) -> bool {
        let data = json!({ "age": 18, "name": "Ada", "tags": ["a", "b"], "address": { "city": "Paris" } });
        let condition = EdgeCondition { field: field.into(), operator: operator.into(), value };
        matches(&condition, data.as_object().expect("an object"))
    }

    #[test]
    fn a_path_leads_into_objects_and_arrays() {
        assert!(passes("address.city", "equals", json!("Paris")));
        assert!(passes("tags.1", "equals", json!("b")));
        assert!(passes("address.street", "not_exists", Value::Null));
    }

    #[test]
    fn values_of_different_types_are_neither_greater_nor_less() {
        assert!(passes("age", "greater_or_equal", json!(18)));
        assert!(!passes("age", "greater_than", json!(18)));
        assert!(!passes("name", "greater_than", json!(1)));
        assert!(!passes("name", "less_than", json!(1)));
    }

    #[test]
    fn contains_looks_into_texts_and_lists() {
        assert!(passes("name", "contains", json!("d")));
        assert!(passes("tags", "contains", json!("a")));
        assert!(passes("missing", "not_contains", json!("a")));
    }

    #[test]
    fn every_operator_on_the_list_is_known() {
        for operator in OPERATORS {
            let some = [json!("Ada"), json!("A"), json!("a"), json!("B"), Value::Null]
                .into_iter()
                .any(|value| passes("name", operator, value.clone()) || passes("missing", operator, value));
            assert!(some, "{operator} never holds");
        }
    }
}
