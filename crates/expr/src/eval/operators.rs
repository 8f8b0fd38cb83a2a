//! Operators and JavaScript's conversions, those an expression defines itself included.

use std::rc::Rc;

use ecow::eco_format;
use model::Text;

use super::{Cx, Frame, Result};
use crate::tree::{Binary, Expr, Unary};
use crate::value::{Class, loosely_equal, strictly_equal};
use crate::{Error, Value};

impl Cx<'_> {
    /// Operators applied from left to right.
    pub(super) fn binary_chain(
        &self,
        first: &Expr,
        rest: &[(Binary, Expr)],
        frame: &mut Frame<'_>,
    ) -> Result<Value> {
        let mut left = self.eval(first, frame)?;
        let mut own = false;
        for (operator, right) in rest {
            let right = self.eval(right, frame)?;
            left = match (operator, left, right) {
                (Binary::Add, Value::Number(left), Value::Number(right)) => Value::Number(left + right),
                (Binary::Add, Value::String(mut left), right) => {
                    // The first time the text on the left may be somebody else's and is copied.
                    if !own {
                        self.allocate(left.len())?;
                        own = true;
                    }
                    match &right {
                        Value::String(right) => self.push(&mut left, right)?,
                        right => {
                            let right = self.to_primitive(right, Hint::Default)?.to_js_string();
                            self.push(&mut left, &right)?;
                        }
                    }
                    Value::String(left)
                }
                (operator, left, right) => {
                    own = false;
                    self.binary(*operator, &left, &right)?
                }
            };
        }
        Ok(left)
    }

    /// `left operator right`
    pub(super) fn binary(&self, operator: Binary, left: &Value, right: &Value) -> Result<Value> {
        Ok(match operator {
            Binary::Add => return self.add(left, right),
            Binary::StrictEqual => Value::Bool(strictly_equal(left, right)),
            Binary::StrictNotEqual => Value::Bool(!strictly_equal(left, right)),
            Binary::Equal => Value::Bool(self.loosely_equal(left, right)?),
            Binary::NotEqual => Value::Bool(!self.loosely_equal(left, right)?),
            Binary::Less | Binary::LessEqual | Binary::Greater | Binary::GreaterEqual => {
                Value::Bool(self.compare(operator, left, right)?)
            }
            Binary::In => return self.is_in(left, right),
            Binary::InstanceOf => return self.instance_of(left, right),
            _ => match (self.to_numeric(left)?, self.to_numeric(right)?) {
                (Value::BigInt(left), Value::BigInt(right)) => return big_integer(operator, *left, *right),
                (Value::BigInt(_), _) | (_, Value::BigInt(_)) => {
                    return Err(Error::type_error(
                        "Cannot mix BigInt and other types, use explicit conversions",
                    ));
                }
                (left, right) => Value::Number(arithmetic(operator, left.to_number(), right.to_number())),
            },
        })
    }

    /// `left + right`
    pub(super) fn add(&self, left: &Value, right: &Value) -> Result<Value> {
        let left = self.to_primitive(left, Hint::Default)?;
        let right = self.to_primitive(right, Hint::Default)?;
        Ok(match (&left, &right) {
            (Value::String(_), _) | (_, Value::String(_)) => {
                let mut text = left.to_js_string();
                self.allocate(text.len())?;
                self.push(&mut text, &right.to_js_string())?;
                Value::String(text)
            }
            (Value::BigInt(left), Value::BigInt(right)) => {
                return big_integer(Binary::Add, **left, **right);
            }
            (Value::BigInt(_), _) | (_, Value::BigInt(_)) => {
                return Err(Error::type_error("Cannot mix BigInt and other types, use explicit conversions"));
            }
            _ => Value::Number(left.to_number() + right.to_number()),
        })
    }

    fn loosely_equal(&self, left: &Value, right: &Value) -> Result<bool> {
        match (left.is_object(), right.is_object()) {
            (true, false) if !right.is_nullish() => {
                Ok(loosely_equal(&self.to_primitive(left, Hint::Default)?, right))
            }
            (false, true) if !left.is_nullish() => {
                Ok(loosely_equal(left, &self.to_primitive(right, Hint::Default)?))
            }
            _ => Ok(loosely_equal(left, right)),
        }
    }

    /// `<` and its relatives
    fn compare(&self, operator: Binary, left: &Value, right: &Value) -> Result<bool> {
        let left = self.to_primitive(left, Hint::Number)?;
        let right = self.to_primitive(right, Hint::Number)?;
        let order = match (&left, &right) {
            (Value::String(left), Value::String(right)) => left.partial_cmp(right),
            (Value::BigInt(left), Value::BigInt(right)) => left.partial_cmp(right),
            _ => left.to_number().partial_cmp(&right.to_number()),
        };
        Ok(order.is_some_and(|order| match operator {
            Binary::Less => order.is_lt(),
            Binary::LessEqual => order.is_le(),
            Binary::Greater => order.is_gt(),
            _ => order.is_ge(),
        }))
    }

    fn is_in(&self, key: &Value, object: &Value) -> Result<Value> {
        if !object.is_object() {
            let message =
                eco_format!("Cannot use 'in' operator to search for a key in {}", object.to_js_string());
            return Err(Error::type_error(message));
        }
        let key = self.to_key(key)?;
        let found = match object {
            Value::Object(object) => object.contains_key(&key),
            Value::Array(array) => match key.parse::<usize>() {
                Ok(index) => index < array.len(),
                Err(_) => key == "length" || array.named(&key).is_some(),
            },
            Value::Host(host) => host.keys().contains(&key),
            object => !self.member(object, &key)?.is_undefined(),
        };
        Ok(Value::Bool(found))
    }

    fn instance_of(&self, value: &Value, class: &Value) -> Result<Value> {
        if !class.is_callable() {
            return Err(Error::type_error("Right-hand side of 'instanceof' is not callable"));
        }
        let Value::Class(class) = class else { return Ok(Value::Bool(false)) };
        Ok(Value::Bool(match (class, value) {
            (Class::Object, value) => value.is_object(),
            (Class::Array, Value::Array(array)) => array.class() == Class::Array,
            (class, Value::Array(array)) => array.class() == *class,
            (Class::Date, Value::Date(_))
            | (Class::RegExp, Value::RegExp(_))
            | (Class::DateTime, Value::DateTime(_))
            | (Class::Duration, Value::Duration(_))
            | (Class::Interval, Value::Interval(_))
            | (Class::Error, Value::Error(_)) => true,
            (Class::Map, Value::Map(map)) => !map.is_weak(),
            (Class::WeakMap, Value::Map(map)) => map.is_weak(),
            (Class::Set, Value::Set(set)) => !set.is_weak(),
            (Class::WeakSet, Value::Set(set)) => set.is_weak(),
            (class, Value::Error(error)) => class.is_error() && error.name == class.name(),
            _ => false,
        }))
    }

    pub(super) fn unary(&self, operator: Unary, operand: &Value) -> Result<Value> {
        Ok(match operator {
            Unary::Not => Value::Bool(!operand.truthy()),
            Unary::Void => Value::Undefined,
            Unary::Plus => Value::Number(self.to_number(operand)?),
            Unary::Minus => match self.to_numeric(operand)? {
                Value::BigInt(value) => Value::BigInt(Rc::new(-*value)),
                value => Value::Number(-value.to_number()),
            },
            Unary::BitNot => match self.to_numeric(operand)? {
                Value::BigInt(value) => Value::BigInt(Rc::new(!*value)),
                value => Value::Number(f64::from(!to_int32(value.to_number()))),
            },
        })
    }

    /// `String(value)`, own conversions included.
    pub(crate) fn to_text(&self, value: &Value) -> Result<Text> {
        match value {
            Value::String(text) => Ok(text.clone()),
            Value::Object(_) => Ok(self.to_primitive(value, Hint::Text)?.to_js_string()),
            Value::Array(_) => {
                let text = self.join(value, ",")?;
                Ok(text)
            }
            value => Ok(value.to_js_string()),
        }
    }

    /// A value as the name of a member; refuses names that lead out of the data.
    pub(crate) fn to_key(&self, value: &Value) -> Result<Text> {
        let key = self.to_text(value)?;
        if crate::lower::is_forbidden(&key) {
            return Err(Error::forbidden(eco_format!("Cannot access \"{key}\" due to security concerns")));
        }
        Ok(key)
    }

    /// `Number(value)`, own conversions included.
    pub(crate) fn to_number(&self, value: &Value) -> Result<f64> {
        match value {
            Value::Number(number) => Ok(*number),
            Value::BigInt(_) => Err(Error::type_error("Cannot convert a BigInt value to a number")),
            value => Ok(self.to_primitive(value, Hint::Number)?.to_number()),
        }
    }

    fn to_numeric(&self, value: &Value) -> Result<Value> {
        match value {
            Value::Number(_) | Value::BigInt(_) => Ok(value.clone()),
            value => match self.to_primitive(value, Hint::Number)? {
                big @ Value::BigInt(_) => Ok(big),
                value => Ok(Value::Number(value.to_number())),
            },
        }
    }

    /// What an operator sees of an object.
    pub(super) fn to_primitive(&self, value: &Value, hint: Hint) -> Result<Value> {
        match value {
            Value::Object(object) => {
                let names =
                    if hint == Hint::Text { ["toString", "valueOf"] } else { ["valueOf", "toString"] };
                for name in names {
                    if let Some(method) = object.get(name).filter(Value::is_callable) {
                        let result = self.call(&method, value, &[])?;
                        if !result.is_object() {
                            return Ok(result);
                        }
                    }
                }
                Ok(value.to_primitive())
            }
            Value::Array(_) => Ok(Value::String(self.to_text(value)?)),
            Value::Date(ms) if hint == Hint::Number => Ok(Value::Number(ms.get())),
            value => Ok(value.to_primitive()),
        }
    }

    /// `array.join(separator)`
    pub(crate) fn join(&self, array: &Value, separator: &str) -> Result<Text> {
        self.deeper(|| {
            let mut text = Text::new();
            for (index, value) in self.iterate(array)?.iter().enumerate() {
                if index > 0 {
                    self.push(&mut text, separator)?;
                }
                match value {
                    Value::Undefined | Value::Null => {}
                    Value::String(value) => self.push(&mut text, value)?,
                    value => {
                        let value = self.to_text(value)?;
                        self.push(&mut text, &value)?;
                    }
                }
            }
            Ok(text)
        })
    }
}

