//! Moments: what counts as a date and time, as Unix milliseconds.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use sdk::prelude::*;

use crate::convert::to_text;

/// A date and time as n8n reads it: ISO 8601, the forms of HTTP, e-mail and SQL, or what JavaScript reads as a date.
/// Text without an offset is in `zone`.
pub(crate) fn parse(value: &Value, zone: &TimeZone) -> Option<f64> {
    let text = to_text(value);
    let text = text.trim();
    let iso = text.replacen(' ', "T", 1);
    parse_local(&iso, zone).or_else(|| parse_js(text))
}

/// A date and time as JavaScript's `Date` reads it, in a process whose zone is UTC.
pub(crate) fn parse_js(text: &str) -> Option<f64> {
    text.parse::<jiff::Timestamp>()
        .ok()
        .map(|at| at.as_millisecond() as f64)
        .or_else(|| parse_local(text, &TimeZone::UTC))
}

fn parse_local(text: &str, zone: &TimeZone) -> Option<f64> {
    if let Ok(at) = text.parse::<jiff::Timestamp>() {
        return Some(at.as_millisecond() as f64);
    }
    let local = text
        .parse::<DateTime>()
        .ok()
        .or_else(|| text.parse::<Date>().ok().map(|date| date.at(0, 0, 0, 0)))?;
    Some(zone.to_timestamp(local).ok()?.as_millisecond() as f64)
}
