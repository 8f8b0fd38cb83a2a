//! The time between two moments, the end not included.

use model::Text;

use super::datetime::{DateTime, Settings};
use super::duration::{Duration, Invalid};
use super::iso::{IsoOptions, ReadOptions};
use super::read;
use super::unit::Unit;
use super::{Error, FormatOptions};

/// How many parts an interval is split into at most.
const MAX_PARTS: usize = 1_000_000;

/// The time from one moment up to another, or an invalid interval with its reason.
#[derive(Clone, Debug, PartialEq)]
pub struct Interval {
    ends: Result<(DateTime, DateTime), Box<Invalid>>,
}

impl Interval {
    /// The time from `start` to `end`; invalid when the end comes first.
    pub fn new(start: DateTime, end: DateTime) -> Self {
        if !start.is_valid() {
            return Self::invalid(Invalid::reason("missing or invalid start"));
        }
        if !end.is_valid() {
            return Self::invalid(Invalid::reason("missing or invalid end"));
        }
        if end.to_millis() < start.to_millis() {
            let [start, end] = [start, end].map(|date| date.to_iso().unwrap_or_default());
            let explanation = format!(
                "The end of an interval must be after its start, but you had start={start} and end={end}"
            );
            return Self::invalid(Invalid::new("end before start", explanation));
        }
        Self { ends: Ok((start, end)) }
    }

    /// An interval that is none.
    pub fn invalid(invalid: Invalid) -> Self {
        Self { ends: Err(Box::new(invalid)) }
    }

    /// The time of this length from a moment on.
    pub fn after(start: DateTime, duration: &Duration) -> Self {
        let end = start.plus(duration);
        Self::new(start, end)
    }

    /// The time of this length up to a moment.
    pub fn before(end: DateTime, duration: &Duration) -> Self {
        let start = end.minus(duration);
        Self::new(start, end)
    }

    /// Reads two dates, or a date and a duration, with `/` between.
    pub fn from_iso(text: &str, options: &ReadOptions, settings: &Settings) -> Result<Self, Error> {
        let mut parts = text.split('/');
        if let (Some(first), Some(second)) = (parts.next(), parts.next()) {
            let date = |text| DateTime::from_iso(text, options, settings);
            let (start, end) = (date(first)?, date(second)?);
            if start.is_valid() && end.is_valid() {
                return Ok(Self::new(start, end));
            }
            if start.is_valid()
                && let Some(duration) = read::read_duration(second)
            {
                return Ok(Self::after(start, &duration));
            }
            if end.is_valid()
                && let Some(duration) = read::read_duration(first)
            {
                return Ok(Self::before(end, &duration));
            }
        }
        let explanation = format!("the input \"{text}\" can't be parsed as ISO 8601");
        Ok(Self::invalid(Invalid::new("unparsable", explanation)))
    }

    /// Whether this is an interval at all.
    pub fn is_valid(&self) -> bool {
        self.ends.is_ok()
    }

    /// Why it is none.
    pub fn invalid_reason(&self) -> Option<&Invalid> {
        self.ends.as_ref().err().map(Box::as_ref)
    }

    /// The first moment.
    pub fn start(&self) -> Option<&DateTime> {
        self.ends.as_ref().ok().map(|(start, _)| start)
    }

    /// The moment after the last.
    pub fn end(&self) -> Option<&DateTime> {
        self.ends.as_ref().ok().map(|(_, end)| end)
    }

    fn bounds(&self) -> (f64, f64) {
        match &self.ends {
            Ok((start, end)) => (start.to_millis(), end.to_millis()),
            Err(_) => (f64::NAN, f64::NAN),
        }
    }

    /// The length in one unit.
    pub fn length(&self, unit: Unit) -> f64 {
        self.to_duration(&[unit]).get(unit)
    }

    /// The length as a duration in some units.
    pub fn to_duration(&self, units: &[Unit]) -> Duration {
        match &self.ends {
            Ok((start, end)) => end.diff(start, units),
            Err(invalid) => Duration::invalid((**invalid).clone()),
        }
    }

    /// How many units of the calendar it touches, even in part.
    pub fn count(&self, unit: Unit, locale_weeks: bool) -> f64 {
        let Ok((start, end)) = &self.ends else { return f64::NAN };
        let first = start.start_of(unit, locale_weeks);
        let last = end.start_of(unit, locale_weeks);
        let whole = last.diff(&first, &[unit]).get(unit).floor();
        if last.to_millis() == end.to_millis() { whole } else { whole + 1.0 }
    }

