//! Comparison of operands as they are, by JavaScript's rules: how n8n's first If, Filter and Switch compare.

use std::cmp::Ordering;

use sdk::prelude::*;

use super::typed::order;
use super::{Condition, Operands, Operator, Type};
use crate::moment;

pub(super) fn compare(condition: &Condition, operands: Operands) -> Result<bool, NodeError> {
    let Operands { left, right } = operands;
    let (left, right) = match condition.kind {
        Type::DateTime if !condition.operator.is_unary() => (moment(left)?, moment(right)?),
        _ => (left, right),
    };
    Ok(match condition.operator {
        Operator::Exists => exists(&left),
        Operator::NotExists => !exists(&left),
        Operator::Empty => is_empty(&left),
        Operator::NotEmpty => !is_empty(&left),
        Operator::True => left == Some(Value::Bool(true)),
        Operator::False => left == Some(Value::Bool(false)),
        Operator::Equals => identical(&left, &right),
        Operator::NotEquals => !identical(&left, &right),
        Operator::Contains => text_or_blank(&left).contains(text_or_blank(&right).as_str()),
        Operator::NotContains => !text_or_blank(&left).contains(text_or_blank(&right).as_str()),
        Operator::StartsWith => text(&left)?.starts_with(shown(&right).as_str()),
        Operator::NotStartsWith => !text(&left)?.starts_with(shown(&right).as_str()),
        Operator::EndsWith => text(&left)?.ends_with(shown(&right).as_str()),
        Operator::NotEndsWith => !text(&left)?.ends_with(shown(&right).as_str()),
        Operator::Matches => condition.patterns.matches(&text_or_blank(&right), &text_or_blank(&left))?,
        Operator::NotMatches => !condition.patterns.matches(&text_or_blank(&right), &text_or_blank(&left))?,
        Operator::Never => false,
        operator => order(operator, ordering(&left, &right)).ok_or_else(|| condition.unsuited())?,
    })
}

fn js(operand: &Option<Value>) -> expr::Value {
    operand.as_ref().map_or(expr::Value::Undefined, expr::Value::from_data)
}

fn exists(operand: &Option<Value>) -> bool {
    !matches!(operand, None | Some(Value::Null))
}

fn is_empty(operand: &Option<Value>) -> bool {
    match operand {
        None | Some(Value::Null) => true,
        Some(Value::String(text)) => text.is_empty(),
        Some(Value::Number(number)) => number.is_nan(),
        Some(Value::Array(values)) => values.is_empty(),
        Some(Value::Object(object)) => object.is_empty(),
        Some(Value::Bool(_)) => false,
    }
}

/// JavaScript's `===`; two objects of different origin are never identical.
fn identical(left: &Option<Value>, right: &Option<Value>) -> bool {
    match (left, right) {
        (Some(Value::Array(_) | Value::Object(_)), _) => false,
        (left, right) => left == right,
    }
}

/// JavaScript's order of the operands, each being 0 when it is falsy.
fn ordering(left: &Option<Value>, right: &Option<Value>) -> Option<Ordering> {
    let or_zero = |operand| match js(operand) {
        value if value.truthy() => value.to_primitive(),
        _ => expr::Value::Number(0.0),
    };
    match (or_zero(left), or_zero(right)) {
        (expr::Value::String(left), expr::Value::String(right)) => {
            Some(left.encode_utf16().cmp(right.encode_utf16()))
        }
        (left, right) => left.to_number().partial_cmp(&right.to_number()),
    }
}

fn text_or_blank(operand: &Option<Value>) -> Text {
    match js(operand) {
        value if value.truthy() => value.to_js_string(),
        _ => Text::new(),
    }
}

fn shown(operand: &Option<Value>) -> Text {
    js(operand).to_js_string()
}

fn text(operand: &Option<Value>) -> Result<&Text, NodeError> {
    match operand {
        Some(Value::String(text)) => Ok(text),
        other => {
            let shown = shown(other);
            Err(NodeError::permanent(format!("\"{shown}\" is no text; compare its start or end as text")))
        }
    }
}

/// A moment as Unix milliseconds: numbers are that already, text is what JavaScript's `Date` makes of it.
fn moment(operand: Option<Value>) -> Result<Option<Value>, NodeError> {
    let ms = match &operand {
        Some(Value::Number(ms)) => Some(*ms).filter(|ms| !ms.is_nan()),
        Some(Value::String(text)) => moment::parse_js(text),
        _ => None,
    };
    match ms {
        Some(ms) => Ok(Some(ms.into())),
        None => {
            let shown = shown(&operand);
            Err(NodeError::permanent(format!("The value \"{shown}\" is not a valid DateTime.")))
        }
    }
}
