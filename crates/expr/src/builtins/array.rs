//! `Array` and typed arrays.

use std::cmp::Ordering;

use super::{Result, arg, array_of, callable, integer, relative};
use crate::eval::{Cx, VALUE};
use crate::value::{Array, Class, Native, same_value_zero, strictly_equal};
use crate::{Error, Value};

pub(super) fn construct(cx: &Cx<'_>, args: &[Value]) -> Result {
    if let [Value::Number(length)] = args {
        if *length < 0.0 || length.fract() != 0.0 || *length > 4_294_967_295.0 {
            return Err(Error::range_error("Invalid array length"));
        }
        cx.allocate((*length as usize).saturating_mul(VALUE))?;
        return Ok(Value::array(vec![Value::Undefined; *length as usize]));
    }
    cx.allocate(size_of_val(args))?;
    Ok(Value::array(args.to_vec()))
}

pub(super) fn construct_typed(class: Class, cx: &Cx<'_>, args: &[Value]) -> Result {
    let values = match arg(args, 0) {
        value if value.is_object() => cx.iterate(&value)?,
        value => {
            let length = integer(cx, &[value], 0, 0.0)?.max(0.0) as usize;
            cx.allocate(length.saturating_mul(VALUE))?;
            vec![Value::Number(0.0); length]
        }
    };
    let values = values.iter().map(|value| Ok(Value::Number(stored(class, cx.to_number(value)?))));
    Ok(Value::Array(Array::typed(class, values.collect::<Result<_>>()?)))
}

/// A number as a typed array of this class stores it.
fn stored(class: Class, number: f64) -> f64 {
    let whole = crate::eval::to_int32(number);
    match class {
        Class::Int8Array => f64::from(whole as i8),
        Class::Uint8Array => f64::from(whole as u8),
        Class::Uint8ClampedArray => number.clamp(0.0, 255.0).round_ties_even(),
        Class::Int16Array => f64::from(whole as i16),
        Class::Uint16Array => f64::from(whole as u16),
        Class::Int32Array => f64::from(whole),
        Class::Uint32Array => f64::from(whole as u32),
        Class::Float32Array => f64::from(number as f32),
        _ => number,
    }
}

pub(super) fn static_method(name: &str) -> Option<Native> {
    Some(match name {
        "isArray" => |_, _, args| Ok(matches!(args.first(), Some(Value::Array(_))).into()),
        "of" => |_, _, args| Ok(Value::array(args.to_vec())),
        "from" => |cx, _, args| {
            let mapper = arg(args, 1);
            let values = match arg(args, 0) {
                source @ (Value::Object(_) | Value::Function(_)) => array_like(cx, &source)?,
                Value::Number(_) | Value::Bool(_) | Value::Date(_) => Vec::new(),
                source => cx.iterate(&source)?,
            };
            if mapper.is_undefined() {
                return Ok(Value::array(values));
            }
            callable(&mapper)?;
            let mapped = values.into_iter().enumerate();
            let mapped =
                mapped.map(|(index, value)| cx.call(&mapper, &Value::Undefined, &[value, index.into()]));
            Ok(Value::array(mapped.collect::<Result<_>>()?))
        },
        _ => return None,
    })
}

/// The elements of an object with a `length`.
fn array_like(cx: &Cx<'_>, source: &Value) -> Result<Vec<Value>> {
    let length = integer(cx, &[cx.member(source, "length")?], 0, 0.0)?.max(0.0) as usize;
    cx.allocate(length.saturating_mul(VALUE))?;
    cx.charge(length)?;
    (0..length).map(|index| cx.index(source, &index.into())).collect()
}

