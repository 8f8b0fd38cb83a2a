//! `BigInt`, up to 127 bits.

use std::rc::Rc;

use ecow::eco_format;

use super::{Result, arg, integer};
use crate::eval::Cx;
use crate::value::Native;
use crate::{Error, Value};

/// `BigInt(value)`
pub(super) fn convert(cx: &Cx<'_>, args: &[Value]) -> Result {
    let value = match arg(args, 0) {
        value @ Value::BigInt(_) => return Ok(value),
        Value::Bool(value) => i128::from(value),
        Value::Number(number) if number.fract() == 0.0 && number.abs() < 1.7e38 => number as i128,
        Value::Number(number) => {
            let message = eco_format!(
                "The number {number} cannot be converted to a BigInt because it is not an integer"
            );
            return Err(Error::range_error(message));
        }
        Value::Undefined | Value::Null => {
            return Err(Error::type_error("Cannot convert undefined or null to a BigInt"));
        }
        value => {
            let text = cx.to_text(&value)?;
            let trimmed = text.trim();
            let parsed = match trimmed.strip_prefix("0x") {
                Some(hex) => i128::from_str_radix(hex, 16),
                None if trimmed.is_empty() => Ok(0),
                None => trimmed.parse(),
            };
            let failed =
                |_| Error::thrown(eco_format!("Cannot convert {text} to a BigInt")).named("SyntaxError");
            parsed.map_err(failed)?
        }
    };
    Ok(Value::BigInt(Rc::new(value)))
}

pub(super) fn static_method(name: &str) -> Option<Native> {
    fn wrap(cx: &Cx<'_>, args: &[Value]) -> Result<(u32, i128)> {
        let bits = integer(cx, args, 0, 0.0)?.clamp(0.0, 126.0) as u32;
        match convert(cx, &args[args.len().min(1)..])? {
            Value::BigInt(value) => Ok((bits, *value)),
            _ => Ok((bits, 0)),
        }
    }
    Some(match name {
        "asUintN" => |cx, _, args| {
            let (bits, value) = wrap(cx, args)?;
            Ok(Value::BigInt(Rc::new(value & ((1 << bits) - 1))))
        },
        "asIntN" => |cx, _, args| {
            let (bits, value) = wrap(cx, args)?;
            let modulus = 1i128 << bits;
            let value = value.rem_euclid(modulus);
            Ok(Value::BigInt(Rc::new(if value >= modulus / 2 { value - modulus } else { value })))
        },
        _ => return None,
    })
}

pub(super) fn method(name: &str) -> Option<Native> {
    Some(match name {
        "toString" => |cx, this, args| {
            let Value::BigInt(value) = this else { return Ok(this.to_js_string().into()) };
            let radix = integer(cx, args, 0, 10.0)?;
            if !(2.0..=36.0).contains(&radix) {
                return Err(Error::range_error("toString() radix must be between 2 and 36"));
            }
            Ok(in_radix(**value, radix as u128).into())
        },
        "toLocaleString" => |cx, this, args| super::intl::format_number(cx, this.to_number(), args),
        "valueOf" => |_, this, _| Ok(this.clone()),
        _ => return None,
    })
}

fn in_radix(value: i128, radix: u128) -> String {
    let mut rest = value.unsigned_abs();
    let mut digits = Vec::new();
    loop {
        digits
            .push(char::from_digit((rest % radix) as u32, radix as u32).expect("a digit is below its radix"));
        rest /= radix;
        if rest == 0 {
            break;
        }
    }
    if value < 0 {
        digits.push('-');
    }
    digits.iter().rev().collect()
}
