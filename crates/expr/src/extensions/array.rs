//! Methods of arrays.

use super::distinct::Distinct;
use super::{UNDEFINED, at, object};
use crate::Error;
use crate::eval::Cx;
use crate::value::{Native, Object, Value};

pub(super) fn method(name: &str) -> Option<Native> {
    Some(match name {
        "first" => |_, this, _| Ok(elements(this).into_iter().next().into()),
        "last" => |_, this, _| Ok(elements(this).pop().into()),
        "randomItem" => |cx, this, _| {
            let elements = elements(this);
            let index = (cx.random() * elements.len() as f64) as usize;
            Ok(elements.get(index).cloned().into())
        },
        "isEmpty" => |_, this, _| Ok(elements(this).is_empty().into()),
        "isNotEmpty" => |_, this, _| Ok((!elements(this).is_empty()).into()),
        "unique" | "removeDuplicates" => unique,
        "pluck" => pluck,
        "sum" => |_, this, _| Ok(numbers(this, "sum")?.into_iter().sum::<f64>().into()),
        "min" => |_, this, _| Ok(numbers(this, "min")?.into_iter().fold(f64::INFINITY, smaller).into()),
        "max" => |_, this, _| Ok(numbers(this, "max")?.into_iter().fold(f64::NEG_INFINITY, larger).into()),
        "average" => |_, this, _| Ok(average(&numbers(this, "average")?).into()),
        "compact" => |cx, this, _| {
            let kept = elements(this).into_iter().filter(|value| !object::holds_nothing(value));
            let look_inside = |value| match object::has_members(&value) {
                true => object::compact(&value, cx),
                false => Ok(value),
            };
            Ok(Value::array(kept.map(look_inside).collect::<Result<_, _>>()?))
        },
        "smartJoin" => smart_join,
        "chunk" => chunk,
        "renameKeys" => rename_keys,
        "merge" => |_, this, args| Ok(merge(&elements(this), at(args, 0))),
        "union" => |cx, this, args| {
            let mut all = elements(this);
            all.extend(other(args, "union")?);
            distinct(all, cx)
        },
        "difference" => |cx, this, args| {
            let others = Distinct::of(&other(args, "difference")?, cx)?;
            distinct(filter(elements(this), |value| Ok(!others.contains(value, cx)?))?, cx)
        },
        "intersection" => |cx, this, args| {
            let others = Distinct::of(&other(args, "intersection")?, cx)?;
            distinct(filter(elements(this), |value| others.contains(value, cx))?, cx)
        },
        "append" => |_, this, args| Ok(Value::array([elements(this), args.to_vec()].concat())),
        "toJsonString" => |cx, this, _| object::to_json(this, cx),
        "toInt" | "toFloat" | "toBoolean" | "toDateTime" => UNDEFINED,
        _ => return None,
    })
}

fn elements(this: &Value) -> Vec<Value> {
    match this {
        Value::Array(array) => array.to_vec(),
        _ => Vec::new(),
    }
}

fn filter(
    values: Vec<Value>,
    mut keep: impl FnMut(&Value) -> Result<bool, Error>,
) -> Result<Vec<Value>, Error> {
    let mut kept = Vec::new();
    for value in values {
        if keep(&value)? {
            kept.push(value);
        }
    }
    Ok(kept)
}

/// The values without repetitions.
fn distinct(values: Vec<Value>, cx: &Cx<'_>) -> Result<Value, Error> {
    let mut seen = Distinct::default();
    Ok(Value::array(filter(values, |value| seen.insert(value, cx))?))
}

fn numbers(this: &Value, name: &str) -> Result<Vec<f64>, Error> {
    let numbers: Option<Vec<f64>> = elements(this).iter().map(Value::as_f64).collect();
    numbers.ok_or_else(|| Error::extension(format!("{name}(): all array elements must be numbers")))
}

/// The mean of some numbers, zero when there are none.
pub(super) fn average(numbers: &[f64]) -> f64 {
    if numbers.is_empty() { 0.0 } else { numbers.iter().sum::<f64>() / numbers.len() as f64 }
}

/// `Math.min` of two numbers.
pub(super) fn smaller(one: f64, other: f64) -> f64 {
    if one.is_nan() || other.is_nan() { f64::NAN } else { one.min(other) }
}

/// `Math.max` of two numbers.
pub(super) fn larger(one: f64, other: f64) -> f64 {
    if one.is_nan() || other.is_nan() { f64::NAN } else { one.max(other) }
}

/// The array that an argument must be.
fn other(args: &[Value], name: &str) -> Result<Vec<Value>, Error> {
    match at(args, 0) {
        Value::Array(array) => Ok(array.to_vec()),
        _ => Err(Error::extension(format!("{name}(): expected array arg, e.g. .{name}([1, 2, 3, 4])"))),
    }
}

