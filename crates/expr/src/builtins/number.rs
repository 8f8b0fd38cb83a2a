//! `Number`.

use ecow::eco_format;
use model::Text;

use super::{Result, arg, integer, intl};
use crate::eval::Cx;
use crate::number::{is_js_space, number_to_text};
use crate::value::Native;
use crate::{Error, Value};

const MAX_SAFE: f64 = 9_007_199_254_740_991.0;

pub(super) fn constant(name: &str) -> Option<f64> {
    Some(match name {
        "MAX_SAFE_INTEGER" => MAX_SAFE,
        "MIN_SAFE_INTEGER" => -MAX_SAFE,
        "MAX_VALUE" => f64::MAX,
        "MIN_VALUE" => 5e-324,
        "EPSILON" => f64::EPSILON,
        "POSITIVE_INFINITY" => f64::INFINITY,
        "NEGATIVE_INFINITY" => f64::NEG_INFINITY,
        "NaN" => f64::NAN,
        _ => return None,
    })
}

/// `Number(value)`
pub(super) fn convert(cx: &Cx<'_>, args: &[Value]) -> Result {
    match args.first() {
        None => Ok(Value::Number(0.0)),
        Some(Value::BigInt(value)) => Ok(Value::Number(**value as f64)),
        Some(value) => Ok(Value::Number(cx.to_number(value)?)),
    }
}

pub(super) fn static_method(name: &str) -> Option<Native> {
    fn test(args: &[Value], holds: fn(f64) -> bool) -> Result {
        Ok(args.first().and_then(Value::as_f64).is_some_and(holds).into())
    }
    Some(match name {
        "isInteger" => |_, _, args| test(args, |number| number.is_finite() && number.fract() == 0.0),
        "isSafeInteger" => {
            |_, _, args| test(args, |number| number.fract() == 0.0 && number.abs() <= MAX_SAFE)
        }
        "isFinite" => |_, _, args| test(args, f64::is_finite),
        "isNaN" => |_, _, args| test(args, f64::is_nan),
        "parseFloat" => parse_float,
        "parseInt" => parse_int,
        _ => return None,
    })
}

pub(super) fn method(name: &str) -> Option<Native> {
    Some(match name {
        "toFixed" => |cx, this, args| {
            let digits = integer(cx, args, 0, 0.0)?;
            if !(0.0..=100.0).contains(&digits) {
                return Err(Error::range_error("toFixed() digits argument must be between 0 and 100"));
            }
            Ok(Value::String(to_fixed(this.to_number(), digits as usize)))
        },
        "toPrecision" => |cx, this, args| match arg(args, 0) {
            Value::Undefined => Ok(Value::String(number_to_text(this.to_number()))),
            _ => {
                let precision = integer(cx, args, 0, 0.0)?;
                if !(1.0..=100.0).contains(&precision) {
                    return Err(Error::range_error("toPrecision() argument must be between 1 and 100"));
                }
                Ok(Value::String(to_precision(this.to_number(), precision as usize)))
            }
        },
        "toExponential" => |cx, this, args| {
            let number = this.to_number();
            if !number.is_finite() {
                return Ok(Value::String(number_to_text(number)));
            }
            let text = match arg(args, 0) {
                Value::Undefined => format!("{number:e}"),
                _ => {
                    let digits = integer(cx, args, 0, 0.0)?;
                    if !(0.0..=100.0).contains(&digits) {
                        return Err(Error::range_error("toExponential() argument must be between 0 and 100"));
                    }
                    format!("{number:.*e}", digits as usize)
                }
            };
            Ok(signed_exponent(&text).into())
        },
        "toString" => |cx, this, args| {
            let radix = integer(cx, args, 0, 10.0)?;
            if !(2.0..=36.0).contains(&radix) {
                return Err(Error::range_error("toString() radix must be between 2 and 36"));
            }
            Ok(Value::String(to_radix(this.to_number(), radix as u32)))
        },
        "toLocaleString" => |cx, this, args| intl::format_number(cx, this.to_number(), args),
        "valueOf" => |_, this, _| Ok(this.clone()),
        _ => return super::object::method(name),
    })
}

