//! What conditions mean, one sentence each.

use std::sync::Arc;

use sdk::testing::context;

use super::*;

fn hold(conditions: Value) -> Result<bool, NodeError> {
    let conditions: Conditions = conditions.parse().expect("the conditions are valid");
    conditions.hold(&context(Inputs::single(Arc::new(vec![Item::default()]))), 0)
}

fn compare(types: &str, left: Value, kind: &str, operator: &str, right: Value) -> Result<bool, String> {
    let condition = json!({ "left": left, "type": kind, "operator": operator, "right": right });
    hold(json!({ "types": types, "conditions": [condition] })).map_err(|error| error.message)
}

fn strict(left: Value, kind: &str, operator: &str, right: Value) -> Result<bool, String> {
    compare("strict", left, kind, operator, right)
}

fn loose(left: Value, kind: &str, operator: &str, right: Value) -> Result<bool, String> {
    compare("loose", left, kind, operator, right)
}

fn as_is(left: Value, kind: &str, operator: &str, right: Value) -> Result<bool, String> {
    compare("as_is", left, kind, operator, right)
}

#[test]
fn all_or_any_of_several_conditions_must_hold() {
    let condition = |left: bool| json!({ "left": left, "type": "boolean", "operator": "true" });
    let several = json!([condition(true), condition(false)]);
    assert_eq!(hold(json!({ "match": "all", "conditions": several })), Ok(false));
    assert_eq!(hold(json!({ "match": "any", "conditions": several })), Ok(true));
    assert_eq!(hold(json!({ "match": "all" })), Ok(true));
    assert_eq!(hold(json!({ "match": "any" })), Ok(false));
}

#[test]
fn strict_types_refuse_what_loose_types_convert() {
    let wrong = "Wrong type: '5' is a string but was expecting a number [condition 0, item 0]";
    assert_eq!(strict("5".into(), "number", "equals", 5.into()), Err(wrong.into()));
    assert_eq!(loose("5".into(), "number", "equals", 5.into()), Ok(true));
    let inconvertible =
        "Conversion error: the string 'x' can't be converted to a number [condition 0, item 0]";
    assert_eq!(loose("x".into(), "number", "equals", 5.into()), Err(inconvertible.into()));
    let both = "Comparison type expects a number but both fields are a string";
    assert_eq!(strict("5".into(), "number", "equals", "6".into()), Err(both.into()));
}

#[test]
fn a_missing_left_side_never_has_the_wrong_type() {
    for kind in ["string", "number", "date_time", "boolean", "array", "object"] {
        assert_eq!(strict(Value::Null, kind, "exists", Value::Null), Ok(false), "{kind}");
        assert_eq!(strict(Value::Null, kind, "empty", Value::Null), Ok(true), "{kind}");
    }
}

#[test]
fn case_matters_unless_it_is_ignored() {
    let condition = |operator: &str, right: &str| json!({ "left": "Abc", "type": "string", "operator": operator, "right": right });
    for (operator, right) in [("equals", "aBC"), ("contains", "B"), ("starts_with", "a"), ("ends_with", "C")]
    {
        let conditions = json!([condition(operator, right)]);
        assert_eq!(hold(json!({ "conditions": conditions })), Ok(false), "{operator}");
        assert_eq!(hold(json!({ "conditions": conditions, "ignore_case": true })), Ok(true), "{operator}");
    }
}

#[test]
fn moments_compare_as_points_in_time() {
    let after = |left: &str, right: &str| strict(left.into(), "date_time", "greater_than", right.into());
    assert_eq!(after("2024-01-01T01:00:00+01:00", "2023-12-31T23:59:59Z"), Ok(true));
    assert_eq!(after("2024-01-01", "2024-01-01T00:00:00.000Z"), Ok(false));
    assert!(after("no date", "2024-01-01").is_err());
    assert_eq!(strict(Value::Null, "date_time", "not_equals", "2024-01-01".into()), Ok(false));
}

#[test]
fn lists_are_searched_and_measured() {
    assert_eq!(strict(json!(["a", 1]), "array", "contains", 1.into()), Ok(true));
    assert_eq!(strict(json!(["a", 1]), "array", "contains", "1".into()), Ok(false));
    assert_eq!(strict(json!([1, 2]), "array", "length_at_least", 2.into()), Ok(true));
    assert_eq!(strict(json!([1, 2]), "array", "length_less_than", 2.into()), Ok(false));
}

#[test]
fn loose_truth_is_parsed_or_truthy() {
    let truth = |truth: &str, left: Value| {
        let condition = json!({ "left": left, "type": "boolean", "operator": "true" });
        hold(json!({ "types": "loose", "truth": truth, "conditions": [condition] }))
    };
    assert_eq!(truth("parsed", "false".into()), Ok(false));
    assert_eq!(truth("truthy", "false".into()), Ok(true));
    assert_eq!(truth("parsed", "yes".into()), Ok(true));
    assert_eq!(truth("truthy", "".into()), Ok(false));
}

#[test]
fn blank_text_is_a_missing_number_or_text() {
    let exists = |blank: &str, types: &str| {
        let condition = json!({ "left": "", "type": "number", "operator": "exists" });
        hold(json!({ "types": types, "blank": blank, "conditions": [condition] }))
    };
    assert_eq!(exists("missing", "strict"), Ok(false));
    assert!(exists("text", "strict").is_err());
    assert_eq!(exists("text", "loose"), Ok(true));
}

#[test]
fn values_compared_as_they_are_follow_javascript() {
    assert_eq!(as_is("1".into(), "number", "equals", 1.into()), Ok(false));
    assert_eq!(as_is("10".into(), "number", "greater_than", "9".into()), Ok(false));
    assert_eq!(as_is("10".into(), "number", "greater_than", 9.into()), Ok(true));
    assert_eq!(as_is(Value::Null, "number", "less_than", 1.into()), Ok(true));
    assert_eq!(as_is(json!({}), "string", "empty", Value::Null), Ok(true));
    assert_eq!(as_is(12.into(), "string", "contains", "2".into()), Ok(true));
    let invalid = "The value \"x\" is not a valid DateTime.";
    assert_eq!(as_is("x".into(), "date_time", "greater_than", "2024".into()), Err(invalid.into()));
}

#[test]
fn an_operator_that_its_type_lacks_is_an_error() {
    let error = strict(1.into(), "number", "contains", 1.into()).expect_err("numbers contain nothing");
    assert!(error.contains("\"contains\"") && error.contains("\"number\""), "{error}");
}
