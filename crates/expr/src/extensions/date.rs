//! Methods of `Date` and `DateTime`. What gives a date gives the kind it was called on.

use super::{UNDEFINED, at, string};
use crate::Error;
use crate::eval::Cx;
use crate::luxon::{self, DateTime, Duration, Invalid, Settings, Unit};
use crate::value::{Native, Value};

pub(super) fn method(name: &str) -> Option<Native> {
    Some(match name {
        "beginningOf" => |cx, this, args| {
            let unit = unit(args, 0, Unit::Weeks)?;
            Ok(same_kind(this, date(this, cx).start_of(unit, false)))
        },
        "endOfMonth" => |cx, this, _| Ok(same_kind(this, date(this, cx).end_of(Unit::Months, false))),
        "plus" => |cx, this, args| Ok(same_kind(this, date(this, cx).plus(&duration(this, args)?))),
        "minus" => |cx, this, args| Ok(same_kind(this, date(this, cx).minus(&duration(this, args)?))),
        "extract" => extract,
        "isBetween" => is_between,
        "isDst" => |cx, this, _| Ok(date(this, cx).is_in_dst().into()),
        "isWeekend" => |cx, this, _| Ok((date(this, cx).weekday() >= 6.0).into()),
        "isInLast" => |cx, this, args| {
            let count = at(args, 0).to_number();
            let span = Duration::new([(unit(args, 1, Unit::Minutes)?, count)]);
            let now = DateTime::now(&luxon::settings(cx));
            let ts = date(this, cx).to_millis();
            Ok((now.minus(&span).to_millis() <= ts && ts <= now.to_millis()).into())
        },
        "format" => |cx, this, args| format(&date(this, cx), args),
        "toDateTime" => |cx, this, _| Ok(Value::date_time(date(this, cx))),
        "diffTo" => |cx, this, args| diff(cx, this, at(args, 0), at(args, 1)),
        "diffToNow" => |cx, this, args| {
            let now = Value::date_time(DateTime::now(&luxon::settings(cx)));
            diff(cx, this, &now, at(args, 0))
        },
        "toInt" | "toFloat" => |_, this, _| match this {
            Value::String(_) => Ok(Value::Undefined),
            date => Ok(date.to_number().into()),
        },
        "toBoolean" => UNDEFINED,
        "isEmpty" => |_, _, _| Ok(false.into()),
        "isNotEmpty" => |_, _, _| Ok(true.into()),
        _ => return None,
    })
}

/// Whether a text is written as `Date.toISOString` writes a moment. n8n offers the methods of dates on such texts,
/// where they see an invalid date.
pub(super) fn is_timestamp(text: &str) -> bool {
    let shape = b"0000-00-00T00:00:00.000Z";
    text.len() == shape.len()
        && text.bytes().zip(shape).all(|(byte, sample)| match sample {
            b'0' => byte.is_ascii_digit(),
            sample => byte == *sample,
        })
        && crate::date::to_iso(crate::date::parse(text)).is_some_and(|iso| iso == text)
}

/// The receiver as a `DateTime`, in the workflow's zone when it is a `Date`.
fn date(this: &Value, cx: &Cx<'_>) -> DateTime {
    luxon::to_date_time(this, cx).unwrap_or_else(|| DateTime::invalid(Invalid::reason("invalid input")))
}

/// A date of the kind of the receiver.
fn same_kind(this: &Value, date: DateTime) -> Value {
    match this {
        Value::DateTime(_) => Value::date_time(date),
        _ => Value::date(date.to_millis().trunc()),
    }
}

fn unit(args: &[Value], index: usize, default: Unit) -> Result<Unit, Error> {
    match at(args, index) {
        Value::Undefined => Ok(default),
        unit => Ok(Unit::parse(&unit.to_js_string())?),
    }
}

/// An amount and its unit. Without a unit, a `DateTime` takes what Luxon takes and a `Date` milliseconds.
fn duration(this: &Value, args: &[Value]) -> Result<Duration, Error> {
    let unit = match (at(args, 0), at(args, 1)) {
        (amount @ (Value::Object(_) | Value::Duration(_)), Value::Undefined) => {
            return Ok(luxon::to_duration(amount)?);
        }
        (amount, Value::Undefined) if matches!(this, Value::DateTime(_)) => {
            return Ok(luxon::to_duration(amount)?);
        }
        (_, Value::Undefined) => "milliseconds".into(),
        (_, unit) => unit.to_js_string(),
    };
    Ok(luxon::to_duration(&Value::object([(unit, at(args, 0).clone())]))?)
}

