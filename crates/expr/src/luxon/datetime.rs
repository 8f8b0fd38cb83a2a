//! A moment seen in a time zone.

use model::Text;

use super::civil::{self, Civil, DAY_MS, WeekDate};
use super::duration::{Duration, Invalid};
use super::locale::{Locale, Width};
use super::unit::Unit;
use super::zone::Zone;

/// The furthest moment from the start of 1970 that a date can name, in milliseconds.
const MAX_TS: f64 = 8.64e15;

/// What a program cannot know by itself: the present moment, the zone and the language to assume.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The present moment, in milliseconds since the start of 1970
    pub now: f64,
    /// The zone of dates that name none
    pub zone: Zone,
    /// The language of texts that name none
    pub locale: Locale,
}

/// A moment seen in a time zone and a language, or an invalid date with its reason.
#[derive(Clone, Debug)]
pub struct DateTime {
    moment: Result<Moment, Box<Invalid>>,
    locale: Locale,
}

/// The parts of a valid date.
#[derive(Clone, Debug)]
pub(super) struct Moment {
    pub ts: f64,
    /// Minutes ahead of UTC
    pub offset: f64,
    pub civil: Civil,
    pub zone: Zone,
}

impl DateTime {
    /// The moment `ts` milliseconds after the start of 1970.
    pub fn from_millis(ts: f64, zone: Zone, locale: Locale) -> Self {
        let offset = zone.offset(ts);
        Self::with_offset(ts, offset, zone, locale)
    }

    /// The present moment.
    pub fn now(settings: &Settings) -> Self {
        Self::from_millis(settings.now, settings.zone.clone(), settings.locale.clone())
    }

    /// The moment of a JavaScript `Date`, as the settings see it.
    pub fn from_js_date(ms: f64, settings: &Settings) -> Self {
        Self::from_millis(ms, settings.zone.clone(), settings.locale.clone())
    }

    /// A date that is none.
    pub fn invalid(invalid: Invalid) -> Self {
        Self { moment: Err(Box::new(invalid)), locale: Locale::default() }
    }

    /// A date whose zone does not exist.
    pub fn unsupported_zone(name: &str) -> Self {
        Self::invalid(Invalid::new("unsupported zone", format!("the zone \"{name}\" is not supported")))
    }

    /// The moment a wall clock of the zone shows `civil`.
    pub(super) fn from_civil(civil: Civil, guess: f64, zone: Zone, locale: Locale) -> Self {
        let (ts, offset) = zone.resolve(civil, guess);
        Self::with_offset(ts, offset, zone, locale)
    }

    fn with_offset(ts: f64, offset: f64, zone: Zone, locale: Locale) -> Self {
        if ts.is_nan() || ts.abs() > MAX_TS {
            return Self { locale, ..Self::invalid(Invalid::reason("invalid input")) };
        }
        let civil = Civil::from_ms(ts + offset * 60_000.0);
        Self { moment: Ok(Moment { ts, offset, civil, zone }), locale }
    }

    pub(super) fn moment(&self) -> Option<&Moment> {
        self.moment.as_ref().ok()
    }

    /// Whether this is a date at all.
    pub fn is_valid(&self) -> bool {
        self.moment.is_ok()
    }

    /// Why it is none.
    pub fn invalid_reason(&self) -> Option<&Invalid> {
        self.moment.as_ref().err().map(Box::as_ref)
    }

    /// The language it is written in.
    pub fn locale(&self) -> &Locale {
        &self.locale
    }

    /// Milliseconds since the start of 1970; not a number when invalid.
    pub fn to_millis(&self) -> f64 {
        self.moment().map_or(f64::NAN, |moment| moment.ts)
    }

    /// `toString()`: ISO 8601, or `Invalid DateTime`.
    pub fn to_text(&self) -> Text {
        self.to_iso().map_or_else(|| "Invalid DateTime".into(), Text::from)
    }

    /// The zone it is seen in.
    pub fn zone(&self) -> Option<&Zone> {
        self.moment().map(|moment| &moment.zone)
    }

    /// Minutes ahead of UTC.
    pub fn offset(&self) -> f64 {
        self.moment().map_or(f64::NAN, |moment| moment.offset)
    }

    fn civil(&self, part: impl Fn(&Civil) -> f64) -> f64 {
        self.moment().map_or(f64::NAN, |moment| part(&moment.civil))
    }

    /// The year.
    pub fn year(&self) -> f64 {
        self.civil(|civil| civil.year)
    }

