//! `Math`.

use super::Result;
use crate::Value;
use crate::eval::Cx;
use crate::value::Native;

pub(super) fn constant(name: &str) -> Option<f64> {
    use std::f64::consts::*;
    Some(match name {
        "PI" => PI,
        "E" => E,
        "LN2" => LN_2,
        "LN10" => LN_10,
        "LOG2E" => LOG2_E,
        "LOG10E" => LOG10_E,
        "SQRT2" => SQRT_2,
        "SQRT1_2" => FRAC_1_SQRT_2,
        _ => return None,
    })
}

pub(super) fn static_method(name: &str) -> Option<Native> {
    Some(match name {
        "abs" => |cx, _, args| one(cx, args, f64::abs),
        "floor" => |cx, _, args| one(cx, args, f64::floor),
        "ceil" => |cx, _, args| one(cx, args, f64::ceil),
        "trunc" => |cx, _, args| one(cx, args, f64::trunc),
        "round" => |cx, _, args| one(cx, args, round),
        "sign" => |cx, _, args| one(cx, args, |x| if x == 0.0 || x.is_nan() { x } else { x.signum() }),
        "sqrt" => |cx, _, args| one(cx, args, f64::sqrt),
        "cbrt" => |cx, _, args| one(cx, args, f64::cbrt),
        "exp" => |cx, _, args| one(cx, args, f64::exp),
        "expm1" => |cx, _, args| one(cx, args, f64::exp_m1),
        "log" => |cx, _, args| one(cx, args, f64::ln),
        "log2" => |cx, _, args| one(cx, args, f64::log2),
        "log10" => |cx, _, args| one(cx, args, f64::log10),
        "log1p" => |cx, _, args| one(cx, args, f64::ln_1p),
        "sin" => |cx, _, args| one(cx, args, f64::sin),
        "cos" => |cx, _, args| one(cx, args, f64::cos),
        "tan" => |cx, _, args| one(cx, args, f64::tan),
        "asin" => |cx, _, args| one(cx, args, f64::asin),
        "acos" => |cx, _, args| one(cx, args, f64::acos),
        "atan" => |cx, _, args| one(cx, args, f64::atan),
        "sinh" => |cx, _, args| one(cx, args, f64::sinh),
        "cosh" => |cx, _, args| one(cx, args, f64::cosh),
        "tanh" => |cx, _, args| one(cx, args, f64::tanh),
        "asinh" => |cx, _, args| one(cx, args, f64::asinh),
        "acosh" => |cx, _, args| one(cx, args, f64::acosh),
        "atanh" => |cx, _, args| one(cx, args, f64::atanh),
        "fround" => |cx, _, args| one(cx, args, |x| f64::from(x as f32)),
        "clz32" => |cx, _, args| one(cx, args, |x| f64::from(crate::eval::to_int32(x).leading_zeros())),
        "imul" => |cx, _, args| {
            two(cx, args, |x, y| f64::from(crate::eval::to_int32(x).wrapping_mul(crate::eval::to_int32(y))))
        },
        "pow" => |cx, _, args| two(cx, args, crate::eval::power),
        "atan2" => |cx, _, args| two(cx, args, f64::atan2),
        "max" => |cx, _, args| extreme(cx, args, f64::NEG_INFINITY, |number, best| number > best),
        "min" => |cx, _, args| extreme(cx, args, f64::INFINITY, |number, best| number < best),
        "hypot" => |cx, _, args| {
            let squares = args.iter().map(|value| Ok(cx.to_number(value)?.powi(2)));
            Ok(Value::Number(squares.sum::<Result<f64>>()?.sqrt()))
        },
        "random" => |cx, _, _| Ok(Value::Number(cx.random())),
        _ => return None,
    })
}

/// `Math.round`: halves go up.
pub(crate) fn round(number: f64) -> f64 {
    if number.fract() == 0.0 || !number.is_finite() {
        return number;
    }
    let floor = number.floor();
    let rounded = if number - floor >= 0.5 { floor + 1.0 } else { floor };
    if rounded == 0.0 && number < 0.0 { -0.0 } else { rounded }
}

fn one(cx: &Cx<'_>, args: &[Value], compute: fn(f64) -> f64) -> Result {
    Ok(Value::Number(match args.first() {
        Some(value) => compute(cx.to_number(value)?),
        None => f64::NAN,
    }))
}

fn two(cx: &Cx<'_>, args: &[Value], compute: fn(f64, f64) -> f64) -> Result {
    let left = cx.to_number(&super::arg(args, 0))?;
    let right = cx.to_number(&super::arg(args, 1))?;
    Ok(Value::Number(compute(left, right)))
}

fn extreme(cx: &Cx<'_>, args: &[Value], start: f64, better: fn(f64, f64) -> bool) -> Result {
    let mut best = start;
    for value in args {
        let number = cx.to_number(value)?;
        if number.is_nan() || better(number, best) {
            best = number;
        }
        if best.is_nan() {
            return Ok(Value::Number(best));
        }
    }
    Ok(Value::Number(best))
}
