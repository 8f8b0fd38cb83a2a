//! Members of `Interval`.

use super::arguments::{self, at, flag, given, options, settings};
use crate::Error;
use crate::luxon::{DateTime, Duration, Interval, Invalid, Unit};
use crate::value::{Native, Value};

/// A property of an interval.
pub(super) fn property(interval: &Interval, key: &str) -> Option<Value> {
    let date = |date: Option<&DateTime>| date.cloned().map_or(Value::Null, Value::date_time);
    let or_null = |text: Option<String>| text.map_or(Value::Null, Value::from);
    Some(match key {
        "start" => date(interval.start()),
        "end" => date(interval.end()),
        "lastDateTime" => date(interval.end().map(|end| end.minus(&Duration::from_millis(1.0))).as_ref()),
        "isValid" => interval.is_valid().into(),
        "invalidReason" => or_null(interval.invalid_reason().map(|invalid| invalid.reason.clone())),
        "invalidExplanation" => {
            or_null(interval.invalid_reason().and_then(|invalid| invalid.explanation.clone()))
        }
        "isLuxonInterval" => true.into(),
        _ => return None,
    })
}

fn this(value: &Value) -> Result<&Interval, Error> {
    match value {
        Value::Interval(interval) => Ok(interval),
        _ => Err(Error::type_error("this is not an Interval")),
    }
}

fn other(args: &[Value]) -> Result<&Interval, Error> {
    Ok(arguments::interval(at(args, 0))?)
}

fn intervals(intervals: Vec<Interval>) -> Result<Value, Error> {
    Ok(Value::array(intervals.into_iter().map(Value::interval).collect()))
}

/// A method of an interval.
pub(super) fn method(name: &str) -> Option<Native> {
    Some(match name {
        "length" => |_, value, args| {
            Ok(this(value)?.length(arguments::unit(args, 0, Some(Unit::Milliseconds))?).into())
        },
        "count" => |_, value, args| {
            let unit = arguments::unit(args, 0, Some(Unit::Milliseconds))?;
            Ok(this(value)?.count(unit, flag(&options(args, 1), "useLocaleWeeks")).into())
        },
        "toDuration" => |_, value, args| {
            let duration = this(value)?.to_duration(&arguments::units(args, 0)?);
            Ok(Value::duration(super::duration::with_accuracy(duration, &options(args, 1))))
        },
        "hasSame" => |_, value, args| Ok(this(value)?.has_same(arguments::unit(args, 0, None)?).into()),
        "isEmpty" => |_, value, _| Ok(this(value)?.is_empty().into()),
        "isAfter" => |_, value, args| Ok(this(value)?.is_after(arguments::millis(at(args, 0))).into()),
        "isBefore" => |_, value, args| Ok(this(value)?.is_before(arguments::millis(at(args, 0))).into()),
        "contains" => |_, value, args| Ok(this(value)?.contains(arguments::millis(at(args, 0))).into()),
        "overlaps" => |_, value, args| Ok(this(value)?.overlaps(other(args)?).into()),
        "abutsStart" => |_, value, args| Ok(this(value)?.abuts_start(other(args)?).into()),
        "abutsEnd" => |_, value, args| Ok(this(value)?.abuts_end(other(args)?).into()),
        "engulfs" => |_, value, args| Ok(this(value)?.engulfs(other(args)?).into()),
        "equals" => |_, value, args| Ok((this(value)?.is_valid() && this(value)? == other(args)?).into()),
        "intersection" => {
            |_, value, args| Ok(this(value)?.intersection(other(args)?).map_or(Value::Null, Value::interval))
        }
        "union" => |_, value, args| Ok(Value::interval(this(value)?.union(other(args)?))),
        "difference" => |_, value, args| intervals(this(value)?.difference(&list(args)?)),
        "splitAt" => |cx, value, args| {
            let settings = settings(cx);
            let dates: Result<Vec<_>, _> = args.iter().map(|date| arguments::date(date, &settings)).collect();
            intervals(this(value)?.split_at(&dates?))
        },
        "splitBy" => |cx, value, args| {
            let parts = this(value)?.split_by(&arguments::duration(at(args, 0))?)?;
            cx.charge(parts.len() * 8)?;
            intervals(parts)
        },
        "divideEqually" => |cx, value, args| {
            let parts = at(args, 0).to_number().max(0.0) as usize;
            cx.charge(parts.saturating_mul(8))?;
            intervals(this(value)?.divide_equally(parts)?)
        },
        "set" => |cx, value, args| {
            let (options, settings) = (options(args, 0), settings(cx));
            let end = |key, current: Option<&DateTime>| match given(&options, key) {
                Some(date) => arguments::date(&date, &settings).map(Some),
                None => Ok(current.cloned()),
            };
            let this = this(value)?;
            Ok(match (end("start", this.start())?, end("end", this.end())?) {
                (Some(start), Some(end)) if this.is_valid() => Value::interval(Interval::new(start, end)),
                _ => value.clone(),
            })
        },
        "mapEndpoints" => |cx, value, args| {
            let change = at(args, 0);
            let settings = settings(cx);
            let ends = [this(value)?.start(), this(value)?.end()];
            let [Some(start), Some(end)] = ends else { return Ok(value.clone()) };
            let call = |date: &DateTime| -> Result<DateTime, Error> {
                let changed = cx.call(change, &Value::Undefined, &[Value::date_time(date.clone())])?;
                Ok(arguments::date(&changed, &settings)?)
            };
            Ok(Value::interval(Interval::new(call(start)?, call(end)?)))
        },
        "toISO" => {
            |_, value, args| Ok(this(value)?.to_iso_with(&arguments::iso_options(&options(args, 0))?).into())
        }
        "toISODate" => |_, value, _| Ok(this(value)?.to_iso_date().into()),
        "toISOTime" => {
            |_, value, args| Ok(this(value)?.to_iso_time(&arguments::iso_options(&options(args, 0))?).into())
        }
        "toFormat" => |_, value, args| {
            let separator =
                arguments::text(&options(args, 1), "separator").unwrap_or_else(|| " – ".to_owned());
            Ok(this(value)?.to_format(&at(args, 0).to_js_string(), &separator).into())
        },
        "toLocaleString" => |_, value, args| {
            let options = match at(args, 0) {
                Value::Object(object) => arguments::format_options(object),
                _ => Default::default(),
            };
            Ok(this(value)?.to_locale_string(&options.or_short_date()).into())
        },
        "toString" => |_, value, _| Ok(this(value)?.to_text().into()),
        _ => return None,
    })
}

