//! `String`.

use ecow::eco_format;
use model::Text;

use super::{Result, arg, integer, regexp, relative};
use crate::eval::{Cx, VALUE};
use crate::number::is_js_space;
use crate::text;
use crate::value::{Array, Native};
use crate::{Error, Value};

pub(super) fn static_method(name: &str) -> Option<Native> {
    Some(match name {
        "fromCharCode" => |cx, _, args| {
            let mut units = Vec::with_capacity(args.len());
            for value in args {
                units.push(crate::eval::to_int32(cx.to_number(value)?) as u16);
            }
            Ok(String::from_utf16_lossy(&units).into())
        },
        "fromCodePoint" => |cx, _, args| {
            let mut text = Text::new();
            for value in args {
                let point = cx.to_number(value)?;
                if !(0.0..=1_114_111.0).contains(&point) || point.fract() != 0.0 {
                    return Err(Error::range_error("Invalid code point"));
                }
                text.push(char::from_u32(point as u32).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            Ok(text.into())
        },
        "raw" => |cx, _, args| {
            let raw = cx.member(&arg(args, 0), "raw")?;
            let mut text = Text::new();
            for (index, piece) in cx.iterate(&raw)?.iter().enumerate() {
                if index > 0
                    && let Some(value) = args.get(index)
                {
                    text.push_str(&cx.to_text(value)?);
                }
                text.push_str(&cx.to_text(piece)?);
            }
            Ok(text.into())
        },
        _ => return None,
    })
}

pub(super) fn method(name: &str) -> Option<Native> {
    Some(match name {
        "toString" | "valueOf" => |_, this, _| Ok(this.clone()),
        "at" => |cx, this, args| {
            let this = cx.to_text(this)?;
            let index = integer(cx, args, 0, 0.0)?;
            let length = text::length(&this) as f64;
            let index = if index < 0.0 { index + length } else { index };
            Ok(if index < 0.0 { Value::Undefined } else { text::unit(&this, index as usize).into() })
        },
        "charAt" => |cx, this, args| {
            let index = integer(cx, args, 0, 0.0)?;
            let found = if index < 0.0 { None } else { text::unit(&cx.to_text(this)?, index as usize) };
            Ok(found.unwrap_or_default().into())
        },
        "charCodeAt" => |cx, this, args| {
            let index = integer(cx, args, 0, 0.0)?;
            let found = if index < 0.0 { None } else { text::code_unit(&cx.to_text(this)?, index as usize) };
            Ok(found.map_or(f64::NAN, f64::from).into())
        },
        "codePointAt" => |cx, this, args| {
            let this = cx.to_text(this)?;
            let index = integer(cx, args, 0, 0.0)?;
            if index < 0.0 || index as usize >= text::length(&this) {
                return Ok(Value::Undefined);
            }
            let at = text::byte_at(&this, index as usize);
            Ok(this[at..].chars().next().map(|c| f64::from(u32::from(c))).into())
        },
        "concat" => |cx, this, args| {
            let mut joined = cx.to_text(this)?;
            for value in args {
                let value = cx.to_text(value)?;
                cx.allocate(value.len())?;
                joined.push_str(&value);
            }
            Ok(joined.into())
        },
        "includes" => |cx, this, args| Ok(find(cx, this, args, "includes")?.is_some().into()),
        "indexOf" => |cx, this, args| Ok(find(cx, this, args, "")?.map_or(-1.0, |index| index as f64).into()),
        "lastIndexOf" => |cx, this, args| {
            let this = cx.to_text(this)?;
            let wanted = cx.to_text(&arg(args, 0))?;
            let from = cx.to_number(&arg(args, 1))?;
            let last = if from.is_nan() { usize::MAX } else { from.max(0.0) as usize };
            let end = text::byte_at(&this, last).saturating_add(wanted.len()).min(this.len());
            let end = (end..=this.len()).find(|end| this.is_char_boundary(*end)).unwrap_or(this.len());
            Ok(this[..end].rfind(&*wanted).map_or(-1.0, |byte| text::index_at(&this, byte) as f64).into())
        },
        "startsWith" => |cx, this, args| {
            let this = cx.to_text(this)?;
            let wanted = plain(cx, &arg(args, 0), "startsWith")?;
            let at = text::byte_at(&this, integer(cx, args, 1, 0.0)?.max(0.0) as usize);
            Ok(this[at..].starts_with(&*wanted).into())
        },
        "endsWith" => |cx, this, args| {
            let this = cx.to_text(this)?;
            let wanted = plain(cx, &arg(args, 0), "endsWith")?;
            let at = text::byte_at(&this, integer(cx, args, 1, f64::INFINITY)?.max(0.0) as usize);
            Ok(this[..at].ends_with(&*wanted).into())
        },
        "slice" => |cx, this, args| {
            let this = cx.to_text(this)?;
            let length = text::length(&this);
            let start = relative(integer(cx, args, 0, 0.0)?, length);
            let end = relative(integer(cx, args, 1, f64::INFINITY)?, length);
            cut(cx, &this, start, end)
        },
        "substring" => |cx, this, args| {
            let this = cx.to_text(this)?;
            let length = text::length(&this) as f64;
            let start = integer(cx, args, 0, 0.0)?.clamp(0.0, length) as usize;
            let end = integer(cx, args, 1, f64::INFINITY)?.clamp(0.0, length) as usize;
            cut(cx, &this, start.min(end), start.max(end))
        },
        "substr" => |cx, this, args| {
            let this = cx.to_text(this)?;
            let length = text::length(&this);
            let start = relative(integer(cx, args, 0, 0.0)?, length);
            let count = integer(cx, args, 1, f64::INFINITY)?.clamp(0.0, length as f64) as usize;
            cut(cx, &this, start, (start + count).min(length))
        },
        "toUpperCase" | "toLocaleUpperCase" => |cx, this, _| {
            let this = cx.to_text(this)?;
            cx.allocate(this.len())?;
            Ok(Value::String(if this.is_ascii() { this.to_ascii_uppercase() } else { this.to_uppercase() }))
        },
        "toLowerCase" | "toLocaleLowerCase" => |cx, this, _| {
            let this = cx.to_text(this)?;
            cx.allocate(this.len())?;
            Ok(Value::String(if this.is_ascii() { this.to_ascii_lowercase() } else { this.to_lowercase() }))
        },
        "trim" => |cx, this, _| trimmed(cx, this, |text| text.trim_matches(is_js_space)),
        "trimStart" | "trimLeft" => {
            |cx, this, _| trimmed(cx, this, |text| text.trim_start_matches(is_js_space))
        }
        "trimEnd" | "trimRight" => |cx, this, _| trimmed(cx, this, |text| text.trim_end_matches(is_js_space)),
        "padStart" => |cx, this, args| pad(cx, this, args, true),
        "padEnd" => |cx, this, args| pad(cx, this, args, false),
        "repeat" => |cx, this, args| {
            let this = cx.to_text(this)?;
            let count = integer(cx, args, 0, 0.0)?;
            if !(0.0..=4_294_967_295.0).contains(&count) {
                return Err(Error::range_error(eco_format!("Invalid count value: {count}")));
            }
            cx.allocate(this.len().saturating_mul(count as usize))?;
            Ok(this.repeat(count as usize).into())
        },
        "split" => |cx, this, args| split(cx, this, args),
        "replace" => |cx, this, args| regexp::replace(cx, this, args, false),
        "replaceAll" => |cx, this, args| regexp::replace(cx, this, args, true),
        "match" => |cx, this, args| regexp::matches(cx, &cx.to_text(this)?, &arg(args, 0)),
        "matchAll" => |cx, this, args| regexp::match_all(cx, &cx.to_text(this)?, &arg(args, 0)),
        "search" => |cx, this, args| regexp::search(cx, &cx.to_text(this)?, &arg(args, 0)),
        "localeCompare" => |cx, this, args| {
            let other = cx.to_text(&arg(args, 0))?;
            let options = super::intl::CollatorOptions::read(cx, &arg(args, 2))?;
            Ok(super::intl::compare(&cx.to_text(this)?, &other, &options).into())
        },
        "normalize" => |cx, this, args| {
            use unicode_normalization::UnicodeNormalization;
            let this = cx.to_text(this)?;
            let form = match arg(args, 0) {
                Value::Undefined => "NFC".into(),
                form => cx.to_text(&form)?,
            };
            let normal = match &*form {
                "NFC" => collected(cx, this.nfc())?,
                "NFD" => collected(cx, this.nfd())?,
                "NFKC" => collected(cx, this.nfkc())?,
                "NFKD" => collected(cx, this.nfkd())?,
                _ => {
                    return Err(Error::range_error(
                        "The normalization form should be one of NFC, NFD, NFKC, NFKD.",
                    ));
                }
            };
            Ok(normal.into())
        },
        "isWellFormed" => |_, _, _| Ok(true.into()),
        "toWellFormed" => |_, this, _| Ok(this.clone()),
        "anchor" | "big" | "bold" | "link" | "sub" | "sup" => return None,
        _ => return super::object::method(name),
    })
}

/// A text of characters that are paid for one by one, for nobody knows how many there will be.
fn collected(cx: &Cx<'_>, characters: impl Iterator<Item = char>) -> Result<Text> {
    let mut text = Text::new();
    for character in characters {
        cx.charge(1)?;
        cx.allocate(character.len_utf8())?;
        text.push(character);
    }
    Ok(text)
}

fn cut(cx: &Cx<'_>, text: &str, start: usize, end: usize) -> Result {
    cx.allocate(end.saturating_sub(start))?;
    Ok(Value::String(text::slice(text, start, end)))
}

fn trimmed(cx: &Cx<'_>, this: &Value, trim: fn(&str) -> &str) -> Result {
    let this = cx.to_text(this)?;
    let trimmed = trim(&this);
    if trimmed.len() == this.len() {
        return Ok(Value::String(this));
    }
    cx.allocate(trimmed.len())?;
    Ok(trimmed.into())
}

/// Where the first argument occurs, at or behind the second.
fn find(cx: &Cx<'_>, this: &Value, args: &[Value], strict: &str) -> Result<Option<usize>> {
    let this = cx.to_text(this)?;
    let wanted = match strict {
        "" => cx.to_text(&arg(args, 0))?,
        name => plain(cx, &arg(args, 0), name)?,
    };
    let at = text::byte_at(&this, integer(cx, args, 1, 0.0)?.max(0.0) as usize);
    cx.charge(this.len() / 64)?;
    Ok(this[at..].find(&*wanted).map(|byte| text::index_at(&this, at + byte)))
}

/// Text where a regular expression is a mistake.
fn plain(cx: &Cx<'_>, value: &Value, method: &str) -> Result<Text> {
    match value {
        Value::RegExp(_) => Err(Error::type_error(eco_format!(
            "First argument to String.prototype.{method} must not be a regular expression"
        ))),
        value => cx.to_text(value),
    }
}

fn pad(cx: &Cx<'_>, this: &Value, args: &[Value], at_start: bool) -> Result {
    let this = cx.to_text(this)?;
    let length = text::length(&this);
    let wanted = integer(cx, args, 0, 0.0)?.max(0.0) as usize;
    let filler = match arg(args, 1) {
        Value::Undefined => " ".into(),
        value => cx.to_text(&value)?,
    };
    if wanted <= length || filler.is_empty() {
        return Ok(Value::String(this));
    }
    let missing = wanted - length;
    cx.allocate(missing.saturating_mul(4).saturating_add(this.len()))?;
    let unit = text::length(&filler);
    let filling = text::slice(&filler.repeat(missing / unit + 1), 0, missing);
    Ok(Value::String(if at_start { filling + this } else { this + filling }))
}

fn split(cx: &Cx<'_>, this: &Value, args: &[Value]) -> Result {
    let this = cx.to_text(this)?;
    let limit = match arg(args, 1) {
        Value::Undefined => usize::MAX,
        value => cx.to_number(&value)? as u32 as usize,
    };
    let pieces: Vec<Value> = match arg(args, 0) {
        Value::Undefined => vec![Value::String(this)],
        Value::RegExp(separator) => regexp::split(cx, &this, &separator, limit)?,
        separator => {
            let separator = cx.to_text(&separator)?;
            if separator.is_empty() {
                cx.allocate(this.len() * VALUE)?;
                let units = (0..text::length(&this)).take(limit);
                if this.is_ascii() {
                    units.filter_map(|index| text::unit(&this, index)).map(Value::String).collect()
                } else {
                    let units: Vec<u16> = this.encode_utf16().take(limit).collect();
                    units.iter().map(|unit| String::from_utf16_lossy(&[*unit]).into()).collect()
                }
            } else {
                let count = this.matches(&*separator).count() + 1;
                cx.allocate(this.len() + count * VALUE)?;
                this.split(&*separator).take(limit).map(Value::from).collect()
            }
        }
    };
    Ok(Value::Array(Array::new(pieces)))
}
