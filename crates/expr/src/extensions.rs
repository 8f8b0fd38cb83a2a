//! The methods that n8n adds to every type.
//!
//! A method is chosen by the type of its receiver and goes before JavaScript's own of the same name
//! (`DateTime.plus(7, 'days')`). Only where neither has one, [`fallback`] answers: `isEmpty` and `isNotEmpty` work on
//! everything, every other name of an extension method is an error that says which types have it.

mod array;
mod boolean;
mod case;
mod date;
mod distinct;
mod hash;
mod markdown;
pub(crate) mod number;
mod object;
mod pattern;
mod string;
#[cfg(test)]
mod tests;
mod url;

pub use string::read_date;

use crate::Error;
use crate::eval::Cx;
use crate::value::{Class, Native, Value};

type Methods = fn(&str) -> Option<Native>;

/// Types with extension methods, in the order that messages name them.
const TYPES: [(&str, Methods); 6] = [
    ("Array", array::method),
    ("Date", date::method),
    ("Number", number::method),
    ("Object", object::method),
    ("String", string::method),
    ("Boolean", boolean::method),
];

/// Whether any type has an extension method of this name.
pub(crate) fn is_known(name: &str) -> bool {
    generic(name).is_some() || TYPES.iter().any(|(_, method)| method(name).is_some())
}

/// Calls extension method `name` of the receiver's type; `None` when that type has no such method.
pub(crate) fn call(
    receiver: &Value,
    name: &str,
    args: &[Value],
    cx: &Cx<'_>,
) -> Option<Result<Value, Error>> {
    Some(method(receiver, name)?(cx, receiver, args))
}

/// Answers a call of a method that the receiver has neither itself nor as an extension; `None` when no type has an
/// extension method of that name.
pub(crate) fn fallback(
    receiver: &Value,
    name: &str,
    args: &[Value],
    cx: &Cx<'_>,
) -> Option<Result<Value, Error>> {
    if let Some(method) = generic(name) {
        return Some(method(cx, receiver, args));
    }
    let types: Vec<&str> =
        TYPES.iter().filter(|(_, method)| method(name).is_some()).map(|(name, _)| *name).collect();
    let (last, others) = types.split_last()?;
    if receiver.is_nullish() {
        let message = ecow::eco_format!("{name} can't be used on {} value", receiver.to_js_string());
        let hint = format!(
            "To ignore this error, add a ? to the variable before this function, e.g. my_var?.{name}"
        );
        return Some(Err(Error::extension(message).with_description(hint)));
    }
    let list = match others {
        [] => format!("type \"{last}\""),
        others => format!("types \"{}\", and \"{last}\"", others.join("\", \"")),
    };
    Some(Err(Error::extension(format!("{name}() is only callable on {list}"))))
}

fn method(receiver: &Value, name: &str) -> Option<Native> {
    match receiver {
        Value::Array(array) if array.class() == Class::Array => array::method(name),
        Value::Date(_) | Value::DateTime(_) => date::method(name),
        Value::String(text) if date::is_timestamp(text) && !matches!(name, "toDate" | "toDateTime") => {
            date::method(name)
        }
        Value::String(_) => string::method(name),
        Value::Number(_) => number::method(name),
        Value::Bool(_) => boolean::method(name),
        Value::Undefined | Value::Null | Value::BigInt(_) | Value::Function(_) => None,
        Value::Class(class) if class.is_callable() => None,
        _ => object::method(name),
    }
}

/// A method that every value has.
fn generic(name: &str) -> Option<Native> {
    Some(match name {
        "isEmpty" => |_, this, _| Ok((!this.truthy()).into()),
        "isNotEmpty" => |_, this, _| Ok(this.truthy().into()),
        _ => return None,
    })
}

/// Argument `index`, `undefined` when it is missing.
fn at(args: &[Value], index: usize) -> &Value {
    args.get(index).unwrap_or(&Value::Undefined)
}

/// For conversions that a type lacks on purpose: lists of mixed values then give `undefined` instead of failing.
const UNDEFINED: Native = |_, _, _| Ok(Value::Undefined);
