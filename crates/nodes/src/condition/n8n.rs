//! n8n's conditions: the `filter` parameter of newer nodes, the groups by type of older ones.

use sdk::prelude::*;

/// Conditions from the `filter` parameter `name` of a node.
pub(crate) fn from_filter(node: &N8nNode<'_>, name: &str) -> Value {
    from_filter_value(node, node.get(name))
}

/// Conditions from a `filter` parameter, wherever the node keeps it. Its options are values that the editor stored, or
/// still the expressions that compute them from the node's own switches.
pub(crate) fn from_filter_value(node: &N8nNode<'_>, filter: Option<&Value>) -> Value {
    let option = |name: &str| filter.and_then(|filter| filter.get("options")?.get(name));
    let ignore_case = match option("caseSensitive") {
        Some(Value::Bool(sensitive)) => !sensitive,
        Some(_) => node.flag_or("options.ignoreCase", false),
        None => false,
    };
    let loose = match option("typeValidation").and_then(Value::as_str) {
        Some(computed) if computed.starts_with('=') => {
            node.flag_or("looseTypeValidation", node.flag_or("options.looseTypeValidation", false))
        }
        Some(validation) => validation != "strict",
        None => false,
    };
    let version = option("version").and_then(Value::as_f64).unwrap_or(1.0);
    let combinator = filter.and_then(|filter| filter.get("combinator")?.as_str());
    let conditions = filter.and_then(|filter| filter.get("conditions")?.as_array()).unwrap_or_default();
    json!({
        "match": (if combinator == Some("or") { "any" } else { "all" }),
        "conditions": (conditions.iter().map(from_condition).collect::<Vec<_>>()),
        "ignore_case": ignore_case,
        "types": (if loose { "loose" } else { "strict" }),
        "truth": (if version >= 2.0 { "parsed" } else { "truthy" }),
        "blank": (if version >= 3.0 { "missing" } else { "text" }),
    })
}

fn from_condition(condition: &Value) -> Value {
    let text = |name: &str| condition.get("operator").and_then(|operator| operator.get(name)?.as_str());
    let (kind, operation) = (text("type").unwrap_or_default(), text("operation").unwrap_or_default());
    let kind = match kind {
        "dateTime" => "date_time",
        "number" | "boolean" | "array" | "object" => kind,
        _ => "string",
    };
    json!({
        "left": (condition.get("leftValue").cloned().unwrap_or_default()),
        "type": kind,
        "operator": (operator(kind, operation)),
        "right": (condition.get("rightValue").cloned().unwrap_or_default()),
    })
}

fn operator(kind: &str, operation: &str) -> &'static str {
    match (operation, kind) {
        ("exists", _) => "exists",
        ("notExists", _) => "not_exists",
        ("empty", _) => "empty",
        ("notEmpty", _) => "not_empty",
        ("equals", "string" | "number" | "date_time" | "boolean") => "equals",
        ("notEquals", "string" | "number" | "date_time" | "boolean") => "not_equals",
        ("contains", "string" | "array") => "contains",
        ("notContains", "string" | "array") => "not_contains",
        ("startsWith", "string") => "starts_with",
        ("notStartsWith", "string") => "not_starts_with",
        ("endsWith", "string") => "ends_with",
        ("notEndsWith", "string") => "not_ends_with",
        ("regex", "string") => "matches",
        ("notRegex", "string") => "not_matches",
        ("gt", "number") | ("after", "date_time") => "greater_than",
        ("lt", "number") | ("before", "date_time") => "less_than",
        ("gte", "number") | ("afterOrEquals", "date_time") => "at_least",
        ("lte", "number") | ("beforeOrEquals", "date_time") => "at_most",
        ("true", "boolean") => "true",
        ("false", "boolean") => "false",
        ("lengthEquals", "array") => "length_equals",
        ("lengthNotEquals", "array") => "length_not_equals",
        ("lengthGt", "array") => "length_greater_than",
        ("lengthLt", "array") => "length_less_than",
        ("lengthGte", "array") => "length_at_least",
        ("lengthLte", "array") => "length_at_most",
        _ => "never",
    }
}

/// Conditions from the groups of an old node: `{boolean: [...], dateTime: [...], number: [...], string: [...]}`.
pub(crate) fn from_groups(groups: Option<&Value>, any: bool) -> Value {
    let mut conditions = Vec::new();
    for kind in ["boolean", "dateTime", "number", "string"] {
        let group = groups.and_then(|groups| groups.get(kind));
        for condition in group.and_then(Value::as_array).unwrap_or_default() {
            let field = |name: &str| condition.get(name).cloned();
            let operation = condition.get("operation").and_then(Value::as_str);
            conditions.push(old_condition(kind, field("value1"), operation, field("value2")));
        }
    }
    json!({
        "match": (if any { "any" } else { "all" }),
        "conditions": conditions,
        "types": "as_is",
    })
}

/// One condition of an old node; what is missing has the default of its type.
pub(crate) fn old_condition(
    kind: &str,
    left: Option<Value>,
    operation: Option<&str>,
    right: Option<Value>,
) -> Value {
    let (native, blank, default) = match kind {
        "boolean" => ("boolean", Value::Bool(false), "equal"),
        "dateTime" => ("date_time", "".into(), "after"),
        "number" => ("number", 0.into(), "smaller"),
        _ => ("string", "".into(), "equal"),
    };
    json!({
        "left": (left.unwrap_or_else(|| blank.clone())),
        "type": native,
        "operator": (old_operator(operation.unwrap_or(default))),
        "right": (right.unwrap_or(blank)),
    })
}

fn old_operator(operation: &str) -> &'static str {
    match operation {
        "equal" => "equals",
        "notEqual" => "not_equals",
        "after" | "larger" => "greater_than",
        "before" | "smaller" => "less_than",
        "largerEqual" => "at_least",
        "smallerEqual" => "at_most",
        "contains" => "contains",
        "notContains" => "not_contains",
        "startsWith" => "starts_with",
        "notStartsWith" => "not_starts_with",
        "endsWith" => "ends_with",
        "notEndsWith" => "not_ends_with",
        "regex" => "matches",
        "notRegex" => "not_matches",
        "isEmpty" => "empty",
        "isNotEmpty" => "not_empty",
        _ => "never",
    }
}
