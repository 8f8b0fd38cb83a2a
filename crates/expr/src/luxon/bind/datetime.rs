//! Members of `DateTime`.

use super::arguments::{self, at, flag, given, options, settings};
use crate::Error;
use crate::eval::Cx;
use crate::luxon::{
    DateTime, Duration, Field, Fields, FormatOptions, Interval, Invalid, Locale, RelativeOptions, Width, Zone,
};
use crate::value::{Native, Object, Value};

/// A property of a date.
pub(super) fn property(date: &DateTime, key: &str) -> Option<Value> {
    let number = match key {
        "ts" => date.to_millis(),
        "year" => date.year(),
        "quarter" => date.quarter(),
        "month" => date.month(),
        "day" => date.day(),
        "hour" => date.hour(),
        "minute" => date.minute(),
        "second" => date.second(),
        "millisecond" => date.millisecond(),
        "weekday" => date.weekday(),
        "weekNumber" => date.week_number(),
        "weekYear" => date.week_year(),
        "localWeekday" => date.local_weekday(),
        "localWeekNumber" => date.local_week_number(),
        "localWeekYear" => date.local_week_year(),
        "ordinal" => date.ordinal(),
        "offset" => date.offset(),
        "daysInMonth" => date.days_in_month(),
        "daysInYear" => date.days_in_year(),
        "weeksInWeekYear" => date.weeks_in_week_year(),
        _ => return other_property(date, key),
    };
    Some(number.into())
}

fn other_property(date: &DateTime, key: &str) -> Option<Value> {
    let or_null = |text: Option<String>| text.map_or(Value::Null, Value::from);
    let name = |name: Option<&str>| name.map_or(Value::Null, Value::from);
    let offset_name = |width| {
        let zone = date.zone()?;
        Some(zone.offset_name(date.to_millis(), width, date.locale()))
    };
    Some(match key {
        "isValid" => date.is_valid().into(),
        "invalid" => date.invalid_reason().map_or(Value::Null, |invalid| {
            let explanation = or_null(invalid.explanation.clone());
            Value::object([("reason", invalid.reason.clone().into()), ("explanation", explanation)])
        }),
        "invalidReason" => or_null(date.invalid_reason().map(|invalid| invalid.reason.clone())),
        "invalidExplanation" => {
            or_null(date.invalid_reason().and_then(|invalid| invalid.explanation.clone()))
        }
        "zoneName" => date.zone().map_or(Value::Null, |zone| zone.name().into()),
        "zone" => zone_object(date),
        "locale" => date.locale().tag().clone().into(),
        "numberingSystem" | "outputCalendar" => Value::Null,
        "monthShort" => name(date.month_name(Width::Short)),
        "monthLong" => name(date.month_name(Width::Long)),
        "weekdayShort" => name(date.weekday_name(Width::Short)),
        "weekdayLong" => name(date.weekday_name(Width::Long)),
        "offsetNameShort" => or_null(offset_name(Width::Short)),
        "offsetNameLong" => or_null(offset_name(Width::Long)),
        "isInDST" => date.is_in_dst().into(),
        "isInLeapYear" => date.is_in_leap_year().into(),
        "isWeekend" => date.locale().weekend().any(|day| day == date.weekday()).into(),
        "isOffsetFixed" => date.zone().map_or(Value::Null, |zone| zone.is_fixed().into()),
        "isLuxonDateTime" => true.into(),
        _ => return None,
    })
}

fn zone_object(date: &DateTime) -> Value {
    let Some(zone) = date.zone() else { return Value::Null };
    let kind = if zone.is_fixed() { "fixed" } else { "iana" };
    Value::object([
        ("type", kind.into()),
        ("name", zone.name().into()),
        ("ianaName", zone.iana_name().into()),
        ("isUniversal", zone.is_fixed().into()),
        ("isValid", true.into()),
    ])
}

/// A preset of `toLocaleString`.
pub(super) fn static_property(key: &str) -> Option<Value> {
    let members = FormatOptions::preset(key)?.members();
    Some(Value::object(members.into_iter().map(|(name, value)| (name, value.into()))))
}