/// `number.toFixed(digits)`: rounds the exact value, ties away from zero.
pub(crate) fn to_fixed(number: f64, digits: usize) -> Text {
    if !number.is_finite() || number.abs() >= 1e21 {
        return number_to_text(number);
    }
    let text = exact(number.abs(), digits);
    let negative = number < 0.0 && text.bytes().any(|byte| (b'1'..=b'9').contains(&byte));
    if negative || (number < 0.0 && !text.is_empty()) { eco_format!("-{text}") } else { text.into() }
}

/// The exact decimal value of a positive number, rounded half up at `digits` behind the point.
///
/// The standard library rounds ties to even, JavaScript away from zero; only an exact tie tells them apart.
fn exact(number: f64, digits: usize) -> String {
    let rounded = format!("{number:.digits$}");
    let more = format!("{number:.*}", digits + 30);
    let cut = more.len() - 30;
    let is_tie = more.as_bytes()[cut] == b'5' && more.as_bytes()[cut + 1..].iter().all(|byte| *byte == b'0');
    if !is_tie || digits + 30 > 1074 {
        return rounded;
    }
    let head = more[..cut].trim_end_matches('.');
    let bumped = increment(head);
    if digits == 0 { bumped.trim_end_matches('.').to_owned() } else { bumped }
}

/// Decimal digits with a point, plus one unit of the last place.
fn increment(digits: &str) -> String {
    let mut bytes = digits.as_bytes().to_vec();
    for byte in bytes.iter_mut().rev() {
        match byte {
            b'.' => {}
            b'9' => *byte = b'0',
            byte => {
                *byte += 1;
                return String::from_utf8(bytes).expect("digits are ASCII");
            }
        }
    }
    format!("1{}", String::from_utf8(bytes).expect("digits are ASCII"))
}

fn to_precision(number: f64, precision: usize) -> Text {
    if !number.is_finite() {
        return number_to_text(number);
    }
    let text = format!("{number:.*e}", precision - 1);
    let (_, exponent) = text.split_once('e').expect("scientific notation has an exponent");
    let exponent: i32 = exponent.parse().expect("the exponent is a whole number");
    if exponent < -6 || exponent >= precision as i32 {
        return signed_exponent(&text).into();
    }
    let digits = (precision as i32 - 1 - exponent).max(0) as usize;
    eco_format!("{number:.digits$}")
}

fn signed_exponent(text: &str) -> String {
    match text.split_once('e') {
        Some((mantissa, exponent)) if !exponent.starts_with('-') => format!("{mantissa}e+{exponent}"),
        _ => text.to_owned(),
    }
}

/// `number.toString(radix)`
fn to_radix(number: f64, radix: u32) -> Text {
    if radix == 10 || !number.is_finite() {
        return number_to_text(number);
    }
    let digit = |value: f64| char::from_digit(value as u32, radix).expect("a digit is below its radix");
    let base = f64::from(radix);
    let positive = number.abs();
    let mut whole = positive.trunc();
    let mut fraction = positive.fract();
    let mut text: Vec<char> = Vec::new();
    if whole == 0.0 {
        text.push('0');
    }
    while whole > 0.0 {
        text.push(digit(whole % base));
        whole = (whole / base).trunc();
    }
    if number < 0.0 {
        text.push('-');
    }
    text.reverse();
    if fraction > 0.0 {
        text.push('.');
        // As many digits as the number holds.
        let mut delta = (0.5 * (positive.next_up() - positive)).max(f64::MIN_POSITIVE);
        loop {
            fraction *= base;
            delta *= base;
            let value = fraction.trunc();
            text.push(digit(value));
            fraction -= value;
            if (fraction > 0.5 || (fraction == 0.5 && value % 2.0 == 1.0)) && fraction + delta > 1.0 {
                round_up(&mut text, radix);
                break;
            }
            if fraction < delta {
                break;
            }
        }
    }
    text.into_iter().collect()
}

