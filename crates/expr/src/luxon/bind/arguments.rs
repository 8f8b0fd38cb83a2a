//! Reading arguments as Luxon does.

use model::Text;

use crate::eval::Cx;
use crate::luxon::{
    DateTime, Duration, Error, Field, Fields, FormatOptions, Interval, Invalid, IsoOptions, Locale,
    ReadOptions, Settings, Unit, Zone,
};
use crate::value::{Object, Value};

/// The moment, zone and language of an evaluation.
pub(crate) fn settings(cx: &Cx<'_>) -> Settings {
    Settings { now: cx.now_ms(), zone: Zone::from_jiff(cx.zone()), locale: Locale::en() }
}

/// Argument `index`, `undefined` when it is missing.
pub(super) fn at(args: &[Value], index: usize) -> &Value {
    args.get(index).unwrap_or(&Value::Undefined)
}

/// Argument `index` as an options object, empty when it is missing.
pub(super) fn options(args: &[Value], index: usize) -> Object {
    match at(args, index) {
        Value::Object(object) => object.clone(),
        _ => Object::new(),
    }
}

/// A member of an options object, if it is given.
pub(super) fn given(options: &Object, key: &str) -> Option<Value> {
    options.get(key).filter(|value| !value.is_undefined())
}

/// A member of an options object as text, if it is given.
pub(super) fn text(options: &Object, key: &str) -> Option<String> {
    given(options, key).map(|value| value.to_js_string().to_string())
}

/// Whether a member of an options object is set.
pub(super) fn flag(options: &Object, key: &str) -> bool {
    given(options, key).is_some_and(|value| value.truthy())
}

/// Argument `index` as a unit; `default` when it is missing.
pub(super) fn unit(args: &[Value], index: usize, default: Option<Unit>) -> Result<Unit, Error> {
    match (at(args, index), default) {
        (Value::Undefined, Some(default)) => Ok(default),
        (value, _) => Unit::parse(&value.to_js_string()),
    }
}

/// Argument `index` as one or several units; milliseconds when it is missing.
pub(super) fn units(args: &[Value], index: usize) -> Result<Vec<Unit>, Error> {
    match at(args, index) {
        Value::Undefined => Ok(vec![Unit::Milliseconds]),
        Value::Array(units) => units.to_vec().iter().map(|unit| Unit::parse(&unit.to_js_string())).collect(),
        value => Ok(vec![Unit::parse(&value.to_js_string())?]),
    }
}

/// A zone as Luxon accepts it: a name or minutes; nothing when it is not given.
pub(super) fn zone(value: &Value, settings: &Settings) -> Option<Result<Zone, String>> {
    match value {
        Value::Undefined | Value::Null => None,
        Value::Number(minutes) => Some(Ok(Zone::Fixed(*minutes))),
        value => {
            let name = value.to_js_string();
            let lower = name.to_ascii_lowercase();
            Some(match lower.as_str() {
                "default" => Ok(settings.zone.clone()),
                "local" | "system" => Ok(Zone::system()),
                _ => Zone::parse(&name).ok_or_else(|| name.to_string()),
            })
        }
    }
}

/// The locale of an options object.
pub(super) fn locale(options: &Object) -> Result<Option<Locale>, Error> {
    given(options, "locale")
        .filter(|value| value.truthy())
        .map(|tag| Locale::parse(&tag.to_js_string()))
        .transpose()
}

/// How to read a text, or the invalid date that an unknown zone makes of it.
pub(super) fn read_options(
    options: &Object,
    settings: &Settings,
) -> Result<Result<ReadOptions, DateTime>, Error> {
    let zone = match options.get("zone").and_then(|value| zone(&value, settings)) {
        Some(Err(name)) => return Ok(Err(DateTime::unsupported_zone(&name))),
        zone => zone.and_then(Result::ok),
    };
    Ok(Ok(ReadOptions { zone, set_zone: flag(options, "setZone"), locale: locale(options)? }))
}

/// The number of a unit, which must be one.
pub(super) fn number(value: &Value) -> Result<f64, Error> {
    let number = value.to_number();
    let text_is_empty = value.as_str().is_some_and(str::is_empty);
    if matches!(value, Value::Bool(_)) || text_is_empty || !number.is_finite() {
        return Err(Error::new(format!("Invalid unit value {}", value.to_js_string())));
    }
    Ok(number)
}

/// The fields of a date from an object.
pub(super) fn fields(object: &Object) -> Result<Fields, Error> {
    let mut fields = Fields::default();
    for (key, value) in object.entries() {
        if !value.is_nullish() {
            fields.set(Field::parse(&key)?, number(&value)?);
        }
    }
    Ok(fields)
}

/// The units of a duration from an object.
pub(super) fn duration_units(object: &Object) -> Result<Vec<(Unit, f64)>, Error> {
    let entries = object.entries();
    let given = entries.iter().filter(|(_, value)| !value.is_nullish());
    given.map(|(key, value)| Ok((Unit::parse(key)?, number(value)?))).collect()
}