fn this(value: &Value) -> Result<&DateTime, Error> {
    match value {
        Value::DateTime(date) => Ok(date),
        _ => Err(Error::type_error("this is not a DateTime")),
    }
}

fn date(date: DateTime) -> Result<Value, Error> {
    Ok(Value::date_time(date))
}

/// Text, or `null` for an invalid date.
fn text(text: Option<String>) -> Result<Value, Error> {
    Ok(text.map_or(Value::Null, Value::from))
}

/// A method of a date.
pub(super) fn method(name: &str) -> Option<Native> {
    Some(match name {
        "plus" => |_, value, args| date(this(value)?.plus(&arguments::duration(at(args, 0))?)),
        "minus" => |_, value, args| date(this(value)?.minus(&arguments::duration(at(args, 0))?)),
        "set" => |_, value, args| date(this(value)?.set(&arguments::fields(&options(args, 0))?)?),
        "startOf" => |_, value, args| {
            let unit = arguments::unit(args, 0, None)?;
            date(this(value)?.start_of(unit, flag(&options(args, 1), "useLocaleWeeks")))
        },
        "endOf" => |_, value, args| {
            let unit = arguments::unit(args, 0, None)?;
            date(this(value)?.end_of(unit, flag(&options(args, 1), "useLocaleWeeks")))
        },
        "diff" => |_, value, args| {
            let other = arguments::other_date(at(args, 0))?;
            let duration = this(value)?.diff(&other, &arguments::units(args, 1)?);
            Ok(Value::duration(with_accuracy(duration, &options(args, 2))))
        },
        "diffNow" => |cx, value, args| {
            let duration = this(value)?.diff(&DateTime::now(&settings(cx)), &arguments::units(args, 0)?);
            Ok(Value::duration(with_accuracy(duration, &options(args, 1))))
        },
        "until" => |cx, value, args| {
            let other = arguments::date(at(args, 0), &settings(cx))?;
            Ok(Value::interval(Interval::new(this(value)?.clone(), other)))
        },
        "hasSame" => |cx, value, args| {
            let other = arguments::date(at(args, 0), &settings(cx))?;
            let locale_weeks = flag(&options(args, 2), "useLocaleWeeks");
            Ok(this(value)?.has_same(&other, arguments::unit(args, 1, None)?, locale_weeks).into())
        },
        "equals" => |_, value, args| match at(args, 0) {
            Value::DateTime(other) => Ok((*this(value)? == **other).into()),
            _ => Ok(false.into()),
        },
        "get" => |_, value, args| {
            let key = at(args, 0).to_js_string();
            Ok(property(this(value)?, &key).unwrap_or_default())
        },
        "setZone" => set_zone,
        "toUTC" => |_, value, args| {
            let offset = at(args, 0).as_f64().unwrap_or(0.0);
            date(this(value)?.set_zone(Zone::Fixed(offset), flag(&options(args, 1), "keepLocalTime")))
        },
        "toLocal" => |cx, value, _| date(this(value)?.set_zone(settings(cx).zone, false)),
        "setLocale" => |_, value, args| {
            let locale = match at(args, 0) {
                Value::Undefined | Value::Null => return Ok(value.clone()),
                tag => Locale::parse(&tag.to_js_string())?,
            };
            date(this(value)?.clone().with_locale(locale))
        },
        "reconfigure" => |_, value, args| {
            let locale = arguments::locale(&options(args, 0))?;
            let this = this(value)?;
            date(this.clone().with_locale(locale.unwrap_or_else(|| this.locale().clone())))
        },
        "resolvedLocaleOptions" => |_, value, _| {
            Ok(Value::object([
                ("locale", Value::from(this(value)?.locale().tag().clone())),
                ("numberingSystem", "latn".into()),
                ("outputCalendar", "gregory".into()),
            ]))
        },
        _ => return writing_method(name),
    })
}

