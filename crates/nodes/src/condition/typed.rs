//! Comparison of operands that are first checked (strict) or converted (loose) to the condition's type.

use std::cmp::Ordering;

use sdk::prelude::*;

use super::{Blank, Condition, Conditions, Operands, Operator, Place, Truth, Type, Types};
use crate::convert::{self, to_text};
use crate::moment;

/// An operand of the right type; moments are Unix milliseconds.
type Operand = Option<Value>;

pub(super) fn compare(
    conditions: &Conditions,
    ctx: &Context,
    condition: &Condition,
    operands: Operands,
    place: Place,
) -> Result<bool, NodeError> {
    let rules = Rules { conditions, ctx };
    let right_kind = match condition.kind {
        Type::Array if condition.operator.is_length() => Some(Type::Number),
        Type::Array => None,
        other => Some(other),
    };
    let Operands { left, right } = operands;
    let converted_left = rules.convert(left.as_ref(), condition.kind);
    let converted_right = match right_kind {
        Some(kind) if !condition.operator.is_unary() => rules.convert(right.as_ref(), kind),
        _ => Ok(right.clone()),
    };
    let mismatch = Mismatch { strict: conditions.types == Types::Strict, place };
    let (left, right) = match (converted_left, converted_right) {
        (Ok(left), Ok(right)) => (left, right),
        (Err(Inconvertible), Err(Inconvertible)) if js_type(&left) == js_type(&right) => {
            return Err(mismatch.both(condition.kind, &left));
        }
        (Err(Inconvertible), _) => return Err(mismatch.one(condition.kind, &left)),
        (_, Err(Inconvertible)) => return Err(mismatch.one(right_kind.unwrap_or(condition.kind), &right)),
    };
    match condition.operator {
        Operator::Exists => return Ok(exists(&left)),
        Operator::NotExists => return Ok(!exists(&left)),
        Operator::Never => return Ok(false),
        _ => {}
    }
    match condition.kind {
        Type::String => compare_text(condition, left, right, conditions.ignore_case),
        Type::Number => compare_numbers(condition, left, right),
        Type::DateTime => compare_moments(condition, left, right),
        Type::Boolean => compare_booleans(condition, left, right),
        Type::Array => compare_array(condition, left, right, conditions.ignore_case),
        Type::Object => {
            let empty = !matches!(&left, Some(Value::Object(object)) if !object.is_empty());
            match condition.operator {
                Operator::Empty => Ok(empty),
                Operator::NotEmpty => Ok(!empty),
                _ => Err(condition.unsuited()),
            }
        }
    }
}

fn exists(operand: &Operand) -> bool {
    !matches!(operand, None | Some(Value::Null)) && !is_nan(operand)
}

fn is_nan(operand: &Operand) -> bool {
    matches!(operand, Some(Value::Number(number)) if number.is_nan())
}

fn compare_text(
    condition: &Condition,
    left: Operand,
    right: Operand,
    ignore_case: bool,
) -> Result<bool, NodeError> {
    let is_pattern = matches!(condition.operator, Operator::Matches | Operator::NotMatches);
    let text = |operand: Operand, fold: bool| match operand {
        Some(Value::String(text)) if fold => text.to_lowercase(),
        Some(Value::String(text)) => text,
        _ => Text::new(),
    };
    let (left, right) = (text(left, ignore_case), text(right, ignore_case && !is_pattern));
    Ok(match condition.operator {
        Operator::Empty => left.is_empty(),
        Operator::NotEmpty => !left.is_empty(),
        Operator::Equals => left == right,
        Operator::NotEquals => left != right,
        Operator::Contains => left.contains(right.as_str()),
        Operator::NotContains => !left.contains(right.as_str()),
        Operator::StartsWith => left.starts_with(right.as_str()),
        Operator::NotStartsWith => !left.starts_with(right.as_str()),
        Operator::EndsWith => left.ends_with(right.as_str()),
        Operator::NotEndsWith => !left.ends_with(right.as_str()),
        Operator::Matches => condition.patterns.matches(&right, &left)?,
        Operator::NotMatches => !condition.patterns.matches(&right, &left)?,
        _ => return Err(condition.unsuited()),
    })
}