    /// Whether it lies within one unit of the calendar.
    pub fn has_same(&self, unit: Unit) -> bool {
        let Ok((start, end)) = &self.ends else { return false };
        self.is_empty() || end.minus(&Duration::from_millis(1.0)).has_same(start, unit, false)
    }

    /// Whether it has no length.
    pub fn is_empty(&self) -> bool {
        let (start, end) = self.bounds();
        start == end
    }

    /// Whether it starts after a moment.
    pub fn is_after(&self, ts: f64) -> bool {
        self.bounds().0 > ts
    }

    /// Whether it ends by a moment.
    pub fn is_before(&self, ts: f64) -> bool {
        self.bounds().1 <= ts
    }

    /// Whether a moment lies in it.
    pub fn contains(&self, ts: f64) -> bool {
        let (start, end) = self.bounds();
        start <= ts && end > ts
    }

    /// Whether both share some time.
    pub fn overlaps(&self, other: &Interval) -> bool {
        let ((start, end), (other_start, other_end)) = (self.bounds(), other.bounds());
        end > other_start && start < other_end
    }

    /// Whether the other starts where this ends.
    pub fn abuts_start(&self, other: &Interval) -> bool {
        self.bounds().1 == other.bounds().0
    }

    /// Whether the other ends where this starts.
    pub fn abuts_end(&self, other: &Interval) -> bool {
        other.bounds().1 == self.bounds().0
    }

    /// Whether the other lies within this.
    pub fn engulfs(&self, other: &Interval) -> bool {
        let ((start, end), (other_start, other_end)) = (self.bounds(), other.bounds());
        start <= other_start && end >= other_end
    }

    /// The time both share, if any.
    pub fn intersection(&self, other: &Interval) -> Option<Self> {
        let (Ok((start, end)), Ok((other_start, other_end))) = (&self.ends, &other.ends) else {
            return Some(self.clone());
        };
        let start = if start.to_millis() > other_start.to_millis() { start } else { other_start };
        let end = if end.to_millis() < other_end.to_millis() { end } else { other_end };
        (start.to_millis() < end.to_millis()).then(|| Self::new(start.clone(), end.clone()))
    }

    /// The time from the earlier start to the later end.
    pub fn union(&self, other: &Interval) -> Self {
        let (Ok((start, end)), Ok((other_start, other_end))) = (&self.ends, &other.ends) else {
            return self.clone();
        };
        let start = if start.to_millis() < other_start.to_millis() { start } else { other_start };
        let end = if end.to_millis() > other_end.to_millis() { end } else { other_end };
        Self::new(start.clone(), end.clone())
    }

    /// The parts that start at the given moments.
    pub fn split_at(&self, dates: &[DateTime]) -> Vec<Self> {
        let Ok((start, end)) = &self.ends else { return Vec::new() };
        let mut cuts: Vec<&DateTime> = dates.iter().filter(|date| self.contains(date.to_millis())).collect();
        cuts.sort_by(|left, right| left.to_millis().total_cmp(&right.to_millis()));
        let mut parts = Vec::new();
        let mut from = start;
        for cut in cuts.into_iter().chain([end]) {
            if from.to_millis() < end.to_millis() {
                parts.push(Self::new(from.clone(), cut.clone()));
            }
            from = cut;
        }
        parts
    }

    /// Parts of a length, the last one shorter when it does not fit; an error when there would be too many.
    pub fn split_by(&self, duration: &Duration) -> Result<Vec<Self>, Error> {
        let Ok((start, end)) = &self.ends else { return Ok(Vec::new()) };
        let length = duration.as_unit(Unit::Milliseconds);
        if !duration.is_valid() || length == 0.0 {
            return Ok(Vec::new());
        }
        let expected = (end.to_millis() - start.to_millis()) / length;
        if expected.is_nan() || expected > MAX_PARTS as f64 || length < 0.0 {
            return Err(Error::new(format!("an interval splits into at most {MAX_PARTS} parts")));
        }
        let mut parts = Vec::new();
        let mut from = start.clone();
        while from.to_millis() < end.to_millis() {
            let index = (parts.len() + 1) as f64;
            let reached = start.plus(&duration.times(index));
            let to = if reached.to_millis() > end.to_millis() { end.clone() } else { reached };
            parts.push(Self::new(from, to.clone()));
            from = to;
        }
        Ok(parts)
    }