/// A method that writes a date.
fn writing_method(name: &str) -> Option<Native> {
    Some(match name {
        "toFormat" => |_, value, args| {
            let options = options(args, 1);
            let this = localized(this(value)?, &options)?;
            Ok(this.to_format(&arguments::format(args, 0)?).into())
        },
        "toLocaleString" => |_, value, args| {
            let this = localized(this(value)?, &options(args, 1))?;
            Ok(this.to_locale_string(&format_options(args)).into())
        },
        "toLocaleParts" => |_, value, args| {
            let this = localized(this(value)?, &options(args, 1))?;
            let parts = this.to_locale_parts(&format_options(args)).into_iter();
            let part =
                |kind: &str, text: String| Value::object([("type", kind.into()), ("value", text.into())]);
            Ok(Value::array(parts.map(|found| part(found.kind, found.value)).collect()))
        },
        "toISO" => {
            |_, value, args| text(this(value)?.to_iso_with(&arguments::iso_options(&options(args, 0))?))
        }
        "toISODate" => {
            |_, value, args| text(this(value)?.to_iso_date(&arguments::iso_options(&options(args, 0))?))
        }
        "toISOTime" => {
            |_, value, args| text(this(value)?.to_iso_time(&arguments::iso_options(&options(args, 0))?))
        }
        "toISOWeekDate" => |_, value, _| text(this(value)?.to_iso_week_date()),
        "toRFC2822" => |_, value, _| text(this(value)?.to_rfc2822()),
        "toHTTP" => |_, value, _| text(this(value)?.to_http()),
        "toSQLDate" => |_, value, _| text(this(value)?.to_sql_date()),
        "toSQLTime" => |_, value, args| text(sql_time(this(value)?, args)),
        "toSQL" => |_, value, args| {
            let this = this(value)?;
            text(this.to_sql_date().and_then(|day| Some(format!("{day} {}", sql_time(this, args)?))))
        },
        "toString" => |_, value, _| Ok(this(value)?.to_text().into()),
        "toJSON" => |_, value, _| text(this(value)?.to_iso()),
        "valueOf" | "toMillis" => |_, value, _| Ok(this(value)?.to_millis().into()),
        "toSeconds" => |_, value, _| Ok((this(value)?.to_millis() / 1000.0).into()),
        "toUnixInteger" => |_, value, _| Ok((this(value)?.to_millis() / 1000.0).floor().into()),
        "toJSDate" | "toBSON" => |_, value, _| Ok(Value::date(this(value)?.to_millis().trunc())),
        "toObject" => |_, value, args| {
            let this = this(value)?;
            let object = fields_of(this);
            if flag(&options(args, 0), "includeConfig") {
                object.insert("locale", this.locale().tag().clone().into());
            }
            Ok(Value::Object(object))
        },
        "toRelative" => |cx, value, args| {
            let options = options(args, 0);
            let this = localized(this(value)?, &options)?;
            text(this.to_relative(&relative_options(&options, cx)?, &settings(cx)))
        },
        "toRelativeCalendar" => |cx, value, args| {
            let options = options(args, 0);
            let this = localized(this(value)?, &options)?;
            text(this.to_relative_calendar(&relative_options(&options, cx)?, &settings(cx)))
        },
        _ => return None,
    })
}

fn with_accuracy(duration: Duration, options: &Object) -> Duration {
    super::duration::with_accuracy(duration, options)
}

/// The date in the language and zone of some options.
fn localized(date: &DateTime, options: &Object) -> Result<DateTime, Error> {
    Ok(match arguments::locale(options)? {
        Some(locale) => date.clone().with_locale(locale),
        None => date.clone(),
    })
}

/// The first argument as options of `Intl`; a short date when it is missing. What the second one gives wins.
fn format_options(args: &[Value]) -> FormatOptions {
    match at(args, 0) {
        Value::Object(object) => arguments::format_options(object),
        _ => FormatOptions::preset("DATE_SHORT").unwrap_or_default(),
    }
    .or_short_date()
}

