//! Dates, durations and intervals as Luxon, the date library of JavaScript expressions, has them.
//!
//! [`DateTime`] is a moment seen in a time zone, [`Duration`] a length of time in units, [`Interval`] the time between
//! two moments. `format` writes and `parse` reads dates by tokens, `iso` and `read` the fixed formats, `intl`
//! writes dates as JavaScript's `Intl` would. Zones and their rules come from jiff's bundled database, languages
//! from the Unicode CLDR.
//!
//! Deliberately absent: the system clock and zone (they come in with [`Settings`]), other calendars and numerals.

mod bind;
mod civil;
mod datetime;
mod diff;
mod duration;
mod duration_text;
mod fields;
mod format;
mod interval;
mod intl;
mod iso;
mod locale;
mod number;
mod parse;
mod read;
mod relative;
#[cfg(test)]
mod tests;
mod unit;
mod zone;
mod zone_name;

use std::fmt;

pub(crate) use bind::{
    format_argument, method, now, property, settings, static_method, static_property, to_date_time,
    to_duration, today,
};
pub use datetime::{DateTime, Settings};
pub use duration::{Accuracy, Duration, Invalid};
pub use duration_text::{HumanOptions, SignMode};
pub use fields::Fields;
pub use interval::Interval;
pub use intl::{FormatOptions, Part};
pub use iso::{IsoOptions, ReadOptions};
pub use locale::{Locale, Width};
pub use number::{NumberFormat, NumberStyle};
pub use relative::RelativeOptions;
pub use unit::{Field, Unit};
pub use zone::{OffsetStyle, Zone, format_offset};

/// A call that Luxon refuses by throwing, such as an unknown unit. A date that does not exist is no error but an
/// invalid [`DateTime`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error(String);

impl Error {
    /// An error with Luxon's message.
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}
