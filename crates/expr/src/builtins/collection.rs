//! `Map` and `Set`.

use super::{Result, arg, callable};
use crate::eval::{Cx, VALUE};
use crate::value::{Keyed, Native};
use crate::{Error, Value};

pub(super) fn new_map(cx: &Cx<'_>, args: &[Value], weak: bool) -> Result {
    let map = Keyed::new(weak);
    if let Some(entries) = args.first().filter(|value| !value.is_nullish()) {
        for entry in cx.iterate(entries)? {
            cx.allocate(4 * VALUE)?;
            map.insert(cx.index(&entry, &0usize.into())?, cx.index(&entry, &1usize.into())?);
        }
    }
    Ok(Value::Map(map))
}

pub(super) fn new_set(cx: &Cx<'_>, args: &[Value], weak: bool) -> Result {
    let set = Keyed::new(weak);
    if let Some(values) = args.first().filter(|value| !value.is_nullish()) {
        for value in cx.iterate(values)? {
            cx.allocate(4 * VALUE)?;
            set.insert(value.clone(), value);
        }
    }
    Ok(Value::Set(set))
}

pub(super) fn map_method(name: &str) -> Option<Native> {
    Some(match name {
        "get" => |_, this, args| Ok(keyed(this)?.get(&arg(args, 0)).into()),
        "set" => |cx, this, args| {
            cx.allocate(4 * VALUE)?;
            cx.link(this, &arg(args, 0))?;
            cx.link(this, &arg(args, 1))?;
            keyed(this)?.insert(arg(args, 0), arg(args, 1));
            Ok(this.clone())
        },
        "keys" => |cx, this, _| listed(cx, this, |(key, _)| key),
        "values" => |cx, this, _| listed(cx, this, |(_, value)| value),
        name => return shared_method(name),
    })
}

pub(super) fn set_method(name: &str) -> Option<Native> {
    Some(match name {
        "add" => |cx, this, args| {
            cx.allocate(4 * VALUE)?;
            cx.link(this, &arg(args, 0))?;
            let set = keyed(this)?;
            if !set.contains(&arg(args, 0)) {
                set.insert(arg(args, 0), arg(args, 0));
            }
            Ok(this.clone())
        },
        "keys" | "values" => |cx, this, _| listed(cx, this, |(key, _)| key),
        "union" => |cx, this, args| {
            let other = cx.iterate(&arg(args, 0))?;
            set_of(cx.iterate(this)?.into_iter().chain(other))
        },
        "intersection" => |cx, this, args| {
            let other = keyed(&arg(args, 0))?.clone();
            set_of(cx.iterate(this)?.into_iter().filter(|value| other.contains(value)))
        },
        "difference" => |cx, this, args| {
            let other = keyed(&arg(args, 0))?.clone();
            set_of(cx.iterate(this)?.into_iter().filter(|value| !other.contains(value)))
        },
        "symmetricDifference" => |cx, this, args| {
            let (one, other) = (keyed(this)?.clone(), keyed(&arg(args, 0))?.clone());
            let left = cx.iterate(this)?.into_iter().filter(|value| !other.contains(value));
            let right = cx.iterate(&arg(args, 0))?.into_iter().filter(|value| !one.contains(value));
            set_of(left.chain(right))
        },
        "isSubsetOf" => |cx, this, args| {
            let other = keyed(&arg(args, 0))?.clone();
            Ok(cx.iterate(this)?.iter().all(|value| other.contains(value)).into())
        },
        "isSupersetOf" => |cx, this, args| {
            let one = keyed(this)?;
            Ok(cx.iterate(&arg(args, 0))?.iter().all(|value| one.contains(value)).into())
        },
        "isDisjointFrom" => |cx, this, args| {
            let other = keyed(&arg(args, 0))?.clone();
            Ok(cx.iterate(this)?.iter().all(|value| !other.contains(value)).into())
        },
        name => return shared_method(name),
    })
}

fn shared_method(name: &str) -> Option<Native> {
    Some(match name {
        "has" => |_, this, args| Ok(keyed(this)?.contains(&arg(args, 0)).into()),
        "delete" => |_, this, args| Ok(keyed(this)?.remove(&arg(args, 0)).into()),
        "clear" => |_, this, _| {
            keyed(this)?.clear();
            Ok(Value::Undefined)
        },
        "entries" => |cx, this, _| listed(cx, this, |(key, value)| Value::array(vec![key, value])),
        "forEach" => |cx, this, args| {
            let callback = arg(args, 0);
            callable(&callback)?;
            cx.allocate(keyed(this)?.len() * 2 * VALUE)?;
            for (key, value) in keyed(this)?.entries() {
                cx.call(&callback, &Value::Undefined, &[value, key, this.clone()])?;
            }
            Ok(Value::Undefined)
        },
        name => return super::object::method(name),
    })
}

fn keyed(this: &Value) -> Result<&Keyed> {
    match this {
        Value::Map(entries) | Value::Set(entries) => Ok(entries),
        _ => Err(Error::type_error("this is no Map or Set")),
    }
}

fn listed(cx: &Cx<'_>, this: &Value, pick: fn((Value, Value)) -> Value) -> Result {
    let entries = keyed(this)?;
    cx.allocate(entries.len() * 3 * VALUE)?;
    cx.charge(entries.len())?;
    Ok(Value::array(entries.entries().into_iter().map(pick).collect()))
}

fn set_of(values: impl Iterator<Item = Value>) -> Result {
    let set = Keyed::new(false);
    for value in values {
        if !set.contains(&value) {
            set.insert(value.clone(), value);
        }
    }
    Ok(Value::Set(set))
}