/// Without repetitions; with names of fields, objects that agree in those fields are repetitions.
fn unique(cx: &Cx<'_>, this: &Value, args: &[Value]) -> Result<Value, Error> {
    if args.is_empty() {
        return distinct(elements(this), cx);
    }
    let fields: Vec<_> = args.iter().map(Value::to_js_string).collect();
    let mut seen = Distinct::default();
    let kept = filter(elements(this), |value| match value {
        Value::Object(object) => {
            let chosen = fields.iter().map(|field| object.get(field).into()).collect();
            seen.insert(&Value::array(chosen), cx)
        }
        value => seen.insert(value, cx),
    })?;
    Ok(Value::array(kept))
}

/// The values of some fields of every object, alone or as an array; objects that have none of them are left out.
fn pluck(cx: &Cx<'_>, this: &Value, args: &[Value]) -> Result<Value, Error> {
    if args.is_empty() {
        return Ok(this.clone());
    }
    let fields: Vec<_> = args.iter().map(Value::to_js_string).collect();
    let elements = elements(this);
    cx.charge(elements.len() * fields.len())?;
    let plucked = elements.iter().filter_map(|element| {
        let mut found: Vec<Value> = match element {
            Value::Object(object) => fields.iter().filter_map(|field| object.get(field)).collect(),
            Value::Array(array) => fields.iter().filter_map(|field| array.get(field.parse().ok()?)).collect(),
            _ => Vec::new(),
        };
        match found.len() {
            0 => None,
            1 => found.pop(),
            _ => Some(Value::array(found)),
        }
    });
    Ok(Value::array(plucked.collect()))
}

/// An object with a member per element, named and filled by two of its fields.
fn smart_join(_: &Cx<'_>, this: &Value, args: &[Value]) -> Result<Value, Error> {
    let (Some(key), Some(value)) = (at(args, 0).as_str(), at(args, 1).as_str()) else {
        let message = "smartJoin(): expected two string args, e.g. .smartJoin(\"name\", \"value\")";
        return Err(Error::extension(message));
    };
    let joined = Object::new();
    for element in elements(this) {
        if let Value::Object(object) = element
            && let (Some(key), Some(value)) = (object.get(key), object.get(value))
        {
            joined.insert(key.to_js_string(), value);
        }
    }
    Ok(Value::Object(joined))
}

/// Arrays of up to `size` elements each.
fn chunk(cx: &Cx<'_>, this: &Value, args: &[Value]) -> Result<Value, Error> {
    let Some(size) = at(args, 0).as_f64().filter(|size| *size > 0.0) else {
        return Err(Error::extension("chunk(): expected non-zero numeric arg, e.g. .chunk(5)"));
    };
    let elements = elements(this);
    let mut chunks = Vec::new();
    let mut start = 0.0;
    while start < elements.len() as f64 {
        cx.charge(1)?;
        let end = (start + size).min(elements.len() as f64);
        chunks.push(Value::array(elements[start as usize..end as usize].to_vec()));
        start += size;
    }
    Ok(Value::array(chunks))
}

/// Objects with members renamed; renamed ones go to the end.
fn rename_keys(_: &Cx<'_>, this: &Value, args: &[Value]) -> Result<Value, Error> {
    if args.is_empty() || !args.len().is_multiple_of(2) {
        let message = "renameKeys(): expected an even amount of args: from1, to1 [, from2, to2, ...]. \
                       e.g. .renameKeys(\"name\", \"title\")";
        return Err(Error::extension(message));
    }
    let renamed = elements(this).into_iter().map(|element| {
        let object: Object = match &element {
            Value::Object(object) => object.entries().into_iter().collect(),
            Value::Array(array) => {
                let members = array.to_vec().into_iter().enumerate();
                members.map(|(index, value)| (ecow::eco_format!("{index}"), value)).collect()
            }
            _ => return element,
        };
        let mut changed = false;
        for pair in args.chunks_exact(2) {
            if let Some(value) = object.remove(&pair[0].to_js_string()) {
                object.insert(pair[1].to_js_string(), value);
                changed = true;
            }
        }
        if changed { Value::Object(object) } else { element }
    });
    Ok(Value::array(renamed.collect()))
}

/// One object of all members; what comes first wins. With another array, element by element up to the shorter one.
fn merge(elements: &[Value], other: &Value) -> Value {
    let merged = Object::new();
    let add = |value: &Value| {
        let members = match value {
            Value::Object(object) => object.entries(),
            Value::Array(array) => {
                let members = array.to_vec().into_iter().enumerate();
                members.map(|(index, value)| (ecow::eco_format!("{index}"), value)).collect()
            }
            _ => Vec::new(),
        };
        for (key, value) in members {
            if !merged.contains_key(&key) {
                merged.insert(key, value);
            }
        }
    };
    match other {
        Value::Array(other) => {
            for (left, right) in elements.iter().zip(&other.to_vec()) {
                add(left);
                add(right);
            }
        }
        _ => elements.iter().for_each(add),
    }
    Value::Object(merged)
}
