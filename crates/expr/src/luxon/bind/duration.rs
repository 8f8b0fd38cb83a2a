//! Members of `Duration`.

use super::arguments::{self, at, given, options, text};
use crate::Error;
use crate::luxon::{Accuracy, Duration, HumanOptions, Invalid, SignMode, Unit};
use crate::value::{Native, Object, Value};

/// A property of a duration.
pub(super) fn property(duration: &Duration, key: &str) -> Option<Value> {
    if let Some(unit) = Unit::ALL.into_iter().find(|unit| unit.name() == key) {
        return Some(duration.get(unit).into());
    }
    let or_null = |text: Option<String>| text.map_or(Value::Null, Value::from);
    Some(match key {
        "isValid" => duration.is_valid().into(),
        "invalidReason" => or_null(duration.invalid_reason().map(|invalid| invalid.reason.clone())),
        "invalidExplanation" => {
            or_null(duration.invalid_reason().and_then(|invalid| invalid.explanation.clone()))
        }
        "locale" => duration.locale().tag().clone().into(),
        "values" => to_object(duration),
        "conversionAccuracy" => accuracy_name(duration.accuracy()).into(),
        "isLuxonDuration" => true.into(),
        _ => return None,
    })
}

fn this(value: &Value) -> Result<&Duration, Error> {
    match value {
        Value::Duration(duration) => Ok(duration),
        _ => Err(Error::type_error("this is not a Duration")),
    }
}

fn duration(duration: Duration) -> Result<Value, Error> {
    Ok(Value::duration(duration))
}

fn to_object(duration: &Duration) -> Value {
    Value::object(duration.units().map(|(unit, value)| (unit.name(), value.into())))
}

/// A method of a duration.
pub(super) fn method(name: &str) -> Option<Native> {
    Some(match name {
        "as" => |_, value, args| Ok(this(value)?.as_unit(arguments::unit(args, 0, None)?).into()),
        "get" => |_, value, args| Ok(this(value)?.get(arguments::unit(args, 0, None)?).into()),
        "shiftTo" => |_, value, args| {
            let units: Result<Vec<_>, _> =
                (0..args.len()).map(|index| arguments::unit(args, index, None)).collect();
            duration(this(value)?.shift_to(&units?))
        },
        "shiftToAll" => |_, value, _| duration(this(value)?.shift_to_all()),
        "normalize" => |_, value, _| duration(this(value)?.normalize()),
        "rescale" => |_, value, _| duration(this(value)?.rescale()),
        "removeZeros" => |_, value, _| duration(this(value)?.remove_zeros()),
        "negate" => |_, value, _| duration(this(value)?.negate()),
        "plus" => |_, value, args| duration(this(value)?.plus(&arguments::duration(at(args, 0))?)),
        "minus" => |_, value, args| duration(this(value)?.minus(&arguments::duration(at(args, 0))?)),
        "set" => |_, value, args| {
            let units = arguments::duration_units(&options(args, 0))?;
            duration(if this(value)?.is_valid() { this(value)?.set(units) } else { this(value)?.clone() })
        },
        "mapUnits" => |cx, value, args| {
            let mut result = this(value)?.clone();
            for (unit, amount) in this(value)?.units() {
                let changed =
                    cx.call(at(args, 0), &Value::Undefined, &[amount.into(), unit.name().into()])?;
                result = result.set([(unit, changed.to_number())]);
            }
            duration(result)
        },
        // Luxon keeps the conversion of units here, whatever accuracy is asked for.
        "reconfigure" => |_, value, args| {
            let locale = arguments::locale(&options(args, 0))?;
            let this = this(value)?;
            duration(this.clone().with_locale(locale.unwrap_or_else(|| this.locale().clone())))
        },
        "equals" => |_, value, args| match at(args, 0) {
            Value::Duration(other) => Ok(same(this(value)?, other).into()),
            _ => Ok(false.into()),
        },
        "toISO" | "toJSON" | "toString" => {
            |_, value, _| Ok(this(value)?.to_iso().map_or(Value::Null, Value::from))
        }
        "toISOTime" => |_, value, args| {
            let options = arguments::iso_options(&options(args, 0))?;
            Ok(this(value)?.to_iso_time(&options).map_or(Value::Null, Value::from))
        },
        "toMillis" | "valueOf" => |_, value, _| Ok(this(value)?.to_millis().into()),
        "toObject" => |_, value, _| Ok(to_object(this(value)?)),
        "toFormat" => |_, value, args| {
            let options = options(args, 1);
            let unless_off = |key| given(&options, key).is_none_or(|value| value.truthy());
            let sign = match text(&options, "signMode").as_deref() {
                Some("negativeLargestOnly") => SignMode::NegativeLargestOnly,
                Some("all") => SignMode::All,
                _ => SignMode::Negative,
            };
            let round_down = unless_off("floor") && unless_off("round");
            Ok(this(value)?.to_format(&arguments::format(args, 0)?, round_down, sign).into())
        },
        "toHuman" => |_, value, args| {
            let options = options(args, 0);
            let digits = given(&options, "maximumFractionDigits").map(|digits| digits.to_number() as usize);
            let human = HumanOptions {
                unit_display: text(&options, "unitDisplay"),
                list_style: text(&options, "listStyle"),
                hide_zeros: given(&options, "showZeros").is_some_and(|value| !value.truthy()),
                maximum_fraction_digits: digits,
            };
            Ok(this(value)?.to_human(&human)?.into())
        },
        _ => return None,
    })
}

