//! Moments: what counts as a date and time, as Unix milliseconds.

use expr::luxon::{DateTime, Locale, ReadOptions, Settings, Zone};
use jiff::tz::TimeZone;
use sdk::prelude::*;

use crate::convert::to_text;

/// A date and time as n8n reads it: ISO 8601, the forms of HTTP, e-mail and SQL, or what JavaScript reads as a date.
/// Text without an offset is in `zone`.
pub(crate) fn parse(value: &Value, zone: &TimeZone) -> Option<f64> {
    let text = to_text(value);
    let text = text.trim();
    let settings = Settings { now: 0.0, zone: Zone::from_jiff(zone), locale: Locale::en() };
    let options = ReadOptions::default();
    let forms = [DateTime::from_iso, DateTime::from_http, DateTime::from_rfc2822, DateTime::from_sql];
    let read = forms.into_iter().filter_map(|read| read(text, &options, &settings).ok());
    read.into_iter().find(DateTime::is_valid).map(|date| date.to_millis()).or_else(|| parse_js(text))
}

/// A date and time as JavaScript's `Date` reads it, in a process whose zone is UTC.
pub(crate) fn parse_js(text: &str) -> Option<f64> {
    Some(expr::parse_date(text)).filter(|ms| !ms.is_nan())
}