pub(super) fn method(name: &str) -> Option<Native> {
    Some(match name {
        "map" => |cx, this, args| {
            let mut mapped = Vec::new();
            cx.allocate(array_of(cx, this)?.len() * VALUE)?;
            each(cx, this, args, |_, result| {
                mapped.push(result);
                Ok(true)
            })?;
            Ok(Value::array(mapped))
        },
        "filter" => |cx, this, args| {
            let mut kept = Vec::new();
            each(cx, this, args, |value, result| {
                if result.truthy() {
                    cx.allocate(VALUE)?;
                    kept.push(value.clone());
                }
                Ok(true)
            })?;
            Ok(Value::array(kept))
        },
        "forEach" => |cx, this, args| {
            each(cx, this, args, |_, _| Ok(true))?;
            Ok(Value::Undefined)
        },
        "find" => |cx, this, args| {
            let mut found = Value::Undefined;
            each(cx, this, args, |value, result| {
                if result.truthy() {
                    found = value.clone();
                }
                Ok(!result.truthy())
            })?;
            Ok(found)
        },
        "findIndex" => |cx, this, args| {
            let mut index = -1.0;
            let mut found = false;
            each(cx, this, args, |_, result| {
                index += 1.0;
                found = result.truthy();
                Ok(!found)
            })?;
            Ok(Value::Number(if found { index } else { -1.0 }))
        },
        "findLast" => |cx, this, args| Ok(find_last(cx, this, args)?.map(|(_, value)| value).into()),
        "findLastIndex" => |cx, this, args| {
            Ok(Value::Number(find_last(cx, this, args)?.map_or(-1.0, |(index, _)| index as f64)))
        },
        "some" => |cx, this, args| {
            let mut found = false;
            each(cx, this, args, |_, result| {
                found = result.truthy();
                Ok(!found)
            })?;
            Ok(found.into())
        },
        "every" => |cx, this, args| {
            let mut all = true;
            each(cx, this, args, |_, result| {
                all = result.truthy();
                Ok(all)
            })?;
            Ok(all.into())
        },
        "reduce" => |cx, this, args| reduce(cx, this, args, false),
        "reduceRight" => |cx, this, args| reduce(cx, this, args, true),
        "flatMap" => |cx, this, args| {
            let mut flat = Vec::new();
            each(cx, this, args, |_, result| {
                cx.allocate(VALUE)?;
                match result {
                    Value::Array(array) => flat.extend(cx.iterate(&Value::Array(array))?),
                    result => flat.push(result),
                }
                Ok(true)
            })?;
            Ok(Value::array(flat))
        },
        "flat" => |cx, this, args| {
            let depth = integer(cx, args, 0, 1.0)?;
            let mut flat = Vec::new();
            flatten(cx, &array_of(cx, this)?, depth, &mut flat)?;
            Ok(Value::array(flat))
        },
        "join" => |cx, this, args| {
            let separator = match arg(args, 0) {
                Value::Undefined => ",".into(),
                value => cx.to_text(&value)?,
            };
            Ok(Value::String(cx.join(this, &separator)?))
        },
        "toString" => |cx, this, _| Ok(Value::String(cx.join(this, ",")?)),
        "toLocaleString" => |cx, this, args| {
            let texts = cx.iterate(this)?.into_iter().map(|value| match value.is_nullish() {
                true => Ok("".into()),
                false => cx.call_method(&value, "toLocaleString", args),
            });
            let texts = Value::array(texts.collect::<Result<_>>()?);
            Ok(Value::String(cx.join(&texts, ",")?))
        },
        "push" => |cx, this, args| {
            cx.allocate(args.len() * VALUE)?;
            args.iter().try_for_each(|value| cx.link(this, value))?;
            let array = array_of(cx, this)?;
            changed(&array)?.extend_from_slice(args);
            Ok(array.len().into())
        },
        "pop" => |cx, this, _| Ok(changed(&array_of(cx, this)?)?.pop().into()),
        "shift" => |cx, this, _| {
            let array = array_of(cx, this)?;
            cx.charge(array.len() / 16)?;
            let mut values = changed(&array)?;
            Ok(if values.is_empty() { Value::Undefined } else { values.remove(0) })
        },
        "unshift" => |cx, this, args| {
            let array = array_of(cx, this)?;
            cx.allocate(args.len() * VALUE)?;
            cx.charge(array.len() / 16)?;
            args.iter().try_for_each(|value| cx.link(this, value))?;
            changed(&array)?.splice(0..0, args.iter().cloned());
            Ok(array.len().into())
        },
        "splice" => |cx, this, args| {
            let array = array_of(cx, this)?;
            let (start, count) = span(cx, args, array.len())?;
            let more = args.get(2..).unwrap_or_default();
            cx.allocate((count + more.len()) * VALUE)?;
            more.iter().try_for_each(|value| cx.link(this, value))?;
            cx.charge(array.len() / 16)?;
            let removed = changed(&array)?.splice(start..start + count, more.iter().cloned()).collect();
            Ok(Value::array(removed))
        },
        "toSpliced" => |cx, this, args| {
            let mut values = cx.iterate(this)?;
            let (start, count) = span(cx, args, values.len())?;
            let more = args.get(2..).unwrap_or_default();
            cx.allocate(size_of_val(more))?;
            values.splice(start..start + count, more.iter().cloned());
            Ok(Value::array(values))
        },
        "slice" => |cx, this, args| {
            let array = array_of(cx, this)?;
            let start = relative(integer(cx, args, 0, 0.0)?, array.len());
            let end = relative(integer(cx, args, 1, f64::INFINITY)?, array.len());
            cx.allocate(end.saturating_sub(start) * VALUE)?;
            cx.charge(end.saturating_sub(start))?;
            Ok(Value::array((start..end).filter_map(|index| array.get(index)).collect()))
        },
        "concat" => |cx, this, args| {
            let mut values = cx.iterate(this)?;
            for value in args {
                match value {
                    Value::Array(_) => values.extend(cx.iterate(value)?),
                    value => {
                        cx.allocate(VALUE)?;
                        values.push(value.clone());
                    }
                }
            }
            Ok(Value::array(values))
        },
        "reverse" => |cx, this, _| {
            let array = array_of(cx, this)?;
            cx.charge(array.len())?;
            changed(&array)?.reverse();
            Ok(this.clone())
        },
        "toReversed" => |cx, this, _| {
            let mut values = cx.iterate(this)?;
            values.reverse();
            Ok(Value::array(values))
        },
        "sort" => |cx, this, args| {
            let array = array_of(cx, this)?;
            let sorted = sorted(cx, array.to_vec(), &arg(args, 0))?;
            *changed(&array)? = sorted;
            Ok(this.clone())
        },
        "toSorted" => |cx, this, args| Ok(Value::array(sorted(cx, cx.iterate(this)?, &arg(args, 0))?)),
        "with" => |cx, this, args| {
            let mut values = cx.iterate(this)?;
            let index = integer(cx, args, 0, 0.0)?;
            let index = if index < 0.0 { index + values.len() as f64 } else { index };
            match values.get_mut(index as usize) {
                Some(value) if index >= 0.0 => *value = arg(args, 1),
                _ => return Err(Error::range_error("Invalid index")),
            }
            Ok(Value::array(values))
        },
        "at" => |cx, this, args| {
            let array = array_of(cx, this)?;
            let index = integer(cx, args, 0, 0.0)?;
            let index = if index < 0.0 { index + array.len() as f64 } else { index };
            Ok(if index < 0.0 { Value::Undefined } else { array.get(index as usize).into() })
        },
        "includes" => |cx, this, args| {
            let wanted = arg(args, 0);
            Ok(position(cx, this, args, |value| same_value_zero(value, &wanted))?.is_some().into())
        },
        "indexOf" => |cx, this, args| {
            let wanted = arg(args, 0);
            let found = position(cx, this, args, |value| strictly_equal(value, &wanted))?;
            Ok(Value::Number(found.map_or(-1.0, |index| index as f64)))
        },
        "lastIndexOf" => |cx, this, args| {
            let array = array_of(cx, this)?;
            cx.charge(array.len())?;
            let wanted = arg(args, 0);
            let from = integer(cx, args, 1, f64::INFINITY)?;
            let end = if from < 0.0 { array.len() as f64 + from + 1.0 } else { from + 1.0 };
            let end = end.clamp(0.0, array.len() as f64) as usize;
            let found = array.values()[..end].iter().rposition(|value| strictly_equal(value, &wanted));
            Ok(Value::Number(found.map_or(-1.0, |index| index as f64)))
        },
        "fill" => |cx, this, args| {
            let array = array_of(cx, this)?;
            cx.charge(array.len())?;
            let start = relative(integer(cx, args, 1, 0.0)?, array.len());
            let end = relative(integer(cx, args, 2, f64::INFINITY)?, array.len());
            if start < end {
                cx.link(this, &arg(args, 0))?;
                changed(&array)?[start..end].fill(arg(args, 0));
            }
            Ok(this.clone())
        },
        "copyWithin" => |cx, this, args| {
            let array = array_of(cx, this)?;
            let length = array.len();
            cx.charge(length)?;
            let target = relative(integer(cx, args, 0, 0.0)?, length);
            let start = relative(integer(cx, args, 1, 0.0)?, length);
            let end = relative(integer(cx, args, 2, f64::INFINITY)?, length);
            let count = end.saturating_sub(start).min(length - target);
            let mut values = changed(&array)?;
            let piece: Vec<Value> = values[start..start + count].to_vec();
            values[target..target + count].clone_from_slice(&piece);
            drop(values);
            Ok(this.clone())
        },
        "keys" => |cx, this, _| {
            let length = array_of(cx, this)?.len();
            cx.allocate(length * VALUE)?;
            Ok(Value::array((0..length).map(Value::from).collect()))
        },
        "values" => |cx, this, _| Ok(Value::array(cx.iterate(this)?)),
        "entries" => |cx, this, _| {
            let values = cx.iterate(this)?;
            cx.allocate(values.len() * 4 * VALUE)?;
            let pairs = values.into_iter().enumerate();
            Ok(Value::array(pairs.map(|(index, value)| Value::array(vec![index.into(), value])).collect()))
        },
        _ => return super::object::method(name),
    })
}