/// A static method of `Duration`.
pub(super) fn static_method(name: &str) -> Option<Native> {
    Some(match name {
        "fromObject" => |_, _, args| {
            let Value::Object(units) = at(args, 0) else {
                let found = if matches!(at(args, 0), Value::Null) { "null" } else { at(args, 0).type_of() };
                let message = format!("Duration.fromObject: argument expected to be an object, got {found}");
                return Err(Error::thrown(message));
            };
            duration(configured(Duration::new(arguments::duration_units(units)?), &options(args, 1))?)
        },
        "fromMillis" => |_, _, args| {
            let ms = arguments::number(at(args, 0))?;
            duration(configured(Duration::from_millis(ms), &options(args, 1))?)
        },
        "fromDurationLike" => |_, _, args| duration(arguments::duration(at(args, 0))?),
        "fromISO" => |_, _, args| {
            duration(configured(Duration::from_iso(&at(args, 0).to_js_string()), &options(args, 1))?)
        },
        "fromISOTime" => |_, _, args| {
            duration(configured(Duration::from_iso_time(&at(args, 0).to_js_string()), &options(args, 1))?)
        },
        "invalid" => |_, _, args| {
            let explanation = at(args, 1).as_str().map(str::to_owned);
            duration(Duration::invalid(Invalid {
                reason: at(args, 0).to_js_string().to_string(),
                explanation,
            }))
        },
        "isDuration" => |_, _, args| Ok(matches!(at(args, 0), Value::Duration(_)).into()),
        _ => return None,
    })
}

/// A duration with the language and accuracy that some options name.
fn configured(duration: Duration, options: &Object) -> Result<Duration, Error> {
    let duration = with_accuracy(duration, options);
    Ok(match arguments::locale(options)? {
        Some(locale) => duration.with_locale(locale),
        None => duration,
    })
}

/// A duration with the accuracy that some options name.
pub(super) fn with_accuracy(duration: Duration, options: &Object) -> Duration {
    match text(options, "conversionAccuracy").as_deref() {
        Some("longterm") => duration.with_accuracy(Accuracy::Longterm),
        Some("casual") => duration.with_accuracy(Accuracy::Casual),
        _ => duration,
    }
}

fn accuracy_name(accuracy: Accuracy) -> &'static str {
    match accuracy {
        Accuracy::Casual => "casual",
        Accuracy::Longterm => "longterm",
    }
}

/// Luxon's `equals`: the same units in the same language; an absent unit equals zero.
fn same(one: &Duration, other: &Duration) -> bool {
    let units = Unit::ALL.into_iter().all(|unit| one.get(unit) == other.get(unit));
    one.is_valid() && other.is_valid() && one.locale() == other.locale() && units
}
