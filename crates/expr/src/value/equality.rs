//! `===`, `==`, `Object.is` and what `Map` and `includes` use.

use std::rc::Rc;

use super::Value;
use super::convert::text_to_number;

/// `a === b`
pub fn strictly_equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Undefined, Value::Undefined) | (Value::Null, Value::Null) => true,
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::Number(a), Value::Number(b)) => a == b,
        (Value::String(a), Value::String(b)) => a == b,
        (Value::BigInt(a), Value::BigInt(b)) => a == b,
        (Value::Array(a), Value::Array(b)) => a.ptr_eq(b),
        (Value::Object(a), Value::Object(b)) => a.ptr_eq(b),
        (Value::Function(a), Value::Function(b)) => a.ptr_eq(b),
        (Value::Class(a), Value::Class(b)) => a == b,
        (Value::Date(a), Value::Date(b)) => Rc::ptr_eq(a, b),
        (Value::RegExp(a), Value::RegExp(b)) => Rc::ptr_eq(a, b),
        (Value::Map(a), Value::Map(b)) | (Value::Set(a), Value::Set(b)) => a.ptr_eq(b),
        (Value::Error(a), Value::Error(b)) => Rc::ptr_eq(a, b),
        (Value::DateTime(a), Value::DateTime(b)) => Rc::ptr_eq(a, b),
        (Value::Duration(a), Value::Duration(b)) => Rc::ptr_eq(a, b),
        (Value::Interval(a), Value::Interval(b)) => Rc::ptr_eq(a, b),
        (Value::Host(a), Value::Host(b)) => Rc::ptr_eq(a, b),
        _ => false,
    }
}

/// `a == b` for values whose objects have no conversions of their own.
pub fn loosely_equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Undefined | Value::Null, Value::Undefined | Value::Null) => true,
        (Value::Undefined | Value::Null, _) | (_, Value::Undefined | Value::Null) => false,
        (Value::Number(a), Value::String(b)) | (Value::String(b), Value::Number(a)) => {
            *a == text_to_number(b)
        }
        (Value::BigInt(a), Value::Number(b)) | (Value::Number(b), Value::BigInt(a)) => **a as f64 == *b,
        (Value::BigInt(a), Value::String(b)) | (Value::String(b), Value::BigInt(a)) => {
            b.trim().parse::<i128>().is_ok_and(|b| **a == b)
        }
        (Value::Bool(a), b) | (b, Value::Bool(a)) if !matches!(b, Value::Bool(_)) => {
            loosely_equal(&Value::Number(f64::from(u8::from(*a))), b)
        }
        (a, b) if a.is_object() && !b.is_object() => loosely_equal(&a.to_primitive(), b),
        (a, b) if !a.is_object() && b.is_object() => loosely_equal(a, &b.to_primitive()),
        (a, b) => strictly_equal(a, b),
    }
}

/// `Object.is(a, b)`
pub fn same_value(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => {
            a.is_nan() && b.is_nan() || a == b && a.is_sign_negative() == b.is_sign_negative()
        }
        _ => strictly_equal(a, b),
    }
}

/// Like `===`, but `NaN` equals itself (`includes`, `Map`, `Set`).
pub fn same_value_zero(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || a.is_nan() && b.is_nan(),
        _ => strictly_equal(a, b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loose_equality_converts_text_booleans_and_objects_to_numbers() {
        assert!(loosely_equal(&"1".into(), &1.0.into()));
        assert!(loosely_equal(&true.into(), &"1".into()));
        assert!(loosely_equal(&Value::array(vec!["5".into()]), &5.0.into()));
        assert!(loosely_equal(&Value::Null, &Value::Undefined));
        assert!(!loosely_equal(&Value::Null, &0.0.into()));
        assert!(!loosely_equal(&Value::Bool(true), &Value::Bool(false)));
        assert!(loosely_equal(&"".into(), &0.0.into()));
    }
}