fn sql_time(date: &DateTime, args: &[Value]) -> Option<String> {
    let options = options(args, 0);
    let unless_off = |key| given(&options, key).is_none_or(|value| value.truthy());
    date.to_sql_time(
        unless_off("includeOffset"),
        flag(&options, "includeZone"),
        unless_off("includeOffsetSpace"),
    )
}

fn fields_of(date: &DateTime) -> Object {
    let object = Object::new();
    if date.is_valid() {
        for key in ["year", "month", "day", "hour", "minute", "second", "millisecond"] {
            object.insert(key, property(date, key).unwrap_or_default());
        }
    }
    object
}

fn relative_options(options: &Object, cx: &Cx<'_>) -> Result<RelativeOptions, Error> {
    let base = given(options, "base").map(|base| arguments::date(&base, &settings(cx))).transpose()?;
    let units = match given(options, "unit") {
        Some(unit) => arguments::units(&[unit], 0)?,
        None => Vec::new(),
    };
    Ok(RelativeOptions {
        base,
        style: arguments::text(options, "style"),
        units,
        exact: given(options, "round").is_some_and(|round| !round.truthy()),
        padding: given(options, "padding").map_or(0.0, |padding| padding.to_number()),
    })
}

fn set_zone(cx: &Cx<'_>, value: &Value, args: &[Value]) -> Result<Value, Error> {
    let settings = settings(cx);
    let options = options(args, 1);
    let keep = flag(&options, "keepLocalTime") || flag(&options, "keepCalendarTime");
    let zone = match arguments::zone(at(args, 0), &settings) {
        Some(Ok(zone)) => zone,
        Some(Err(name)) => return date(DateTime::unsupported_zone(&name)),
        None => settings.zone,
    };
    date(this(value)?.set_zone(zone, keep))
}

/// A static method of `DateTime`.
pub(super) fn static_method(name: &str) -> Option<Native> {
    Some(match name {
        "now" => |cx, _, _| Ok(super::now(cx)),
        "local" => |cx, _, args| from_numbers(cx, args, None),
        "utc" => |cx, _, args| from_numbers(cx, args, Some(Zone::UTC)),
        "fromISO" => |cx, _, args| read(cx, args, 1, DateTime::from_iso),
        "fromSQL" => |cx, _, args| read(cx, args, 1, DateTime::from_sql),
        "fromHTTP" => |cx, _, args| read(cx, args, 1, DateTime::from_http),
        "fromRFC2822" => |cx, _, args| read(cx, args, 1, DateTime::from_rfc2822),
        "fromFormat" | "fromString" => |cx, _, args| {
            if at(args, 0).is_undefined() || at(args, 1).is_undefined() {
                return Err(Error::thrown("fromFormat requires an input string and a format"));
            }
            if at(args, 0).as_str().is_none() {
                return Err(Error::type_error("the input must be a string"));
            }
            let format = arguments::format(args, 1)?;
            read(cx, args, 2, |text, options, settings| {
                DateTime::from_format(text, &format, options, settings)
            })
        },
        "fromMillis" => |cx, _, args| match at(args, 0) {
            Value::Number(ms) if ms.abs() > 8.64e15 => {
                date(DateTime::invalid(Invalid::reason("Timestamp out of range")))
            }
            Value::Number(ms) => from_millis(cx, *ms, args),
            other => {
                let (kind, text) = (other.type_of(), other.to_js_string());
                let message =
                    format!("fromMillis requires a numerical input, but received a {kind} with value {text}");
                Err(Error::thrown(message))
            }
        },
        "fromSeconds" => |cx, _, args| match at(args, 0) {
            Value::Number(seconds) => from_millis(cx, seconds * 1000.0, args),
            _ => Err(Error::thrown("fromSeconds requires a numerical input")),
        },
        "fromJSDate" => |cx, _, args| match at(args, 0) {
            Value::Date(ms) => from_millis(cx, ms.get(), args),
            _ => date(DateTime::invalid(Invalid::reason("invalid input"))),
        },
        "fromObject" => |cx, _, args| {
            let fields = arguments::fields(&options(args, 0))?;
            from_fields(cx, fields, &options(args, 1))
        },
        "invalid" => |_, _, args| {
            if !at(args, 0).truthy() {
                return Err(Error::thrown("need to specify a reason the DateTime is invalid"));
            }
            let explanation = at(args, 1).as_str().map(str::to_owned);
            let reason = at(args, 0).to_js_string().to_string();
            date(DateTime::invalid(Invalid { reason, explanation }))
        },
        "isDateTime" => |_, _, args| Ok(matches!(at(args, 0), Value::DateTime(_)).into()),
        "min" => |_, _, args| best("min", args, |one, other| one < other),
        "max" => |_, _, args| best("max", args, |one, other| one > other),
        _ => return None,
    })
}