/// The elements, to be changed.
fn changed(array: &Array) -> Result<std::cell::RefMut<'_, Vec<Value>>> {
    array.change().ok_or_else(|| Error::type_error("Cannot change a frozen array"))
}

/// Calls the callback with every element; `take` gets element and result and says whether to go on.
fn each(
    cx: &Cx<'_>,
    this: &Value,
    args: &[Value],
    mut take: impl FnMut(&Value, Value) -> Result<bool>,
) -> Result<()> {
    let array = array_of(cx, this)?;
    let callback = arg(args, 0);
    callable(&callback)?;
    let length = array.len();
    for index in 0..length {
        let Some(value) = array.get(index) else { break };
        let call = [value, index.into(), this.clone()];
        let result = cx.call(&callback, &Value::Undefined, &call)?;
        if !take(&call[0], result)? {
            break;
        }
    }
    Ok(())
}

fn find_last(cx: &Cx<'_>, this: &Value, args: &[Value]) -> Result<Option<(usize, Value)>> {
    let array = array_of(cx, this)?;
    let callback = arg(args, 0);
    callable(&callback)?;
    for index in (0..array.len()).rev() {
        let value = array.get(index).unwrap_or_default();
        if cx.call(&callback, &Value::Undefined, &[value.clone(), index.into(), this.clone()])?.truthy() {
            return Ok(Some((index, value)));
        }
    }
    Ok(None)
}

