//! Moments: what counts as a date and time, as Unix milliseconds.

use expr::luxon::{Locale, Settings, Zone};
use jiff::tz::TimeZone;
use sdk::prelude::*;

use crate::convert::to_text;

/// A date and time as expressions read it: ISO 8601, the forms of HTTP, e-mail and SQL, or what JavaScript reads as a
/// date. Text without an offset is in `zone`.
pub(crate) fn parse(value: &Value, zone: &TimeZone) -> Option<f64> {
    let settings = Settings { now: 0.0, zone: Zone::from_jiff(zone), locale: Locale::en() };
    let date = expr::read_date(&to_text(value), &settings).ok()?;
    date.is_valid().then(|| date.to_millis())
}

/// A date and time as JavaScript's `Date` reads it, in a process whose zone is UTC.
pub(crate) fn parse_js(text: &str) -> Option<f64> {
    Some(expr::parse_date(text)).filter(|ms| !ms.is_nan())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str, zone: &str) -> Option<f64> {
        parse(&text.into(), &TimeZone::get(zone).expect("the zone is known"))
    }

    #[test]
    fn text_without_an_offset_is_in_the_given_zone() {
        let midnight = 1_704_067_200_000.0;
        assert_eq!(at("2024-01-01", "UTC"), Some(midnight));
        assert_eq!(at("2024-01-01 00:00", "America/New_York"), Some(midnight + 5.0 * 3_600_000.0));
        assert_eq!(at("2024-01-01T00:00:00Z", "America/New_York"), Some(midnight));
        assert_eq!(at("Mon, 01 Jan 2024 00:00:00 +0000", "Asia/Kolkata"), Some(midnight));
    }

    #[test]
    fn what_only_javascript_reads_is_in_utc() {
        assert_eq!(at("1-Jan-2024", "America/New_York"), Some(1_704_067_200_000.0));
        assert_eq!(at("no date", "UTC"), None);
    }
}
