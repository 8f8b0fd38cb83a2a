//! `Object`, the part of it that cannot reach behind the data.

use model::Text;

use super::{Result, arg, callable};
use crate::eval::{Cx, VALUE};
use crate::value::{Keyed, Native, Object, same_value};
use crate::{Error, Value};

pub(super) fn static_method(name: &str) -> Option<Native> {
    Some(match name {
        "keys" => |cx, _, args| {
            let keys = cx.keys(&given(args)?)?;
            Ok(Value::array(keys.into_iter().map(Value::String).collect()))
        },
        "values" => |cx, _, args| {
            let entries = cx.entries(&given(args)?)?;
            Ok(Value::array(entries.into_iter().map(|(_, value)| value).collect()))
        },
        "entries" => |cx, _, args| {
            let entries = cx.entries(&given(args)?)?;
            cx.allocate(entries.len() * 4 * VALUE)?;
            let pair = |(key, value)| Value::array(vec![Value::String(key), value]);
            Ok(Value::array(entries.into_iter().map(pair).collect()))
        },
        "getOwnPropertyNames" => |cx, _, args| {
            let keys = cx.keys(&given(args)?)?;
            Ok(Value::array(keys.into_iter().map(Value::String).collect()))
        },
        "fromEntries" => |cx, _, args| {
            let entries = cx.iterate(&arg(args, 0))?;
            let object = Object::new();
            for entry in entries {
                let key = cx.index(&entry, &0usize.into())?;
                let value = cx.index(&entry, &1usize.into())?;
                object.insert(data_key(cx, &key)?, value);
            }
            Ok(Value::Object(object))
        },
        "assign" => |cx, _, args| {
            let target = given(args)?;
            for source in args.iter().skip(1) {
                for (key, value) in cx.entries(source)? {
                    cx.set_member(&target, &key, value)?;
                }
            }
            Ok(target)
        },
        "is" => |_, _, args| Ok(same_value(&arg(args, 0), &arg(args, 1)).into()),
        "hasOwn" => |cx, _, args| has_own(cx, &given(args)?, &arg(args, 1)),
        "create" => |cx, _, args| match arg(args, 0) {
            // There are no prototypes: what would be inherited is copied.
            prototype @ (Value::Object(_) | Value::Null) => {
                let entries = cx.entries(&prototype)?;
                Ok(Value::Object(entries.into_iter().collect()))
            }
            _ => Err(Error::type_error("Object prototype may only be an Object or null")),
        },
        "freeze" | "seal" | "preventExtensions" => |_, _, args| {
            let value = arg(args, 0);
            match &value {
                Value::Object(object) => object.freeze(),
                Value::Array(array) => array.freeze(),
                _ => {}
            }
            Ok(value)
        },
        "isFrozen" | "isSealed" => |_, _, args| {
            Ok(match arg(args, 0) {
                Value::Object(object) => object.is_frozen(),
                Value::Array(array) => array.is_frozen(),
                _ => true,
            }
            .into())
        },
        "isExtensible" => |_, _, args| {
            Ok(match arg(args, 0) {
                Value::Object(object) => !object.is_frozen(),
                Value::Array(array) => !array.is_frozen(),
                _ => false,
            }
            .into())
        },
        "groupBy" => |cx, _, args| {
            let values = cx.iterate(&arg(args, 0))?;
            let callback = arg(args, 1);
            callable(&callback)?;
            let groups = Keyed::new(false);
            for (index, value) in values.into_iter().enumerate() {
                let key = cx.call(&callback, &Value::Undefined, &[value.clone(), index.into()])?;
                let key = Value::String(data_key(cx, &key)?);
                cx.allocate(VALUE)?;
                match groups.get(&key) {
                    Some(Value::Array(group)) => {
                        if let Some(mut group) = group.change() {
                            group.push(value);
                        }
                    }
                    _ => groups.insert(key, Value::array(vec![value])),
                }
            }
            let entries = groups.entries().into_iter().map(|(key, group)| (key.to_js_string(), group));
            Ok(Value::Object(entries.collect()))
        },
        _ => return None,
    })
}

/// Methods every object has.
pub(super) fn method(name: &str) -> Option<Native> {
    Some(match name {
        "hasOwnProperty" | "propertyIsEnumerable" => |cx, this, args| has_own(cx, this, &arg(args, 0)),
        "toString" | "toLocaleString" => |cx, this, _| {
            Ok(Value::String(match this {
                Value::Object(_) => "[object Object]".into(),
                this => cx.to_text(this)?,
            }))
        },
        "valueOf" => |_, this, _| Ok(this.clone()),
        "isPrototypeOf" => |_, _, _| Ok(false.into()),
        _ => return None,
    })
}

fn given(args: &[Value]) -> Result {
    match arg(args, 0) {
        Value::Undefined | Value::Null => {
            Err(Error::type_error("Cannot convert undefined or null to object"))
        }
        value => Ok(value),
    }
}

/// A name as a key of data, where any text is allowed.
fn data_key(cx: &Cx<'_>, key: &Value) -> Result<Text> {
    let key = cx.to_text(key)?;
    cx.allocate(key.len() + crate::eval::MEMBER)?;
    Ok(key)
}

fn has_own(cx: &Cx<'_>, object: &Value, key: &Value) -> Result {
    let key = cx.to_text(key)?;
    Ok(match object {
        Value::Object(object) => object.contains_key(&key),
        Value::Array(array) => match key.parse::<usize>() {
            Ok(index) => index < array.len(),
            Err(_) => key == "length" || array.named(&key).is_some(),
        },
        object => cx.keys(object)?.contains(&key),
    }
    .into())
}