fn reduce(cx: &Cx<'_>, this: &Value, args: &[Value], from_right: bool) -> Result {
    let array = array_of(cx, this)?;
    let callback = arg(args, 0);
    callable(&callback)?;
    let mut indices: Box<dyn Iterator<Item = usize>> =
        if from_right { Box::new((0..array.len()).rev()) } else { Box::new(0..array.len()) };
    let mut result = match args.get(1) {
        Some(initial) => initial.clone(),
        None => match indices.next() {
            Some(index) => array.get(index).into(),
            None => return Err(Error::type_error("Reduce of empty array with no initial value")),
        },
    };
    for index in indices {
        let value = Value::from(array.get(index));
        result = cx.call(&callback, &Value::Undefined, &[result, value, index.into(), this.clone()])?;
    }
    Ok(result)
}

fn flatten(cx: &Cx<'_>, array: &Array, depth: f64, flat: &mut Vec<Value>) -> Result<()> {
    cx.deeper(|| {
        cx.charge(array.len())?;
        for value in array.to_vec() {
            match &value {
                Value::Array(inner) if depth >= 1.0 => flatten(cx, inner, depth - 1.0, flat)?,
                _ => {
                    cx.allocate(VALUE)?;
                    flat.push(value);
                }
            }
        }
        Ok(())
    })
}