/// Which kind of primitive is wanted.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Hint {
    Default,
    Number,
    Text,
}

/// The 32 bits bit operators work on.
pub(crate) fn to_int32(number: f64) -> i32 {
    if number.is_finite() { (number.trunc() % 4_294_967_296.0) as i64 as i32 } else { 0 }
}

fn arithmetic(operator: Binary, left: f64, right: f64) -> f64 {
    match operator {
        Binary::Subtract => left - right,
        Binary::Multiply => left * right,
        Binary::Divide => left / right,
        Binary::Remainder => left % right,
        Binary::Power => power(left, right),
        Binary::ShiftLeft => f64::from(to_int32(left).wrapping_shl(to_int32(right) as u32 & 31)),
        Binary::ShiftRight => f64::from(to_int32(left) >> (to_int32(right) as u32 & 31)),
        Binary::ShiftRightUnsigned => f64::from((to_int32(left) as u32) >> (to_int32(right) as u32 & 31)),
        Binary::BitAnd => f64::from(to_int32(left) & to_int32(right)),
        Binary::BitOr => f64::from(to_int32(left) | to_int32(right)),
        Binary::BitXor => f64::from(to_int32(left) ^ to_int32(right)),
        _ => left + right,
    }
}

/// `left ** right`: unlike elsewhere, `1 ** NaN` and `1 ** Infinity` are `NaN`.
pub(crate) fn power(left: f64, right: f64) -> f64 {
    if right.is_nan() || (right.is_infinite() && left.abs() == 1.0) { f64::NAN } else { left.powf(right) }
}

fn big_integer(operator: Binary, left: i128, right: i128) -> Result<Value> {
    if right == 0 && matches!(operator, Binary::Divide | Binary::Remainder) {
        return Err(Error::range_error("Division by zero"));
    }
    let result = match operator {
        Binary::Add => left.checked_add(right),
        Binary::Subtract => left.checked_sub(right),
        Binary::Multiply => left.checked_mul(right),
        Binary::Divide => left.checked_div(right),
        Binary::Remainder => left.checked_rem(right),
        Binary::Power => u32::try_from(right).ok().and_then(|right| left.checked_pow(right)),
        Binary::ShiftLeft => u32::try_from(right)
            .ok()
            .filter(|shift| *shift < 127)
            .and_then(|shift| left.checked_mul(1 << shift)),
        Binary::ShiftRight => Some(left >> right.clamp(0, 127)),
        Binary::BitAnd => Some(left & right),
        Binary::BitOr => Some(left | right),
        Binary::BitXor => Some(left ^ right),
        _ => None,
    };
    result
        .map(|value| Value::BigInt(Rc::new(value)))
        .ok_or_else(|| Error::range_error("Maximum BigInt size exceeded"))
}