    /// The quarter, 1 to 4.
    pub fn quarter(&self) -> f64 {
        (self.month() / 3.0).ceil()
    }

    /// The month, 1 to 12.
    pub fn month(&self) -> f64 {
        self.civil(|civil| civil.month)
    }

    /// The day of the month.
    pub fn day(&self) -> f64 {
        self.civil(|civil| civil.day)
    }

    /// The hour, 0 to 23.
    pub fn hour(&self) -> f64 {
        self.civil(|civil| civil.hour)
    }

    /// The minute.
    pub fn minute(&self) -> f64 {
        self.civil(|civil| civil.minute)
    }

    /// The second.
    pub fn second(&self) -> f64 {
        self.civil(|civil| civil.second)
    }

    /// The millisecond.
    pub fn millisecond(&self) -> f64 {
        self.civil(|civil| civil.millisecond)
    }

    /// The day of the ISO week, 1 (Monday) to 7.
    pub fn weekday(&self) -> f64 {
        self.civil(Civil::weekday)
    }

    /// The ISO week.
    pub fn week_number(&self) -> f64 {
        self.iso_week().map_or(f64::NAN, |week| week.week)
    }

    /// The year the ISO week belongs to.
    pub fn week_year(&self) -> f64 {
        self.iso_week().map_or(f64::NAN, |week| week.year)
    }

    /// The day of the year.
    pub fn ordinal(&self) -> f64 {
        self.civil(Civil::ordinal)
    }

    /// The day of the week as the language counts it.
    pub fn local_weekday(&self) -> f64 {
        self.local_week().map_or(f64::NAN, |week| week.weekday)
    }

    /// The week as the language counts it.
    pub fn local_week_number(&self) -> f64 {
        self.local_week().map_or(f64::NAN, |week| week.week)
    }

    /// The year that week belongs to.
    pub fn local_week_year(&self) -> f64 {
        self.local_week().map_or(f64::NAN, |week| week.year)
    }

    /// The number of days in its month.
    pub fn days_in_month(&self) -> f64 {
        self.civil(|civil| civil::days_in_month(civil.year, civil.month))
    }

    /// The number of days in its year.
    pub fn days_in_year(&self) -> f64 {
        self.civil(|civil| civil::days_in_year(civil.year))
    }

    /// The number of ISO weeks in its ISO year.
    pub fn weeks_in_week_year(&self) -> f64 {
        self.iso_week().map_or(f64::NAN, |week| civil::weeks_in(week.year, 1.0, 4.0))
    }

    /// Whether its year has 366 days.
    pub fn is_in_leap_year(&self) -> bool {
        self.moment().is_some_and(|moment| civil::is_leap(moment.civil.year))
    }

    /// Whether summer time holds: the offset is larger than in January or in May of its year.
    pub fn is_in_dst(&self) -> bool {
        let Some(moment) = self.moment() else { return false };
        if moment.zone.is_fixed() {
            return false;
        }
        let offset_in = |month: f64, day: f64| {
            let day = day.min(civil::days_in_month(moment.civil.year, month));
            let there = Civil { month, day, ..moment.civil };
            moment.zone.resolve(there, moment.offset).1
        };
        moment.offset > offset_in(1.0, 1.0) || moment.offset > offset_in(5.0, moment.civil.day)
    }

