//! Dates in words relative to another: `3 days ago`, `tomorrow`.

use super::datetime::{DateTime, Settings};
use super::duration::Duration;
use super::number::NumberFormat;
use super::unit::Unit;

/// How a relative date is worded.
#[derive(Clone, Debug, Default)]
pub struct RelativeOptions {
    /// The date to relate to; the present moment when absent
    pub base: Option<DateTime>,
    /// `long`, `short` or `narrow`
    pub style: Option<String>,
    /// The units to choose from, largest first; one unit is taken as it is
    pub units: Vec<Unit>,
    /// Keep two decimals instead of whole numbers
    pub exact: bool,
    /// Milliseconds to count more, away from the base
    pub padding: f64,
}

impl DateTime {
    /// `in 2 days`, `3 hours ago`; nothing when invalid.
    pub fn to_relative(&self, options: &RelativeOptions, settings: &Settings) -> Option<String> {
        let base = self.base(options, settings)?;
        let padding = if self.to_millis() < base.to_millis() { -options.padding } else { options.padding };
        let end = self.plus(&Duration::from_millis(padding));
        let all = [Unit::Years, Unit::Months, Unit::Days, Unit::Hours, Unit::Minutes, Unit::Seconds];
        let units = if options.units.is_empty() { &all[..] } else { &options.units };
        let (unit, count) = choose(units, |unit| end.diff(&base, &[unit]).get(unit))?;
        let factor = if options.exact { 100.0 } else { 1.0 };
        let past = base.to_millis() > end.to_millis();
        let count = (count * factor).trunc() / factor;
        let short = options.style.as_deref().is_some_and(|style| style != "long");
        Some(if short && end.locale().is_english() {
            shortly(count, past, unit)
        } else {
            end.in_words(count, past, unit, false)
        })
    }

    /// `tomorrow`, `last month`, `in 3 years`; nothing when invalid.
    pub fn to_relative_calendar(&self, options: &RelativeOptions, settings: &Settings) -> Option<String> {
        let base = self.base(options, settings)?;
        let all = [Unit::Years, Unit::Months, Unit::Days];
        let units = if options.units.is_empty() { &all[..] } else { &options.units };
        let (unit, count) = choose(units, |unit| {
            if self.has_same(&base, unit, false) {
                return 0.0;
            }
            self.start_of(unit, false).diff(&base.start_of(unit, false), &[unit]).get(unit)
        })?;
        let count = (count + 0.5).floor();
        Some(self.in_words(count, count < 0.0, unit, true))
    }

    fn base(&self, options: &RelativeOptions, settings: &Settings) -> Option<DateTime> {
        let zone = self.zone()?.clone();
        let now = || DateTime::from_millis(settings.now, zone, self.locale().clone());
        Some(options.base.clone().unwrap_or_else(now))
    }

    fn in_words(&self, count: f64, past: bool, unit: Unit, by_calendar: bool) -> String {
        let unit_name = unit.singular();
        if by_calendar && !unit.is_clock() {
            let index = match count {
                -1.0 => Some(0),
                0.0 => Some(1),
                1.0 => Some(2),
                _ => None,
            };
            let words = self.locale().list(&format!("relative.{unit_name}"));
            if let Some(words) = index.and_then(|index| words.get(index)) {
                return words.clone();
            }
        }
        let tense = if past { "past" } else { "future" };
        let format = NumberFormat { no_grouping: self.locale().is_english(), ..NumberFormat::default() };
        let text = format.format(count.abs(), self.locale());
        self.locale().counted(&format!("{tense}.{unit_name}"), count.abs(), &text)
    }
}

/// `3 hr. ago`, as Luxon shortens English words.
fn shortly(count: f64, past: bool, unit: Unit) -> String {
    let count = count.abs();
    let word = match unit {
        Unit::Years => "yr.",
        Unit::Quarters => "qtr.",
        Unit::Months => "mo.",
        Unit::Weeks => "wk.",
        Unit::Days if count == 1.0 => "day",
        Unit::Days => "days",
        Unit::Hours => "hr.",
        Unit::Minutes => "min.",
        Unit::Seconds | Unit::Milliseconds => "sec.",
    };
    if past { format!("{count} {word} ago") } else { format!("in {count} {word}") }
}

/// The first unit with a count of at least one, else the last.
fn choose(units: &[Unit], mut count: impl FnMut(Unit) -> f64) -> Option<(Unit, f64)> {
    if let [unit] = units {
        return Some((*unit, count(*unit)));
    }
    for unit in units {
        let count = count(*unit);
        if count.abs() >= 1.0 {
            return Some((*unit, count));
        }
    }
    Some((*units.last()?, 0.0))
}