/// The intervals of an argument list, given one by one or as an array.
fn list(args: &[Value]) -> Result<Vec<Interval>, Error> {
    let values = match args {
        [Value::Array(values)] => values.to_vec(),
        args => args.to_vec(),
    };
    values.iter().map(|value| Ok(arguments::interval(value)?.clone())).collect()
}

/// A static method of `Interval`.
pub(super) fn static_method(name: &str) -> Option<Native> {
    Some(match name {
        "fromDateTimes" => |cx, _, args| {
            let settings = settings(cx);
            let (start, end) =
                (arguments::date(at(args, 0), &settings)?, arguments::date(at(args, 1), &settings)?);
            Ok(Value::interval(Interval::new(start, end)))
        },
        "after" => |cx, _, args| {
            let start = arguments::date(at(args, 0), &settings(cx))?;
            Ok(Value::interval(Interval::after(start, &arguments::duration(at(args, 1))?)))
        },
        "before" => |cx, _, args| {
            let end = arguments::date(at(args, 0), &settings(cx))?;
            Ok(Value::interval(Interval::before(end, &arguments::duration(at(args, 1))?)))
        },
        "fromISO" => |cx, _, args| {
            let settings = settings(cx);
            let options = arguments::read_options(&options(args, 1), &settings)?.unwrap_or_default();
            Ok(Value::interval(Interval::from_iso(&at(args, 0).to_js_string(), &options, &settings)?))
        },
        "invalid" => |_, _, args| {
            let explanation = at(args, 1).as_str().map(str::to_owned);
            let reason = at(args, 0).to_js_string().to_string();
            Ok(Value::interval(Interval::invalid(Invalid { reason, explanation })))
        },
        "isInterval" => |_, _, args| Ok(matches!(at(args, 0), Value::Interval(_)).into()),
        "merge" => |_, _, args| intervals(Interval::merge(list(args)?)),
        "xor" => |_, _, args| intervals(Interval::xor(&list(args)?)),
        _ => return None,
    })
}
