//! Methods of texts.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{at, case, hash, markdown, number, object, pattern, url};
use crate::builtins::{parse_float, parse_int};
use crate::eval::Cx;
use crate::luxon::{self, DateTime, ReadOptions, Settings};
use crate::value::Native;
use crate::{Error, Value};

pub(super) fn method(name: &str) -> Option<Native> {
    Some(match name {
        "length" => |_, this, _| Ok(text(this).encode_utf16().count().into()),
        "isEmpty" => |_, this, _| Ok(text(this).is_empty().into()),
        "isNotEmpty" => |_, this, _| Ok((!text(this).is_empty()).into()),
        "hash" => |cx, this, args| hash(cx, text(this), at(args, 0)),
        "base64Encode" => |cx, this, _| made(cx, STANDARD.encode(text(this))),
        "base64Decode" => |cx, this, _| made(cx, hash::base64_decode(text(this))),
        "removeMarkdown" => |cx, this, _| made(cx, markdown::remove(text(this), cx)?),
        "removeTags" => |cx, this, _| made(cx, pattern::TAG.replace_all(text(this), "").into_owned()),
        "toSentenceCase" => |cx, this, _| made(cx, case::sentence(text(this))),
        "toTitleCase" => |cx, this, _| made(cx, case::title(text(this))),
        "toSnakeCase" => |cx, this, _| made(cx, case::snake(text(this))),
        "replaceSpecialChars" => |cx, this, _| made(cx, case::to_ascii(text(this))),
        "quote" => |cx, this, args| made(cx, quote(text(this), at(args, 0))),
        "urlEncode" => |cx, this, args| made(cx, url::encode(text(this), at(args, 0).truthy())),
        "urlDecode" => |cx, this, args| match url::decode(text(this), at(args, 0).truthy()) {
            Some(decoded) => made(cx, decoded),
            None => Err(Error::thrown("URI malformed").named("URIError")),
        },
        "isDomain" => |_, this, _| Ok(pattern::DOMAIN.is_match(text(this)).into()),
        "isUrl" => |_, this, _| Ok(pattern::URL.is_match(text(this)).into()),
        "isEmail" => |_, this, _| Ok(pattern::is_email(text(this)).into()),
        "isNumeric" => |_, this, _| Ok(is_numeric(text(this)).into()),
        "extractEmail" => |_, this, _| Ok(pattern::EMAIL.find(text(this)).map(|found| found.as_str()).into()),
        "extractUrl" => {
            |_, this, _| Ok(pattern::URL_WITHIN.find(text(this)).map(|found| found.as_str()).into())
        }
        "extractDomain" => |_, this, _| Ok(pattern::domain_of(text(this)).into()),
        "extractUrlPath" => |_, this, _| Ok(url::path(text(this)).into()),
        "toJsonString" => |cx, this, _| object::to_json(this, cx),
        "parseJson" => |_, this, _| parse_json(text(this)),
        _ => return conversion(name),
    })
}

/// A method that reads something else out of a text.
fn conversion(name: &str) -> Option<Native> {
    Some(match name {
        "toBoolean" => |_, this, _| {
            let text = text(this).to_lowercase();
            Ok((!matches!(text.as_str(), "" | "false" | "0" | "no")).into())
        },
        "toNumber" => |_, this, _| match to_number(&without_currency(text(this))) {
            number if number.is_nan() => Err(Error::extension("cannot convert to number")),
            number => Ok(number.into()),
        },
        "toFloat" | "toDecimalNumber" => |cx, this, _| {
            let plain = without_currency(text(this));
            if plain.contains(',') {
                return Err(Error::extension("cannot convert to float, expected . as decimal separator"));
            }
            number_or(parse_float(cx, &Value::Undefined, &[plain.into()])?, "cannot convert to float")
        },
        "toInt" | "toWholeNumber" => |cx, this, args| {
            let plain = without_currency(text(this)).into();
            number_or(
                parse_int(cx, &Value::Undefined, &[plain, at(args, 0).clone()])?,
                "cannot convert to integer",
            )
        },
        "toDate" => |_, this, _| match crate::date::parse(text(this)) {
            ms if ms.is_nan() => Err(Error::extension("cannot convert to date")),
            ms => Ok(Value::date(ms)),
        },
        "toDateTime" => |cx, this, args| to_date_time(cx, text(this), at(args, 0)),
        _ => return None,
    })
}

