//! Methods of numbers.

use super::at;
use crate::Error;
use crate::eval::Cx;
use crate::luxon::{DateTime, Invalid, Locale, NumberFormat, NumberStyle};
use crate::value::{Native, Object, Value};

pub(super) fn method(name: &str) -> Option<Native> {
    Some(match name {
        "ceil" => |_, this, _| Ok(number(this).ceil().into()),
        "floor" => |_, this, _| Ok(number(this).floor().into()),
        "abs" => |_, this, _| Ok(number(this).abs().into()),
        "round" => |_, this, args| match at(args, 0) {
            Value::Undefined => Ok(round(number(this), 0).into()),
            places => match places.to_number() {
                places if (0.0..=100.0).contains(&places) => Ok(round(number(this), places as usize).into()),
                _ => Err(Error::range_error("toFixed() digits argument must be between 0 and 100")),
            },
        },
        "toInt" => |_, this, _| Ok(round(number(this), 0).into()),
        "toFloat" => |_, this, _| Ok(this.clone()),
        "isInteger" => |_, this, _| Ok((number(this).fract() == 0.0).into()),
        "isEven" => |_, this, _| Ok((integer(this, "isEven")? % 2.0 == 0.0).into()),
        "isOdd" => |_, this, _| Ok((integer(this, "isOdd")?.abs() % 2.0 == 1.0).into()),
        "toBoolean" => |_, this, _| Ok((number(this) != 0.0).into()),
        "format" => |_, this, args| format(number(this), args),
        "toDateTime" => |cx, this, args| match at(args, 0) {
            Value::Undefined => date_time(number(this), "ms", cx),
            format => date_time(number(this), &format.to_js_string(), cx),
        },
        _ => return None,
    })
}

fn number(value: &Value) -> f64 {
    value.to_number()
}

fn integer(value: &Value, name: &str) -> Result<f64, Error> {
    let number = number(value);
    match number.fract() == 0.0 {
        true => Ok(number),
        false => Err(Error::extension(format!("{name}() is only callable on integers"))),
    }
}

/// `Number(number.toFixed(places))`: by the exact value of the number, halves away from zero.
fn round(number: f64, places: usize) -> f64 {
    if number.abs() >= 1e21 || !number.is_finite() {
        return number;
    }
    // A double has at most 1074 decimals; one more than those wanted decides unless it is an exact half.
    let exact = format!("{:.1074}", number.abs());
    let point = exact.find('.').unwrap_or(exact.len());
    let (kept, rest) = exact.split_at(point + 1 + places);
    let kept = if places == 0 { kept.trim_end_matches('.') } else { kept };
    let mut digits: Vec<u8> = kept.bytes().collect();
    if rest.as_bytes().first().is_some_and(|digit| *digit >= b'5') {
        increment(&mut digits);
    }
    let rounded: f64 = String::from_utf8_lossy(&digits).parse().unwrap_or(number);
    if number < 0.0 { -rounded } else { rounded }
}

/// Adds one at the last place of a decimal number.
fn increment(digits: &mut Vec<u8>) {
    for digit in digits.iter_mut().rev().filter(|digit| **digit != b'.') {
        if *digit < b'9' {
            *digit += 1;
            return;
        }
        *digit = b'0';
    }
    digits.insert(0, b'1');
}

fn format(number: f64, args: &[Value]) -> Result<Value, Error> {
    let locale = match at(args, 0) {
        Value::Undefined => Locale::en(),
        tag => Locale::parse(&tag.to_js_string()).map_err(|error| Error::range_error(error.to_string()))?,
    };
    let options = match at(args, 1) {
        Value::Object(options) => options.clone(),
        _ => Object::new(),
    };
    Ok(number_format(&options)?.format(number, &locale).into())
}

/// The options of `Intl.NumberFormat` from an object.
pub(crate) fn number_format(options: &Object) -> Result<NumberFormat, Error> {
    let text = |key| options.get(key).filter(|value| !value.is_undefined()).map(|value| value.to_js_string());
    let digits = |key, most: f64| match options.get(key).filter(|value| !value.is_undefined()) {
        None => Ok(None),
        Some(value) if (0.0..=most).contains(&value.to_number()) => Ok(Some(value.to_number() as usize)),
        Some(_) => Err(Error::range_error(format!("{key} value is out of range."))),
    };
    let style = match text("style").as_deref() {
        Some("percent") => NumberStyle::Percent,
        Some("currency") => NumberStyle::Currency {
            code: text("currency")
                .ok_or_else(|| Error::type_error("Currency code is required with currency style."))?
                .to_uppercase()
                .into(),
            by_code: text("currencyDisplay").as_deref() == Some("code"),
        },
        Some("unit") => NumberStyle::Unit(
            text("unit").unwrap_or_default().to_string(),
            text("unitDisplay").unwrap_or_else(|| "short".into()).to_string(),
        ),
        _ => NumberStyle::Decimal,
    };
    let compact = (text("notation").as_deref() == Some("compact"))
        .then(|| text("compactDisplay").unwrap_or_else(|| "short".into()).to_string());
    Ok(NumberFormat {
        style,
        minimum_integer_digits: digits("minimumIntegerDigits", 21.0)?,
        minimum_fraction_digits: digits("minimumFractionDigits", 100.0)?,
        maximum_fraction_digits: digits("maximumFractionDigits", 100.0)?,
        maximum_significant_digits: digits("maximumSignificantDigits", 21.0)?,
        no_grouping: options.get("useGrouping").is_some_and(|value| !value.is_undefined() && !value.truthy()),
        compact,
        always_sign: matches!(text("signDisplay").as_deref(), Some("always" | "exceptZero")),
    })
}

/// The moment a number stands for, counted as `format` says.
pub(super) fn date_time(number: f64, format: &str, cx: &Cx<'_>) -> Result<Value, Error> {
    let ms = to_millis(number, format).ok_or_else(|| {
        let message =
            format!("Unsupported format '{format}'. toDateTime() supports 'ms', 's', 'us' and 'excel'.");
        Error::extension(message)
    })?;
    Ok(Value::date_time(at_millis(ms, cx)))
}

/// Milliseconds since 1970 of a number of `ms`, `s`, `us` since then or of days as Excel counts them.
pub(super) fn to_millis(number: f64, format: &str) -> Option<f64> {
    /// The day of 1 January 1970 in Excel.
    const EPOCH: f64 = 25_569.0;
    Some(match format {
        "ms" => number,
        "s" => number * 1000.0,
        "us" => number / 1000.0,
        "excel" => (number - EPOCH) * 86_400_000.0,
        _ => return None,
    })
}

pub(super) fn at_millis(ms: f64, cx: &Cx<'_>) -> DateTime {
    if ms.is_nan() {
        return DateTime::invalid(Invalid::reason("invalid input"));
    }
    DateTime::from_js_date(ms, &crate::luxon::settings(cx))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_looks_at_the_exact_value_and_halves_go_away_from_zero() {
        assert_eq!(round(2.5, 0), 3.0);
        assert_eq!(round(-2.5, 0), -3.0);
        assert_eq!(round(1.005, 2), 1.0);
        assert_eq!(round(9.995, 1), 10.0);
        assert_eq!(round(0.1 + 0.2, 2), 0.3);
        assert_eq!(round(1e22, 2), 1e22);
    }

    #[test]
    fn excel_counts_days_from_its_own_epoch() {
        assert_eq!(to_millis(42_144.0, "excel"), Some(1_432_080_000_000.0));
        assert_eq!(to_millis(1.0, "minutes"), None);
    }
}