/// Numbers compare as in JavaScript, where null counts as 0 and `undefined` as no number.
fn compare_numbers(condition: &Condition, left: Operand, right: Operand) -> Result<bool, NodeError> {
    match condition.operator {
        Operator::Empty => return Ok(!exists(&left)),
        Operator::NotEmpty => return Ok(exists(&left)),
        Operator::Equals => return Ok(left == right && !is_nan(&left)),
        Operator::NotEquals => return Ok(left != right || is_nan(&left)),
        _ => {}
    }
    let ordering = number(&left).partial_cmp(&number(&right));
    order(condition.operator, ordering).ok_or_else(|| condition.unsuited())
}

fn compare_moments(condition: &Condition, left: Operand, right: Operand) -> Result<bool, NodeError> {
    match condition.operator {
        Operator::Empty => return Ok(!exists(&left)),
        Operator::NotEmpty => return Ok(exists(&left)),
        _ if !matches!((&left, &right), (Some(Value::Number(_)), Some(Value::Number(_)))) => {
            return Ok(false);
        }
        Operator::Equals => return Ok(left == right),
        Operator::NotEquals => return Ok(left != right),
        _ => {}
    }
    let ordering = number(&left).partial_cmp(&number(&right));
    order(condition.operator, ordering).ok_or_else(|| condition.unsuited())
}

fn compare_booleans(condition: &Condition, left: Operand, right: Operand) -> Result<bool, NodeError> {
    let is_true = matches!(left, Some(Value::Bool(true)));
    Ok(match condition.operator {
        Operator::Empty => !exists(&left),
        Operator::NotEmpty => exists(&left),
        Operator::True => is_true,
        Operator::False => !is_true,
        Operator::Equals => left == right,
        Operator::NotEquals => left != right,
        _ => return Err(condition.unsuited()),
    })
}

fn compare_array(
    condition: &Condition,
    left: Operand,
    right: Operand,
    ignore_case: bool,
) -> Result<bool, NodeError> {
    let elements = left.as_ref().and_then(Value::as_array).unwrap_or_default();
    let contains = || elements.iter().any(|element| same_element(element, right.as_ref(), ignore_case));
    let length = Some(Value::from(elements.len()));
    let ordering = || number(&length).partial_cmp(&number(&right));
    let operator = match condition.operator {
        Operator::Empty => return Ok(elements.is_empty()),
        Operator::NotEmpty => return Ok(!elements.is_empty()),
        Operator::Contains => return Ok(contains()),
        Operator::NotContains => return Ok(!contains()),
        Operator::LengthEquals => return Ok(length == right),
        Operator::LengthNotEquals => return Ok(length != right),
        Operator::LengthGreaterThan => Operator::GreaterThan,
        Operator::LengthLessThan => Operator::LessThan,
        Operator::LengthAtLeast => Operator::AtLeast,
        Operator::LengthAtMost => Operator::AtMost,
        _ => return Err(condition.unsuited()),
    };
    order(operator, ordering()).ok_or_else(|| condition.unsuited())
}

/// Whether an element is the one looked for: the same scalar; two objects are never the same.
fn same_element(element: &Value, wanted: Option<&Value>, ignore_case: bool) -> bool {
    match (element, wanted) {
        (Value::String(element), Some(Value::String(wanted))) if ignore_case => {
            element.to_lowercase() == wanted.to_lowercase()
        }
        (Value::Array(_) | Value::Object(_), _) => false,
        (element, wanted) => Some(element) == wanted,
    }
}

/// What an order operator makes of an ordering; `None` for other operators.
pub(super) fn order(operator: Operator, ordering: Option<Ordering>) -> Option<bool> {
    Some(match operator {
        Operator::GreaterThan => ordering.is_some_and(Ordering::is_gt),
        Operator::LessThan => ordering.is_some_and(Ordering::is_lt),
        Operator::AtLeast => ordering.is_some_and(Ordering::is_ge),
        Operator::AtMost => ordering.is_some_and(Ordering::is_le),
        _ => return None,
    })
}

fn number(operand: &Operand) -> f64 {
    match operand {
        Some(Value::Number(number)) => *number,
        Some(Value::Null) => 0.0,
        _ => f64::NAN,
    }
}