    /// Parts of equal length.
    pub fn divide_equally(&self, parts: usize) -> Result<Vec<Self>, Error> {
        if !self.is_valid() {
            return Ok(Vec::new());
        }
        let length = self.length(Unit::Milliseconds) / parts as f64;
        let mut split = self.split_by(&Duration::from_millis(length))?;
        split.truncate(parts);
        Ok(split)
    }

    /// The time covered by some intervals, as intervals that do not touch.
    pub fn merge(mut intervals: Vec<Interval>) -> Vec<Self> {
        intervals.sort_by(|left, right| left.bounds().0.total_cmp(&right.bounds().0));
        let mut merged: Vec<Interval> = Vec::new();
        for interval in intervals {
            match merged.last_mut() {
                Some(last) if last.overlaps(&interval) || last.abuts_start(&interval) => {
                    *last = last.union(&interval)
                }
                _ => merged.push(interval),
            }
        }
        merged
    }

    /// The time covered by exactly one of some intervals, as intervals that do not touch.
    pub fn xor(intervals: &[Interval]) -> Vec<Self> {
        let mut ends: Vec<(&DateTime, i32)> = Vec::new();
        for interval in intervals {
            if let Ok((start, end)) = &interval.ends {
                ends.extend([(start, 1), (end, -1)]);
            }
        }
        ends.sort_by(|(left, _), (right, _)| left.to_millis().total_cmp(&right.to_millis()));
        let mut found = Vec::new();
        let (mut depth, mut from) = (0, None::<&DateTime>);
        for (date, step) in ends {
            depth += step;
            if depth == 1 {
                from = Some(date);
            } else if let Some(start) = from.take().filter(|start| start.to_millis() != date.to_millis()) {
                found.push(Self::new(start.clone(), date.clone()));
            }
        }
        Self::merge(found)
    }

    /// What is left of this without some intervals.
    pub fn difference(&self, intervals: &[Interval]) -> Vec<Self> {
        let all: Vec<Interval> = std::iter::once(self).chain(intervals).cloned().collect();
        let parts = Self::xor(&all).into_iter().filter_map(|part| self.intersection(&part));
        parts.filter(|part| !part.is_empty()).collect()
    }

    fn joined(&self, separator: &str, write: impl Fn(&DateTime) -> Option<String>) -> String {
        match &self.ends {
            Ok((start, end)) => {
                format!("{}{separator}{}", write(start).unwrap_or_default(), write(end).unwrap_or_default())
            }
            Err(_) => "Invalid Interval".to_owned(),
        }
    }

    /// Both ends as ISO text with `/` between; nothing when invalid.
    pub fn to_iso(&self) -> Option<String> {
        self.is_valid().then(|| self.to_iso_with(&IsoOptions::default()))
    }

    /// As [`Interval::to_iso`], as the options say.
    pub fn to_iso_with(&self, options: &IsoOptions) -> String {
        self.joined("/", |date| date.to_iso_with(options))
    }

    /// The days of both ends as ISO text.
    pub fn to_iso_date(&self) -> String {
        self.joined("/", |date| date.to_iso_date(&IsoOptions::default()))
    }

    /// The times of both ends as ISO text.
    pub fn to_iso_time(&self, options: &IsoOptions) -> String {
        self.joined("/", |date| date.to_iso_time(options))
    }

    /// Both ends by tokens.
    pub fn to_format(&self, format: &str, separator: &str) -> String {
        self.joined(separator, |date| Some(date.to_format(format)))
    }

    /// Both ends as the language writes them.
    pub fn to_locale_string(&self, options: &FormatOptions) -> String {
        self.joined("\u{2009}–\u{2009}", |date| Some(date.to_locale_string(options)))
    }

    /// `[start – end)`
    pub fn to_text(&self) -> Text {
        match &self.ends {
            Ok(_) => ecow::eco_format!("[{})", self.joined(" – ", DateTime::to_iso)),
            Err(_) => "Invalid Interval".into(),
        }
    }
}
