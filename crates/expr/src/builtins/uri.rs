//! `encodeURIComponent`, `decodeURIComponent` and their relatives, `btoa` and `atob`.

use base64::Engine as _;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use base64::{alphabet, engine::DecodePaddingMode};

use super::{Result, arg};
use crate::eval::Cx;
use crate::{Error, Value};

/// What `encodeURI` leaves as it is besides letters and digits.
const WHOLE: &[u8] = b"-_.!~*'();/?:@&=+$,#";
/// What `encodeURIComponent` leaves as it is besides letters and digits.
const COMPONENT: &[u8] = b"-_.!~*'()";

pub(crate) fn encode_uri(cx: &Cx<'_>, _: &Value, args: &[Value]) -> Result {
    encode(cx, args, WHOLE)
}

pub(crate) fn encode_uri_component(cx: &Cx<'_>, _: &Value, args: &[Value]) -> Result {
    encode(cx, args, COMPONENT)
}

pub(crate) fn decode_uri(cx: &Cx<'_>, _: &Value, args: &[Value]) -> Result {
    decode(cx, args, b";/?:@&=+$,#")
}

pub(crate) fn decode_uri_component(cx: &Cx<'_>, _: &Value, args: &[Value]) -> Result {
    decode(cx, args, b"")
}

fn encode(cx: &Cx<'_>, args: &[Value], kept: &[u8]) -> Result {
    let text = cx.to_text(&arg(args, 0))?;
    cx.allocate(text.len() * 3)?;
    Ok(percent_encode(&text, kept).into())
}

/// Writes every byte that is no letter, no digit and not kept as `%XX`.
pub(crate) fn percent_encode(text: &str, kept: &[u8]) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || kept.contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.push(char::from(b"0123456789ABCDEF"[usize::from(byte >> 4)]));
            encoded.push(char::from(b"0123456789ABCDEF"[usize::from(byte & 15)]));
        }
    }
    encoded
}

fn decode(cx: &Cx<'_>, args: &[Value], reserved: &[u8]) -> Result {
    let text = cx.to_text(&arg(args, 0))?;
    cx.allocate(text.len())?;
    percent_decode(&text, reserved)
        .map(Value::from)
        .ok_or_else(|| Error::thrown("URI malformed").named("URIError"))
}

/// Reads `%XX`, except those of reserved characters; `None` when malformed.
pub(crate) fn percent_decode(text: &str, reserved: &[u8]) -> Option<String> {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        if *byte != b'%' {
            decoded.push(*byte);
            at += 1;
            continue;
        }
        let digits = text.get(at + 1..at + 3)?;
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        let value = u8::from_str_radix(digits, 16).ok()?;
        if reserved.contains(&value) {
            decoded.extend_from_slice(&bytes[at..at + 3]);
        } else {
            decoded.push(value);
        }
        at += 3;
    }
    String::from_utf8(decoded).ok()
}

/// `btoa(text)`
pub(crate) fn btoa(cx: &Cx<'_>, _: &Value, args: &[Value]) -> Result {
    let text = cx.to_text(&arg(args, 0))?;
    cx.allocate(text.len() * 2)?;
    let bytes: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
    match bytes {
        Some(bytes) => Ok(STANDARD.encode(bytes).into()),
        None => Err(Error::thrown("Invalid character").named("InvalidCharacterError")),
    }
}

/// `atob(text)`
pub(crate) fn atob(cx: &Cx<'_>, _: &Value, args: &[Value]) -> Result {
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &alphabet::STANDARD,
        GeneralPurposeConfig::new()
            .with_decode_padding_mode(DecodePaddingMode::Indifferent)
            .with_decode_allow_trailing_bits(true),
    );
    let text = cx.to_text(&arg(args, 0))?;
    cx.allocate(text.len() * 2)?;
    let compact: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    match LENIENT.decode(compact) {
        Ok(bytes) => Ok(bytes.into_iter().map(char::from).collect::<String>().into()),
        Err(_) => Err(Error::thrown("The string to be decoded is not correctly encoded.")
            .named("InvalidCharacterError")),
    }
}