/// An operand cannot be made the wanted type.
struct Inconvertible;

struct Rules<'a> {
    conditions: &'a Conditions,
    ctx: &'a Context,
}

impl Rules<'_> {
    /// The operand as `kind`; missing ones stay missing.
    fn convert(&self, operand: Option<&Value>, kind: Type) -> Result<Operand, Inconvertible> {
        let Some(value) = operand else { return Ok(None) };
        if value.is_null() {
            return Ok(Some(Value::Null));
        }
        let strict = self.conditions.types == Types::Strict;
        match (kind, value) {
            (Type::String, Value::String(_))
            | (Type::Number, Value::Number(_))
            | (Type::Boolean, Value::Bool(_))
            | (Type::Array, Value::Array(_))
            | (Type::Object, Value::Object(_)) => Ok(Some(value.clone())),
            (Type::Number, other) if self.conditions.blank == Blank::Missing && is_blank(other) => {
                Ok(Some(Value::Null))
            }
            (Type::DateTime, other) => {
                let zone = &self.ctx.execution.zone;
                moment::parse(other, zone).map(|ms| Some(ms.into())).ok_or(Inconvertible)
            }
            _ if strict => Err(Inconvertible),
            (Type::Boolean, other) => Ok(Some(self.truth(other).into())),
            (Type::String, other) => convert::Type::String.convert(other).map(Some).ok_or(Inconvertible),
            (Type::Number, other) => convert::Type::Number.convert(other).map(Some).ok_or(Inconvertible),
            (Type::Array, other) => convert::Type::Array.convert(other).map(Some).ok_or(Inconvertible),
            (Type::Object, other) => convert::Type::Object.convert(other).map(Some).ok_or(Inconvertible),
        }
    }

    fn truth(&self, value: &Value) -> bool {
        let parsed = match self.conditions.truth {
            Truth::Parsed => convert::to_boolean(value),
            Truth::Truthy => None,
        };
        parsed.unwrap_or_else(|| convert::truthy(value))
    }
}

/// Blank text, or a list of nothing else.
fn is_blank(value: &Value) -> bool {
    match value {
        Value::String(text) => text.is_empty(),
        Value::Array(_) => to_text(value).is_empty(),
        _ => false,
    }
}

/// What JavaScript's `typeof` says.
fn js_type(operand: &Operand) -> &'static str {
    match operand {
        None => "undefined",
        Some(Value::Array(_) | Value::Null) => "object",
        Some(other) => other.type_name(),
    }
}

/// Writes the errors of operands that have the wrong type.
struct Mismatch {
    strict: bool,
    place: Place,
}

impl Mismatch {
    fn one(&self, wanted: Type, operand: &Operand) -> NodeError {
        let shown = operand.as_ref().map(to_text).unwrap_or_default();
        let found = js_type(operand);
        let Place { condition, item } = self.place;
        let message = if self.strict {
            let (found, wanted) = (with_article(found), with_article(name(wanted)));
            format!(
                "Wrong type: '{shown}' is {found} but was expecting {wanted} [condition {condition}, item {item}]"
            )
        } else {
            let wanted = with_article(name(wanted));
            format!(
                "Conversion error: the {found} '{shown}' can't be converted to {wanted} \
                 [condition {condition}, item {item}]"
            )
        };
        self.describe(message)
    }

    fn both(&self, wanted: Type, operand: &Operand) -> NodeError {
        let (wanted, found) = (with_article(name(wanted)), with_article(js_type(operand)));
        self.describe(format!("Comparison type expects {wanted} but both fields are {found}"))
    }

    fn describe(&self, message: String) -> NodeError {
        let advice = if self.strict {
            "change the type of the comparison, or set types to loose"
        } else {
            "change the type of the comparison"
        };
        NodeError::permanent(message).describe(advice)
    }
}

fn name(kind: Type) -> &'static str {
    match kind {
        Type::String => "string",
        Type::Number => "number",
        Type::DateTime => "dateTime",
        Type::Boolean => "boolean",
        Type::Array => "array",
        Type::Object => "object",
    }
}

fn with_article(noun: &str) -> String {
    let article = if noun.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("{article} {noun}")
}