/// Adds one unit of the last place to digits that end behind a point.
fn round_up(text: &mut Vec<char>, radix: u32) {
    while let Some(last) = text.pop() {
        if last == '.' {
            break;
        }
        let value = last.to_digit(radix).unwrap_or(0) + 1;
        if value < radix {
            text.push(char::from_digit(value, radix).expect("a digit is below its radix"));
            return;
        }
    }
}

/// `parseFloat(text)`
pub(crate) fn parse_float(cx: &Cx<'_>, _this: &Value, args: &[Value]) -> Result {
    let text = cx.to_text(&arg(args, 0))?;
    let text = text.trim_start_matches(is_js_space);
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if unsigned.starts_with("Infinity") {
        return Ok(Value::Number(if text.starts_with('-') { f64::NEG_INFINITY } else { f64::INFINITY }));
    }
    let bytes = text.as_bytes();
    let mut end = usize::from(text.starts_with(['+', '-']));
    let digits = |end: &mut usize| {
        let start = *end;
        while bytes.get(*end).is_some_and(u8::is_ascii_digit) {
            *end += 1;
        }
        *end > start
    };
    let whole = digits(&mut end);
    let mut fraction = false;
    if bytes.get(end) == Some(&b'.') {
        let mut after = end + 1;
        fraction = digits(&mut after);
        if fraction || whole {
            end = after;
        }
    }
    if !whole && !fraction {
        return Ok(Value::Number(f64::NAN));
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let mut after = end + 1 + usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        if digits(&mut after) {
            end = after;
        }
    }
    Ok(Value::Number(text[..end].parse().unwrap_or(f64::NAN)))
}

/// `parseInt(text, radix)`
pub(crate) fn parse_int(cx: &Cx<'_>, _this: &Value, args: &[Value]) -> Result {
    let text = cx.to_text(&arg(args, 0))?;
    let text = text.trim_start_matches(is_js_space);
    let negative = text.starts_with('-');
    let mut digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let mut radix = crate::eval::to_int32(cx.to_number(&arg(args, 1))?);
    if matches!(radix, 0 | 16)
        && let Some(hex) = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X"))
    {
        digits = hex;
        radix = 16;
    }
    let radix = if radix == 0 { 10 } else { radix };
    if !(2..=36).contains(&radix) {
        return Ok(Value::Number(f64::NAN));
    }
    let end = digits.find(|c: char| !c.is_digit(radix as u32)).unwrap_or(digits.len());
    let digits = &digits[..end];
    if digits.is_empty() {
        return Ok(Value::Number(f64::NAN));
    }
    let number = match radix {
        10 => digits.parse().unwrap_or(f64::NAN),
        radix => digits.chars().fold(0.0, |number, c| {
            number * f64::from(radix) + f64::from(c.to_digit(radix as u32).unwrap_or(0))
        }),
    };
    Ok(Value::Number(if negative { -number } else { number }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixed_digits_round_the_exact_value_and_ties_away_from_zero() {
        for (number, digits, text) in [
            (2.5, 0, "3"),
            (1.005, 2, "1.00"),
            (0.5, 0, "1"),
            (-2.5, 0, "-3"),
            (1.45, 1, "1.4"),
            (8.345, 2, "8.35"),
            (10.235, 2, "10.23"),
            (0.000001, 7, "0.0000010"),
            (123.456, 2, "123.46"),
            (99.5, 0, "100"),
            (-0.0000001, 2, "-0.00"),
            (0.0, 2, "0.00"),
        ] {
            assert_eq!(to_fixed(number, digits), text, "{number} {digits}");
        }
    }

    #[test]
    fn numbers_are_written_in_other_radixes() {
        assert_eq!(to_radix(255.0, 16), "ff");
        assert_eq!(to_radix(-255.0, 2), "-11111111");
        assert_eq!(to_radix(0.5, 2), "0.1");
        assert_eq!(to_radix(0.1, 3), "0.0022002200220022002200220022002201");
    }

    #[test]
    fn precision_chooses_the_notation() {
        assert_eq!(to_precision(123.456, 4), "123.5");
        assert_eq!(to_precision(0.000123, 2), "0.00012");
        assert_eq!(to_precision(123456.0, 2), "1.2e+5");
    }
}