/// A part of a date by the name of a unit or of a property; `null` when there is no such part.
fn extract(cx: &Cx<'_>, this: &Value, args: &[Value]) -> Result<Value, Error> {
    let date = date(this, cx);
    let part = match at(args, 0) {
        Value::Undefined => "week".into(),
        part => part.to_js_string(),
    };
    let singular = Unit::ALL.into_iter().find(|unit| part == unit.name()).map(Unit::singular);
    let name = match singular.unwrap_or(&part) {
        "week" => "weekNumber",
        "yearDayNumber" => "ordinal",
        name => name,
    };
    let date = Value::date_time(date);
    Ok(luxon::property(&date, name).unwrap_or_default())
}

/// Whether a moment lies strictly between two others, in any order.
fn is_between(cx: &Cx<'_>, this: &Value, args: &[Value]) -> Result<Value, Error> {
    let [first, second] = args else {
        return Err(Error::extension("isBetween(): expected exactly two args"));
    };
    let (Some(first), Some(second)) = (moment(first), moment(second)) else { return Ok(Value::Undefined) };
    let ts = date(this, cx).to_millis();
    Ok(((first < ts && ts < second) || (second < ts && ts < first)).into())
}

/// The moment of a date, or of a text as JavaScript's `Date` reads it.
fn moment(value: &Value) -> Option<f64> {
    match value {
        Value::DateTime(_) | Value::Date(_) => Some(value.to_number()),
        Value::String(text) => Some(crate::date::parse(text)).filter(|ms| !ms.is_nan()),
        _ => None,
    }
}

/// Writes a date by Luxon's tokens.
fn format(date: &DateTime, args: &[Value]) -> Result<Value, Error> {
    if !date.is_valid() {
        return Ok("Invalid DateTime".into());
    }
    let format = luxon::format_argument(args, 0)?;
    let date = match at(args, 1) {
        Value::Object(options) => match options.get("locale") {
            Some(tag) => date.clone().with_locale(luxon::Locale::parse(&tag.to_js_string())?),
            None => date.clone(),
        },
        _ => date.clone(),
    };
    Ok(date.to_format(&format).into())
}

/// How much later the receiver is: a number for one unit, an object for several.
fn diff(cx: &Cx<'_>, this: &Value, other: &Value, units: &Value) -> Result<Value, Error> {
    let Value::DateTime(this) = this else {
        return Err(Error::type_error("diff is not a function"));
    };
    let names: Vec<Value> = match units {
        Value::Undefined => vec!["days".into()],
        Value::Array(names) if names.is_empty() => vec!["days".into()],
        Value::Array(names) => names.to_vec(),
        name => vec![name.clone()],
    };
    let units: Result<Vec<Unit>, Error> = names.iter().map(diff_unit).collect();
    let settings = luxon::settings(cx);
    let other = other_date(cx, other, &settings)?;
    let duration = this.diff(&other, &units?);
    if names.len() > 1 {
        return Ok(Value::object(duration.units().map(|(unit, value)| (unit.name(), value.into()))));
    }
    Ok(duration.units().next().map_or(f64::NAN, |(_, value)| value).into())
}

fn diff_unit(name: &Value) -> Result<Unit, Error> {
    let text = name.to_js_string();
    Unit::ALL.into_iter().find(|unit| text == unit.name() || text == unit.singular()).ok_or_else(|| {
        let message = format!(
            "Unsupported unit '{text}'. Supported: 'milliseconds', 'seconds', 'minutes', 'hours', 'days', 'weeks', \
             'months', 'quarters', 'years'."
        );
        Error::extension(message)
    })
}

fn other_date(cx: &Cx<'_>, other: &Value, settings: &Settings) -> Result<DateTime, Error> {
    match other {
        Value::String(text) => string::read_date(text, settings),
        other => Ok(date(other, cx)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_full_timestamp_counts_as_a_date() {
        assert!(is_timestamp("2024-01-01T00:00:00.000Z"));
        assert!(!is_timestamp("2024-02-31T00:00:00.000Z"));
        assert!(!is_timestamp("2024-01-01T00:00:00Z"));
    }
}
