//! JavaScript's own objects: what their constructors, static members and methods do.

mod array;
mod bigint;
mod boolean;
mod collection;
mod date;
mod error;
mod function;
mod intl;
mod json;
mod math;
mod number;
mod object;
mod opaque;
mod regexp;
mod string;
pub(crate) mod uri;

use crate::eval::Cx;
use crate::value::{Array, Class, Function, Native};
use crate::{Error, Value, luxon};

pub(crate) use number::{parse_float, parse_int};

type Result<T = Value> = std::result::Result<T, Error>;

/// The native method `name` of a value.
pub(crate) fn method(receiver: &Value, name: &str) -> Option<Native> {
    match receiver {
        Value::String(_) => string::method(name),
        Value::Array(_) => array::method(name),
        Value::Object(_) | Value::Host(_) => object::method(name),
        Value::Number(_) => number::method(name),
        Value::Bool(_) => boolean::method(name),
        Value::BigInt(_) => bigint::method(name),
        Value::Date(_) => date::method(name),
        Value::RegExp(_) => regexp::method(name),
        Value::Map(_) => collection::map_method(name),
        Value::Set(_) => collection::set_method(name),
        Value::Function(_) => function::method(name),
        Value::Class(class) if class.is_callable() => function::method(name),
        Value::Error(_) => error::method(name),
        Value::DateTime(_) | Value::Duration(_) | Value::Interval(_) => luxon::method(receiver, name),
        Value::Undefined | Value::Null | Value::Class(_) => None,
    }
}

/// The member `key` of a constructor or namespace.
pub(crate) fn static_member(class: Class, key: &str) -> Option<Value> {
    if let Some(value) = static_value(class, key) {
        return Some(value);
    }
    let call = match class {
        Class::Object => object::static_method(key),
        Class::Array => array::static_method(key),
        Class::String => string::static_method(key),
        Class::Number => number::static_method(key),
        Class::BigInt => bigint::static_method(key),
        Class::Math => math::static_method(key),
        Class::Json => json::static_method(key),
        Class::Date => date::static_method(key),
        Class::DateTime | Class::Duration | Class::Interval => luxon::static_method(class, key),
        class if class.is_typed_array() => array::static_method(key),
        class => match (class, key) {
            (Class::Map | Class::Object, "groupBy") => object::static_method(key),
            (Class::RegExp, "escape") => regexp::static_method(key),
            (Class::Error, "isError") => error::static_method(key),
            _ => None,
        },
    }?;
    Some(Value::Function(Function::native(key, call)))
}

fn static_value(class: Class, key: &str) -> Option<Value> {
    match (class, key) {
        (class, "name") if class.is_callable() => Some(class.name().into()),
        (Class::Math, key) => math::constant(key).map(Value::Number),
        (Class::Number, key) => number::constant(key).map(Value::Number),
        (Class::Intl, key) => Class::of_intl(key).map(Value::Class),
        (Class::DateTime | Class::Duration | Class::Interval, key) => luxon::static_property(class, key),
        (Class::Symbol, "iterator") => Some("Symbol.iterator".into()),
        _ => None,
    }
}

/// `Class(args)`
pub(crate) fn call_class(class: Class, cx: &Cx<'_>, args: &[Value]) -> Result {
    match class {
        Class::String => match args.first() {
            Some(value) => Ok(Value::String(cx.to_text(value)?)),
            None => Ok("".into()),
        },
        Class::Number => number::convert(cx, args),
        Class::Boolean => Ok(Value::Bool(arg(args, 0).truthy())),
        Class::BigInt => bigint::convert(cx, args),
        Class::Date => Ok(Value::String(crate::date::to_text(cx.now_ms()))),
        Class::Symbol => opaque::symbol(cx, args),
        Class::Object | Class::Array | Class::RegExp => construct(class, cx, args),
        Class::DateTimeFormat | Class::NumberFormat | Class::Collator => construct(class, cx, args),
        class if class.is_error() => construct(class, cx, args),
        class => Err(Error::type_error(ecow::eco_format!(
            "Class constructor {} cannot be invoked without 'new'",
            class.name()
        ))),
    }
}

/// `new Class(args)`
pub(crate) fn construct(class: Class, cx: &Cx<'_>, args: &[Value]) -> Result {
    match class {
        Class::Object => match args.first() {
            Some(value) if !value.is_nullish() => Ok(value.clone()),
            _ => Ok(Value::Object(Default::default())),
        },
        Class::Array => array::construct(cx, args),
        // Wrapper objects are not told from what they wrap.
        Class::String | Class::Number | Class::Boolean => call_class(class, cx, args),
        Class::Date => date::construct(cx, args),
        Class::RegExp => regexp::construct(cx, args),
        Class::Map | Class::WeakMap => collection::new_map(cx, args, class == Class::WeakMap),
        Class::Set | Class::WeakSet => collection::new_set(cx, args, class == Class::WeakSet),
        Class::ArrayBuffer | Class::SharedArrayBuffer | Class::DataView => opaque::buffer(class, cx, args),
        Class::DateTimeFormat
        | Class::NumberFormat
        | Class::PluralRules
        | Class::Collator
        | Class::ListFormat
        | Class::RelativeTimeFormat => intl::construct(class, cx, args),
        class if class.is_error() => error::construct(class, cx, args),
        class if class.is_typed_array() => array::construct_typed(class, cx, args),
        class => Err(Error::type_error(ecow::eco_format!("{} is not a constructor", class.name()))),
    }
}

/// Argument `index`, `undefined` when there is none.
pub(crate) fn arg(args: &[Value], index: usize) -> Value {
    args.get(index).cloned().unwrap_or_default()
}

/// Argument `index` as a whole number, `default` when it is not given.
pub(crate) fn integer(cx: &Cx<'_>, args: &[Value], index: usize, default: f64) -> Result<f64> {
    match args.get(index) {
        None | Some(Value::Undefined) => Ok(default),
        Some(value) => {
            let number = cx.to_number(value)?;
            Ok(if number.is_nan() { 0.0 } else { number.trunc() })
        }
    }
}

/// A position counted from the end when negative, within `0..=length`.
pub(crate) fn relative(position: f64, length: usize) -> usize {
    let length = length as f64;
    let position = if position < 0.0 { (length + position).max(0.0) } else { position.min(length) };
    position as usize
}

/// The array a method was called on; other receivers are made arrays of their elements.
fn array_of(cx: &Cx<'_>, this: &Value) -> Result<Array> {
    match this {
        Value::Array(array) => Ok(array.clone()),
        other => Ok(Array::new(cx.iterate(other)?)),
    }
}

/// Refuses what cannot be called.
fn callable(value: &Value) -> Result<()> {
    if value.is_callable() {
        return Ok(());
    }
    Err(Error::type_error(ecow::eco_format!("{} is not a function", value.type_name())))
}

#[cfg(test)]
mod tests;