    /// The name of its month.
    pub fn month_name(&self, width: Width) -> Option<&'static str> {
        let month = self.moment()?.civil.month as usize;
        self.locale.months(width, true).get(month - 1).map(String::as_str)
    }

    /// The name of its weekday.
    pub fn weekday_name(&self, width: Width) -> Option<&'static str> {
        let weekday = self.moment()?.civil.weekday() as usize;
        self.locale.weekdays(width, true).get(weekday - 1).map(String::as_str)
    }

    pub(super) fn iso_week(&self) -> Option<WeekDate> {
        self.moment().map(|moment| moment.civil.week(1.0, 4.0))
    }

    pub(super) fn local_week(&self) -> Option<WeekDate> {
        let (first_weekday, min_days) = self.locale.week();
        self.moment().map(|moment| moment.civil.week(first_weekday, min_days))
    }

    /// The same date in another language.
    pub fn with_locale(mut self, locale: Locale) -> Self {
        self.locale = locale;
        self
    }

    /// The same moment in another zone; with `keep_local_time` the same wall clock time there.
    pub fn set_zone(&self, zone: Zone, keep_local_time: bool) -> Self {
        match self.moment() {
            Some(moment) if keep_local_time => {
                let guess = zone.offset(moment.ts);
                Self::from_civil(moment.civil, guess, zone, self.locale.clone())
            }
            Some(moment) => Self::from_millis(moment.ts, zone, self.locale.clone()),
            None => self.clone(),
        }
    }

    /// Later by a duration. Months and years keep the day where the month has it; days and larger units keep the
    /// wall clock time, smaller ones count elapsed time; a fraction of a larger unit counts as elapsed time.
    pub fn plus(&self, duration: &Duration) -> Self {
        let Some(Moment { offset, civil, zone, .. }) = self.moment() else { return self.clone() };
        if !duration.is_valid() {
            return Self {
                locale: self.locale.clone(),
                ..Self::invalid(Invalid::reason("invalid duration"))
            };
        }
        let whole = |unit| duration.get(unit).trunc();
        let year = civil.year + whole(Unit::Years);
        let month = civil.month + whole(Unit::Months) + whole(Unit::Quarters) * 3.0;
        let day =
            civil.day.min(civil::days_in_month(year, month)) + whole(Unit::Days) + whole(Unit::Weeks) * 7.0;
        let (ts, offset) = zone.resolve(Civil { year, month, day, ..*civil }, *offset);

        let elapsed = Unit::ALL.map(|unit| {
            let value = duration.get(unit);
            (unit, if unit.is_clock() { value } else { value.fract() })
        });
        let elapsed = Duration::new(elapsed).to_millis();
        if elapsed == 0.0 {
            return Self::with_offset(ts, offset, zone.clone(), self.locale.clone());
        }
        Self::from_millis(ts + elapsed, zone.clone(), self.locale.clone())
    }

    /// Earlier by a duration.
    pub fn minus(&self, duration: &Duration) -> Self {
        self.plus(&duration.negate())
    }

    /// The first millisecond of the unit it lies in; with `locale_weeks` weeks start where the language says.
    pub fn start_of(&self, unit: Unit, locale_weeks: bool) -> Self {
        let Some(Moment { civil, offset, zone, .. }) = self.moment() else { return self.clone() };
        let mut start = *civil;
        if unit != Unit::Milliseconds {
            start.millisecond = 0.0;
        }
        if unit <= Unit::Minutes {
            start.second = 0.0;
        }
        if unit <= Unit::Hours {
            start.minute = 0.0;
        }
        if unit <= Unit::Days {
            start.hour = 0.0;
        }
        match unit {
            Unit::Years => (start.month, start.day) = (1.0, 1.0),
            Unit::Quarters => {
                (start.month, start.day) = (((start.month - 1.0) / 3.0).floor() * 3.0 + 1.0, 1.0)
            }
            Unit::Months => start.day = 1.0,
            Unit::Weeks => {
                let first = if locale_weeks { self.locale.week().0 } else { 1.0 };
                start.day -= (civil.weekday() - first).rem_euclid(7.0);
            }
            _ => {}
        }
        Self::from_civil(start, *offset, zone.clone(), self.locale.clone())
    }

    /// The last millisecond of the unit it lies in.
    pub fn end_of(&self, unit: Unit, locale_weeks: bool) -> Self {
        self.plus(&Duration::new([(unit, 1.0)]))
            .start_of(unit, locale_weeks)
            .minus(&Duration::from_millis(1.0))
    }

    /// Whether both lie in the same year, month, ... in the zone of this one.
    pub fn has_same(&self, other: &DateTime, unit: Unit, locale_weeks: bool) -> bool {
        let Some(Moment { zone, .. }) = self.moment() else { return false };
        let adjusted = self.set_zone(other.zone().unwrap_or(zone).clone(), true);
        let ts = other.to_millis();
        adjusted.start_of(unit, locale_weeks).to_millis() <= ts
            && ts <= adjusted.end_of(unit, locale_weeks).to_millis()
    }

    /// Whole days since the start of 1970 on the wall clock.
    pub(super) fn day_number(&self) -> f64 {
        self.moment().map_or(f64::NAN, |moment| (moment.civil.to_ms() / DAY_MS).floor())
    }
}

impl PartialEq for DateTime {
    /// Luxon's `equals`: the same moment in the same zone and language.
    fn eq(&self, other: &Self) -> bool {
        match (self.moment(), other.moment()) {
            (Some(left), Some(right)) => {
                left.ts == right.ts && left.zone == right.zone && self.locale == other.locale
            }
            _ => false,
        }
    }
}