/// A duration as Luxon accepts it: a duration, an object of units or milliseconds.
pub(crate) fn duration(value: &Value) -> Result<Duration, Error> {
    match value {
        Value::Duration(duration) => Ok((**duration).clone()),
        Value::Number(ms) => Ok(Duration::from_millis(*ms)),
        Value::Object(object) => Ok(Duration::new(duration_units(object)?)),
        Value::Array(array) if array.is_empty() => Ok(Duration::new([])),
        value => {
            let message =
                format!("Unknown duration argument {} of type {}", value.to_js_string(), value.type_of());
            Err(Error::new(message))
        }
    }
}

/// A date as Luxon accepts it in place of a `DateTime`: a `Date` or an object of fields.
pub(super) fn date(value: &Value, settings: &Settings) -> Result<DateTime, Error> {
    match value {
        Value::DateTime(date) => Ok((**date).clone()),
        Value::Date(ms) => Ok(DateTime::from_js_date(ms.get(), settings)),
        Value::Number(_) => Ok(no_date()),
        Value::Object(object) => {
            let (zone, locale) = (settings.zone.clone(), settings.locale.clone());
            DateTime::from_fields(fields(object)?, zone, locale, None, settings)
        }
        value => {
            let message =
                format!("Unknown datetime argument: {}, of type {}", value.to_js_string(), value.type_of());
            Err(Error::new(message))
        }
    }
}

/// What a date is compared with: anything but a `DateTime` counts as an invalid one.
pub(super) fn other_date(value: &Value) -> Result<DateTime, Error> {
    match value {
        Value::DateTime(date) => Ok((**date).clone()),
        Value::Undefined | Value::Null => Err(Error::new("the argument must be a DateTime")),
        _ => Ok(no_date()),
    }
}

fn no_date() -> DateTime {
    DateTime::invalid(Invalid::reason("invalid input"))
}

/// Argument `index` as a format; what has no characters writes nothing.
pub(crate) fn format(args: &[Value], index: usize) -> Result<Text, Error> {
    match at(args, index) {
        Value::String(format) => Ok(format.clone()),
        Value::Undefined | Value::Null => Err(Error::new("the format must be a string")),
        _ => Ok(Text::new()),
    }
}

/// The moment of a value that dates are compared with.
pub(super) fn millis(value: &Value) -> f64 {
    value.to_number()
}

/// An interval, which must be one.
pub(super) fn interval(value: &Value) -> Result<&Interval, Error> {
    match value {
        Value::Interval(interval) => Ok(interval),
        _ => Err(Error::new("the argument must be an Interval")),
    }
}

/// The options of `toISO` and its relatives.
pub(super) fn iso_options(options: &Object) -> Result<IsoOptions, Error> {
    let defaults = IsoOptions::default();
    let precision =
        given(options, "precision").map(|precision| Field::parse(&precision.to_js_string())).transpose()?;
    Ok(IsoOptions {
        basic: given(options, "format").is_some_and(|format| format.as_str() != Some("extended")),
        suppress_seconds: flag(options, "suppressSeconds"),
        suppress_milliseconds: flag(options, "suppressMilliseconds"),
        include_offset: given(options, "includeOffset").is_none_or(|value| value.truthy()),
        extended_zone: flag(options, "extendedZone"),
        include_prefix: flag(options, "includePrefix"),
        precision: precision.unwrap_or(defaults.precision),
    })
}

/// The options of `Intl.DateTimeFormat`.
pub(super) fn format_options(options: &Object) -> FormatOptions {
    let cycle = text(options, "hourCycle").map(|cycle| cycle == "h12" || cycle == "h11");
    FormatOptions {
        date_style: text(options, "dateStyle"),
        time_style: text(options, "timeStyle"),
        weekday: text(options, "weekday"),
        era: text(options, "era"),
        year: text(options, "year"),
        month: text(options, "month"),
        day: text(options, "day"),
        hour: text(options, "hour"),
        minute: text(options, "minute"),
        second: text(options, "second"),
        fractional_second_digits: given(options, "fractionalSecondDigits")
            .map(|digits| digits.to_number() as usize),
        time_zone_name: text(options, "timeZoneName"),
        hour_12: given(options, "hour12").map(|value| value.truthy()).or(cycle),
        time_zone: text(options, "timeZone"),
    }
}

/// A date that a `DateTime`, a `Date`, or anything Luxon takes for one stands for, in the zone of the evaluation.
pub(crate) fn to_date_time(value: &Value, cx: &Cx<'_>) -> Option<DateTime> {
    match value {
        Value::DateTime(date) => Some((**date).clone()),
        Value::Date(ms) => Some(DateTime::from_js_date(ms.get(), &settings(cx))),
        _ => None,
    }
}
