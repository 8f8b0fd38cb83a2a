//! The functions and values that are known by name everywhere.

use ecow::eco_format;

use crate::builtins::{self, arg, uri};
use crate::eval::{Cx, VALUE};
use crate::value::{Array, Native, Object};
use crate::{Error, Value, extensions, luxon, query};

type Result<T = Value> = std::result::Result<T, Error>;

/// The function `name`, with its name as a constant.
pub(crate) fn function(name: &str) -> Option<(&'static str, Native)> {
    Some(match name {
        "parseInt" => ("parseInt", builtins::parse_int),
        "parseFloat" => ("parseFloat", builtins::parse_float),
        "isNaN" => ("isNaN", |cx, _, args| Ok(cx.to_number(&arg(args, 0))?.is_nan().into())),
        "isFinite" => ("isFinite", |cx, _, args| Ok(cx.to_number(&arg(args, 0))?.is_finite().into())),
        "encodeURI" => ("encodeURI", uri::encode_uri),
        "encodeURIComponent" => ("encodeURIComponent", uri::encode_uri_component),
        "decodeURI" => ("decodeURI", uri::decode_uri),
        "decodeURIComponent" => ("decodeURIComponent", uri::decode_uri_component),
        "btoa" => ("btoa", uri::btoa),
        "atob" => ("atob", uri::atob),
        "structuredClone" => ("structuredClone", structured_clone),
        "$jmespath" | "$jmesPath" => ("$jmespath", query::jmespath),
        // Reached only with spread arguments: otherwise `$if` is a conditional and leaves one branch alone.
        "$if" => ("$if", |_, _, args| Ok(if arg(args, 0).truthy() { arg(args, 1) } else { arg(args, 2) })),
        "$ifEmpty" => ("$ifEmpty", if_empty),
        "$not" | "not" => ("not", |_, _, args| Ok((!arg(args, 0).truthy()).into())),
        "$min" | "min" => {
            ("min", |cx, _, args| cx.call_method(&Value::Class(crate::Class::Math), "min", args))
        }
        "$max" | "max" => {
            ("max", |cx, _, args| cx.call_method(&Value::Class(crate::Class::Math), "max", args))
        }
        "$average" | "average" => ("average", |cx, _, args| {
            let numbers = Value::array(args.to_vec());
            extensions::call(&numbers, "average", &[], cx).unwrap_or(Ok(Value::Undefined))
        }),
        "numberList" => ("numberList", number_list),
        "zip" => ("zip", zip),
        "extend" => ("extend", extend),
        "extendOptional" => ("extendOptional", extend_optional),
        _ => return None,
    })
}

/// The value `name` that is computed each time it is read.
pub(crate) fn computed(name: &str) -> Option<fn(&Cx<'_>) -> Value> {
    Some(match name {
        "$now" => luxon::now,
        "$today" => luxon::today,
        // What workflows get to see of the process: that there is one.
        "process" => |_| {
            Value::object([
                ("arch", Value::from("x64")),
                ("env", Value::Object(Object::new())),
                ("platform", "linux".into()),
                ("pid", 1.0.into()),
                ("ppid", 0.0.into()),
                ("release", Value::Object(Object::new())),
                ("version", 1.0.into()),
                ("versions", Value::Object(Object::new())),
            ])
        },
        _ => return None,
    })
}

fn if_empty(_cx: &Cx<'_>, _: &Value, args: &[Value]) -> Result {
    let [value, default] = args else {
        return Err(Error::extension("expected two arguments (value, defaultValue) for this function"));
    };
    let empty = match value {
        Value::Undefined | Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(array) => array.is_empty(),
        Value::Object(object) => object.is_empty(),
        _ => false,
    };
    Ok(if empty { default.clone() } else { value.clone() })
}

/// `numberList(from, to)`: whole steps, both ends included, downwards where `to` is smaller.
fn number_list(cx: &Cx<'_>, _: &Value, args: &[Value]) -> Result {
    let from = cx.to_number(&arg(args, 0))?;
    let to = cx.to_number(&arg(args, 1))?;
    let count = (to - from).abs() + 1.0;
    if !count.is_finite() || count > 4_294_967_295.0 {
        return Err(Error::range_error("Invalid array length"));
    }
    cx.allocate((count as usize).saturating_mul(VALUE))?;
    let step = if from < to { 1.0 } else { -1.0 };
    Ok(Value::array((0..count as usize).map(|at| Value::Number(from + at as f64 * step)).collect()))
}

/// `zip(keys, values)`: an object of both.
fn zip(cx: &Cx<'_>, _: &Value, args: &[Value]) -> Result {
    let (Value::Array(keys), Value::Array(values)) = (arg(args, 0), arg(args, 1)) else {
        return Err(Error::extension("keys and values must be arrays"));
    };
    if keys.len() != values.len() {
        return Err(Error::extension("keys and values not of equal length"));
    }
    cx.allocate(keys.len() * crate::eval::MEMBER)?;
    let object = Object::new();
    for (key, value) in keys.to_vec().iter().zip(values.to_vec()) {
        object.insert(cx.to_text(key)?, value);
    }
    Ok(Value::Object(object))
}

/// `extend(value, name, args)`: a method call in another form.
fn extend(cx: &Cx<'_>, _: &Value, args: &[Value]) -> Result {
    let name = extension_name(cx, args)?;
    let values = match arg(args, 2) {
        Value::Undefined => Vec::new(),
        values => cx.iterate(&values)?,
    };
    cx.call_method(&arg(args, 0), &name, &values)
}

/// `extendOptional(value, name)`: the method as a function, `undefined` when there is none.
fn extend_optional(cx: &Cx<'_>, _: &Value, args: &[Value]) -> Result {
    extension_name(cx, args)?;
    Ok(Value::Undefined)
}

fn extension_name(cx: &Cx<'_>, args: &[Value]) -> Result<crate::Text> {
    let name = cx.to_text(&arg(args, 1))?;
    if crate::lower::is_forbidden(&name) {
        let message =
            eco_format!("Cannot access \"{name}\" via expression extension due to security concerns");
        return Err(Error::forbidden(message));
    }
    Ok(name)
}

/// `structuredClone(value)`, for data, dates and collections of them.
fn structured_clone(cx: &Cx<'_>, _: &Value, args: &[Value]) -> Result {
    clone_deep(cx, &arg(args, 0))
}

fn clone_deep(cx: &Cx<'_>, value: &Value) -> Result {
    cx.deeper(|| match value {
        Value::Array(array) => {
            let values = cx.iterate(&Value::Array(array.clone()))?;
            Ok(Value::Array(Array::new(
                values.iter().map(|value| clone_deep(cx, value)).collect::<Result<_>>()?,
            )))
        }
        Value::Object(_) => {
            let entries = cx.entries(value)?.into_iter();
            let cloned = entries.map(|(key, value)| Ok((key, clone_deep(cx, &value)?)));
            Ok(Value::Object(cloned.collect::<Result<_>>()?))
        }
        Value::Date(ms) => Ok(Value::date(ms.get())),
        value if value.is_callable() => {
            Err(Error::thrown("a function cannot be cloned").named("DataCloneError"))
        }
        value => Ok(value.clone()),
    })
}