/// The start and count of `splice`.
fn span(cx: &Cx<'_>, args: &[Value], length: usize) -> Result<(usize, usize)> {
    let start = relative(integer(cx, args, 0, 0.0)?, length);
    let rest = (length - start) as f64;
    let count = match args.len() {
        0 => 0.0,
        1 => rest,
        _ => integer(cx, args, 1, 0.0)?.clamp(0.0, rest),
    };
    Ok((start, count as usize))
}

fn position(
    cx: &Cx<'_>,
    this: &Value,
    args: &[Value],
    matches: impl Fn(&Value) -> bool,
) -> Result<Option<usize>> {
    let array = array_of(cx, this)?;
    cx.charge(array.len())?;
    let start = relative(integer(cx, args, 1, 0.0)?, array.len());
    Ok((start..array.len()).find(|index| array.get(*index).is_some_and(|value| matches(&value))))
}

/// Sorts stably: `undefined` last, the others by the callback or by their text.
fn sorted(cx: &Cx<'_>, values: Vec<Value>, callback: &Value) -> Result<Vec<Value>> {
    let length = values.len();
    cx.allocate(length * 2 * VALUE)?;
    let (mut last, values): (Vec<_>, Vec<_>) = values.into_iter().partition(Value::is_undefined);
    let mut sorted: Vec<Value> = if callback.is_undefined() {
        cx.charge(length.saturating_mul(length.checked_ilog2().unwrap_or(0) as usize))?;
        let mut keyed =
            values.into_iter().map(|value| Ok((cx.to_text(&value)?, value))).collect::<Result<Vec<_>>>()?;
        keyed.sort_by(|(left, _), (right, _)| left.encode_utf16().cmp(right.encode_utf16()));
        keyed.into_iter().map(|(_, value)| value).collect()
    } else {
        callable(callback)?;
        merge_sort(cx, values, callback)?
    };
    sorted.append(&mut last);
    Ok(sorted)
}

/// A merge sort: the callback may fail or contradict itself, which the standard sorts do not allow.
fn merge_sort(cx: &Cx<'_>, mut values: Vec<Value>, callback: &Value) -> Result<Vec<Value>> {
    if values.len() < 2 {
        return Ok(values);
    }
    let right = values.split_off(values.len() / 2);
    let mut left = merge_sort(cx, values, callback)?.into_iter().peekable();
    let mut right = merge_sort(cx, right, callback)?.into_iter().peekable();
    let mut merged = Vec::with_capacity(left.len() + right.len());
    while let (Some(one), Some(two)) = (left.peek(), right.peek()) {
        let order = cx.call(callback, &Value::Undefined, &[one.clone(), two.clone()])?;
        let order = cx.to_number(&order)?.partial_cmp(&0.0).unwrap_or(Ordering::Equal);
        merged.extend(if order.is_gt() { right.next() } else { left.next() });
    }
    merged.extend(left);
    merged.extend(right);
    Ok(merged)
}
