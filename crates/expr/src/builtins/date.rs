//! `Date`.

use std::cell::Cell;
use std::rc::Rc;

use super::{Result, arg, intl};
use crate::date::{FURTHEST, Fields, date_text, days_from_civil, fields, parse, time_text, to_iso};
use crate::eval::Cx;
use crate::value::Native;
use crate::{Error, Value};

const DAY: f64 = 86_400_000.0;

/// `new Date(...)`
pub(super) fn construct(cx: &Cx<'_>, args: &[Value]) -> Result {
    Ok(Value::date(match args {
        [] => cx.now_ms(),
        [Value::Date(ms)] => ms.get(),
        [Value::DateTime(value)] => value.to_millis(),
        [Value::String(text)] => parse(text),
        [value] => match cx.to_number(value) {
            Ok(number) if !number.is_nan() => clip(number),
            // Objects with a text of their own.
            _ => parse(&cx.to_text(value)?),
        },
        args => from_fields(cx, args)?,
    }))
}

pub(super) fn static_method(name: &str) -> Option<Native> {
    Some(match name {
        "now" => |cx, _, _| Ok(Value::Number(cx.now_ms())),
        "parse" => |cx, _, args| Ok(Value::Number(parse(&cx.to_text(&arg(args, 0))?))),
        "UTC" => |cx, _, args| Ok(Value::Number(from_fields(cx, args)?)),
        _ => return None,
    })
}

/// Milliseconds from year, month (from 0), day, hours and so on.
fn from_fields(cx: &Cx<'_>, args: &[Value]) -> Result<f64> {
    let mut parts = [f64::NAN, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0];
    for (part, value) in parts.iter_mut().zip(args) {
        *part = cx.to_number(value)?.trunc();
    }
    if (0.0..=99.0).contains(&parts[0]) {
        parts[0] += 1900.0;
    }
    Ok(moment(parts))
}

fn moment([year, month, day, hour, minute, second, ms]: [f64; 7]) -> f64 {
    if [year, month, day, hour, minute, second, ms].iter().any(|part| !part.is_finite()) {
        return f64::NAN;
    }
    clip(
        days_from_civil(year, month, day) * DAY
            + hour * 3_600_000.0
            + minute * 60_000.0
            + second * 1000.0
            + ms,
    )
}

fn clip(ms: f64) -> f64 {
    if ms.abs() <= FURTHEST { ms.trunc() + 0.0 } else { f64::NAN }
}

fn own(this: &Value) -> Result<&Rc<Cell<f64>>> {
    match this {
        Value::Date(ms) => Ok(ms),
        _ => Err(Error::type_error("this is not a Date object.")),
    }
}

fn get(this: &Value, pick: fn(&Fields) -> i64) -> Result {
    let at = fields(own(this)?.get());
    Ok(Value::Number(at.map_or(f64::NAN, |at| pick(&at) as f64)))
}

/// Replaces the fields from `first` on with the arguments.
fn set(cx: &Cx<'_>, this: &Value, args: &[Value], first: usize, most: usize) -> Result {
    let date = own(this)?;
    let at = match fields(date.get()) {
        Some(at) => at,
        // Setting the year makes an invalid date valid again.
        None if first == 0 => fields(0.0).expect("1970 is a valid moment"),
        None => return Ok(Value::Number(f64::NAN)),
    };
    let mut parts = [at.year, at.month, at.day, at.hour, at.minute, at.second, at.ms].map(|part| part as f64);
    for (part, index) in parts[first..].iter_mut().zip(0..most) {
        match args.get(index) {
            Some(value) => *part = cx.to_number(value)?.trunc(),
            None if index == 0 => *part = f64::NAN,
            None => break,
        }
    }
    date.set(moment(parts));
    Ok(Value::Number(date.get()))
}

/// Text of a valid date, `Invalid Date` otherwise.
fn shown(this: &Value, write: impl Fn(&Fields) -> model::Text) -> Result {
    Ok(fields(own(this)?.get()).map_or("Invalid Date".into(), |at| Value::String(write(&at))))
}

pub(super) fn method(name: &str) -> Option<Native> {
    Some(match name {
        "getTime" | "valueOf" => |_, this, _| Ok(Value::Number(own(this)?.get())),
        "getFullYear" | "getUTCFullYear" => |_, this, _| get(this, |at| at.year),
        "getYear" => |_, this, _| get(this, |at| at.year - 1900),
        "getMonth" | "getUTCMonth" => |_, this, _| get(this, |at| at.month),
        "getDate" | "getUTCDate" => |_, this, _| get(this, |at| at.day),
        "getDay" | "getUTCDay" => |_, this, _| get(this, |at| at.weekday),
        "getHours" | "getUTCHours" => |_, this, _| get(this, |at| at.hour),
        "getMinutes" | "getUTCMinutes" => |_, this, _| get(this, |at| at.minute),
        "getSeconds" | "getUTCSeconds" => |_, this, _| get(this, |at| at.second),
        "getMilliseconds" | "getUTCMilliseconds" => |_, this, _| get(this, |at| at.ms),
        "getTimezoneOffset" => |_, this, _| get(this, |_| 0),
        "setTime" => |cx, this, args| {
            let ms = clip(cx.to_number(&arg(args, 0))?);
            own(this)?.set(ms);
            Ok(Value::Number(ms))
        },
        "setFullYear" | "setUTCFullYear" => |cx, this, args| set(cx, this, args, 0, 3),
        "setMonth" | "setUTCMonth" => |cx, this, args| set(cx, this, args, 1, 2),
        "setDate" | "setUTCDate" => |cx, this, args| set(cx, this, args, 2, 1),
        "setHours" | "setUTCHours" => |cx, this, args| set(cx, this, args, 3, 4),
        "setMinutes" | "setUTCMinutes" => |cx, this, args| set(cx, this, args, 4, 3),
        "setSeconds" | "setUTCSeconds" => |cx, this, args| set(cx, this, args, 5, 2),
        "setMilliseconds" | "setUTCMilliseconds" => |cx, this, args| set(cx, this, args, 6, 1),
        "toISOString" => |_, this, _| match to_iso(own(this)?.get()) {
            Some(text) => Ok(Value::String(text)),
            None => Err(Error::range_error("Invalid time value")),
        },
        "toJSON" => |_, this, _| Ok(to_iso(own(this)?.get()).map_or(Value::Null, Value::String)),
        "toString" => |_, this, _| Ok(this.to_js_string().into()),
        "toDateString" => |_, this, _| shown(this, date_text),
        "toTimeString" => |_, this, _| shown(this, time_text),
        "toUTCString" | "toGMTString" => |_, this, _| {
            shown(this, |at| {
                ecow::eco_format!(
                    "{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT",
                    crate::date::WEEKDAYS[at.weekday as usize],
                    at.day,
                    crate::date::MONTHS[at.month as usize],
                    at.year,
                    at.hour,
                    at.minute,
                    at.second
                )
            })
        },
        "toLocaleString" => |cx, this, args| intl::format_date(cx, own(this)?.get(), args, intl::Parts::Both),
        "toLocaleDateString" => {
            |cx, this, args| intl::format_date(cx, own(this)?.get(), args, intl::Parts::Date)
        }
        "toLocaleTimeString" => {
            |cx, this, args| intl::format_date(cx, own(this)?.get(), args, intl::Parts::Time)
        }
        _ => return super::object::method(name),
    })
}