fn text(this: &Value) -> &str {
    this.as_str().unwrap_or_default()
}

/// `Number(text)`
fn to_number(text: &str) -> f64 {
    Value::from(text).to_number()
}

/// A text that was made, paid for.
fn made(cx: &Cx<'_>, text: String) -> Result<Value, Error> {
    cx.allocate(text.len())?;
    Ok(text.into())
}

fn number_or(number: Value, message: &'static str) -> Result<Value, Error> {
    if number.to_number().is_nan() { Err(Error::extension(message)) } else { Ok(number) }
}

fn hash(cx: &Cx<'_>, text: &str, algorithm: &Value) -> Result<Value, Error> {
    cx.charge(text.len() / 16)?;
    let name = match algorithm {
        Value::Undefined => "md5".into(),
        name => name.to_js_string(),
    };
    match hash::digest(&name.to_lowercase(), text) {
        Some(digest) => made(cx, digest),
        None => Err(Error::extension(format!(
            "Unknown algorithm {name}. Available algorithms are: md5,sha1,sha224,sha256,sha384,sha512,sha3, and Base64."
        ))),
    }
}

/// Writes a text between quotes; quotes and backslashes inside get a backslash.
fn quote(text: &str, mark: &Value) -> String {
    let mark = match mark {
        Value::Undefined => "\"".into(),
        mark => mark.to_js_string(),
    };
    let inner = text.replace('\\', "\\\\").replace(mark.as_str(), &format!("\\{mark}"));
    format!("{mark}{inner}{mark}")
}

fn is_numeric(text: &str) -> bool {
    !text.contains(' ') && !text.trim().is_empty() && !to_number(text).is_nan()
}

/// The text without signs of currency.
fn without_currency(text: &str) -> String {
    text.chars().filter(|c| !matches!(c, '$' | '¢' | '£' | '¤' | '¥' | '\u{20a0}'..='\u{20cf}')).collect()
}

fn parse_json(text: &str) -> Result<Value, Error> {
    model::Value::from_json(text).map(|data| Value::from_data(&data)).map_err(|_| {
        let hint = if text.contains('\'') { ". Check you're using double quotes" } else { "" };
        Error::extension(format!("Parsing failed{hint}"))
    })
}

/// Reads a date by a format: one of Luxon's, or `ms`, `s`, `us`, `excel` for numbers; without one, any usual format.
fn to_date_time(cx: &Cx<'_>, text: &str, format: &Value) -> Result<Value, Error> {
    let settings = luxon::settings(cx);
    if !format.truthy() {
        return read_date(text, &settings).map(Value::date_time);
    }
    let format = format.to_js_string();
    if let Some(ms) = number::to_millis(to_number(text), &format) {
        return Ok(Value::date_time(number::at_millis(ms, cx)));
    }
    let date = DateTime::from_format(text, &format, &ReadOptions::default(), &settings)?;
    Ok(Value::date_time(date))
}

/// Reads a date in any of the usual formats. A zone in the text is kept, without one the workflow's holds; what only
/// JavaScript understands is read in UTC and seen in the workflow's zone.
pub fn read_date(text: &str, settings: &Settings) -> Result<DateTime, Error> {
    let text = text.trim();
    let options = ReadOptions { set_zone: true, ..ReadOptions::default() };
    for read in [DateTime::from_iso, DateTime::from_http, DateTime::from_rfc2822, DateTime::from_sql] {
        let date = read(text, &options, settings)?;
        if date.is_valid() {
            return Ok(date);
        }
    }
    match crate::date::parse(text) {
        ms if ms.is_nan() => Err(Error::extension("cannot convert to Luxon DateTime")),
        ms => Ok(DateTime::from_js_date(ms, settings)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_inside_a_quoted_text_get_a_backslash() {
        assert_eq!(quote("it's \"q\"", &Value::Undefined), r#""it's \"q\"""#);
        assert_eq!(quote("it's", &"'".into()), r"'it\'s'");
        assert_eq!(quote(r"a\b", &"'".into()), r"'a\\b'");
    }

    #[test]
    fn currency_signs_do_not_count() {
        assert_eq!(without_currency("-€1.50$"), "-1.50");
        assert!(is_numeric("4e4") && is_numeric("0x10") && !is_numeric(" 5 ") && !is_numeric(""));
    }
}