type Reader<'a> = &'a crate::luxon::ReadOptions;

fn read(
    cx: &Cx<'_>,
    args: &[Value],
    options_at: usize,
    read: impl Fn(&str, Reader<'_>, &crate::luxon::Settings) -> Result<DateTime, crate::luxon::Error>,
) -> Result<Value, Error> {
    let settings = settings(cx);
    match arguments::read_options(&options(args, options_at), &settings)? {
        Ok(options) => date(read(&at(args, 0).to_js_string(), &options, &settings)?),
        Err(invalid) => date(invalid),
    }
}

fn from_millis(cx: &Cx<'_>, ms: f64, args: &[Value]) -> Result<Value, Error> {
    let settings = settings(cx);
    match arguments::read_options(&options(args, 1), &settings)? {
        Ok(options) => date(DateTime::from_millis(
            ms,
            options.zone.unwrap_or(settings.zone),
            options.locale.unwrap_or(settings.locale),
        )),
        Err(invalid) => date(invalid),
    }
}

fn from_fields(cx: &Cx<'_>, fields: Fields, options: &Object) -> Result<Value, Error> {
    let settings = settings(cx);
    match arguments::read_options(options, &settings)? {
        Ok(options) => {
            let zone = options.zone.unwrap_or_else(|| settings.zone.clone());
            let locale = options.locale.unwrap_or_else(|| settings.locale.clone());
            date(DateTime::from_fields(fields, zone, locale, None, &settings)?)
        }
        Err(invalid) => date(invalid),
    }
}

/// `DateTime.local(2024, 3, 30)`: numbers from the year on, then perhaps options.
fn from_numbers(cx: &Cx<'_>, args: &[Value], zone: Option<Zone>) -> Result<Value, Error> {
    let order = [
        Field::Year,
        Field::Month,
        Field::Day,
        Field::Hour,
        Field::Minute,
        Field::Second,
        Field::Millisecond,
    ];
    let (options, numbers) = match args.split_last() {
        Some((Value::Object(options), numbers)) => (options.clone(), numbers),
        _ => (Object::new(), args),
    };
    if let Some(zone) = zone {
        options.insert("zone", zone.name().into());
    }
    if numbers.first().is_none_or(Value::is_undefined) {
        let now = Value::Number(cx.now_ms());
        return from_millis(cx, cx.now_ms(), &[now, Value::Object(options)]);
    }
    let mut fields = Fields::default();
    for (field, value) in order.into_iter().zip(numbers).filter(|(_, value)| !value.is_undefined()) {
        fields.set(field, value.as_f64().unwrap_or(f64::NAN));
    }
    from_fields(cx, fields, &options)
}

/// The first date that no other one beats.
fn best(name: &str, args: &[Value], beats: fn(f64, f64) -> bool) -> Result<Value, Error> {
    if !args.iter().all(|value| matches!(value, Value::DateTime(_))) {
        return Err(Error::thrown(format!("{name} requires all arguments be DateTimes")));
    }
    let best =
        args.iter().reduce(|best, date| if beats(date.to_number(), best.to_number()) { date } else { best });
    Ok(best.cloned().unwrap_or_default())
}
