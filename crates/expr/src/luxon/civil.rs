//! The proleptic Gregorian calendar without time zones: days, ISO weeks and ordinal days.

/// Milliseconds of a day.
pub(super) const DAY_MS: f64 = 86_400_000.0;

/// A date and time of day as a wall clock shows it. The fields may overflow until [`Civil::to_ms`] settles them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Civil {
    pub year: f64,
    pub month: f64,
    pub day: f64,
    pub hour: f64,
    pub minute: f64,
    pub second: f64,
    pub millisecond: f64,
}

/// A day named by its ISO week.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct WeekDate {
    pub year: f64,
    pub week: f64,
    pub weekday: f64,
}

impl Civil {
    /// Midnight of a day.
    pub(super) fn day(year: f64, month: f64, day: f64) -> Self {
        Self { year, month, day, hour: 0.0, minute: 0.0, second: 0.0, millisecond: 0.0 }
    }

    /// What a clock shows `ms` after the start of 1970 without leap seconds.
    pub(super) fn from_ms(ms: f64) -> Self {
        let ms = ms.trunc();
        let days = (ms / DAY_MS).floor();
        let rest = ms - days * DAY_MS;
        let (year, month, day) = date_of(days as i64);
        Self {
            hour: (rest / 3_600_000.0).floor(),
            minute: (rest / 60_000.0).floor() % 60.0,
            second: (rest / 1000.0).floor() % 60.0,
            millisecond: rest % 1000.0,
            ..Self::day(year as f64, month as f64, day as f64)
        }
    }

    /// Milliseconds since the start of 1970; fields out of range carry over.
    pub(super) fn to_ms(self) -> f64 {
        let months = self.month.trunc() - 1.0;
        let year = self.year.trunc() + (months / 12.0).floor();
        let month = months.rem_euclid(12.0) + 1.0;
        if year.is_nan() || year.abs() > 400_000.0 {
            return f64::NAN;
        }
        let days = days_since_epoch(year as i64, month as i64, 1) as f64 + self.day.trunc() - 1.0;
        days * DAY_MS
            + self.hour.trunc() * 3_600_000.0
            + self.minute.trunc() * 60_000.0
            + self.second.trunc() * 1000.0
            + self.millisecond.trunc()
    }

    /// 1 (Monday) to 7.
    pub(super) fn weekday(&self) -> f64 {
        let days = days_since_epoch(self.year as i64, self.month as i64, self.day as i64);
        ((days + 3).rem_euclid(7) + 1) as f64
    }

    /// The day of the year, from 1.
    pub(super) fn ordinal(&self) -> f64 {
        let year = self.year as i64;
        let day = days_since_epoch(year, self.month as i64, self.day as i64);
        (day - days_since_epoch(year, 1, 1) + 1) as f64
    }

    /// The week this day belongs to, for weeks that start on `first_weekday` and belong to the year that holds at
    /// least `min_days` of them (ISO: 1 and 4).
    pub(super) fn week(&self, first_weekday: f64, min_days: f64) -> WeekDate {
        let weekday = (self.weekday() - first_weekday).rem_euclid(7.0) + 1.0;
        let ordinal = self.ordinal();
        let week = ((ordinal - weekday + 14.0 - min_days) / 7.0).floor();
        if week < 1.0 {
            let year = self.year - 1.0;
            return WeekDate { year, week: weeks_in(year, first_weekday, min_days), weekday };
        }
        if week > weeks_in(self.year, first_weekday, min_days) {
            return WeekDate { year: self.year + 1.0, week: 1.0, weekday };
        }
        WeekDate { year: self.year, week, weekday }
    }
}

impl WeekDate {
    /// The first day of the year, month and day this names, as year and ordinal day carried over.
    pub(super) fn to_civil(self, first_weekday: f64, min_days: f64) -> Civil {
        let january_4 =
            (Civil::day(self.year, 1.0, min_days).weekday() - first_weekday).rem_euclid(7.0) + 1.0;
        let ordinal = self.week * 7.0 + self.weekday - january_4 - 7.0 + min_days;
        from_ordinal(self.year, ordinal)
    }
}

/// The day `ordinal` of a year, carried over when it lies outside.
pub(super) fn from_ordinal(year: f64, ordinal: f64) -> Civil {
    Civil::from_ms(Civil::day(year, 1.0, ordinal).to_ms())
}

/// 52 or 53.
pub(super) fn weeks_in(year: f64, first_weekday: f64, min_days: f64) -> f64 {
    let offset = |year: f64| {
        let weekday = (Civil::day(year, 1.0, 1.0).weekday() - first_weekday).rem_euclid(7.0);
        if weekday > 7.0 - min_days { weekday - 7.0 } else { weekday }
    };
    (days_in_year(year) - offset(year + 1.0) + offset(year)) / 7.0
}

/// Whether a year has 366 days.
pub(super) fn is_leap(year: f64) -> bool {
    year % 4.0 == 0.0 && (year % 100.0 != 0.0 || year % 400.0 == 0.0)
}

/// 365 or 366.
pub(super) fn days_in_year(year: f64) -> f64 {
    if is_leap(year) { 366.0 } else { 365.0 }
}

/// The length of a month; months outside 1 to 12 count on into other years.
pub(super) fn days_in_month(year: f64, month: f64) -> f64 {
    let index = (month - 1.0).rem_euclid(12.0);
    if index == 1.0 {
        let year = year + (month - 1.0 - index) / 12.0;
        return if is_leap(year) { 29.0 } else { 28.0 };
    }
    [31.0, 28.0, 31.0, 30.0, 31.0, 30.0, 31.0, 31.0, 30.0, 31.0, 30.0, 31.0][index as usize % 12]
}

/// Days from the start of 1970 to a day; by eras of 400 years, whose length is fixed.
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// The inverse of [`days_since_epoch`].
fn date_of(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day_of_year - (153 * shifted_month + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn iso_weeks_belong_to_the_year_of_their_thursday() {
        let week = |year, month, day| Civil::day(year, month, day).week(1.0, 4.0);
        assert_eq!(week(2021.0, 1.0, 3.0), WeekDate { year: 2020.0, week: 53.0, weekday: 7.0 });
        assert_eq!(week(2024.0, 12.0, 30.0), WeekDate { year: 2025.0, week: 1.0, weekday: 1.0 });
    }

    #[test]
    fn months_beyond_the_year_count_on() {
        assert_eq!(days_in_month(2023.0, 14.0), 29.0);
        assert_eq!(days_in_month(2025.0, -10.0), 29.0);
    }

    proptest! {
        #[test]
        fn milliseconds_and_fields_are_the_same_moment(ms in -8_000_000_000_000_000i64..8_000_000_000_000_000) {
            let civil = Civil::from_ms(ms as f64);
            prop_assert_eq!(civil.to_ms(), ms as f64);
        }

        #[test]
        fn a_week_date_leads_back_to_its_day(days in -200_000i64..200_000, first in 1..=7, min in 1..=7) {
            let civil = Civil::from_ms(days as f64 * DAY_MS);
            let week = civil.week(first as f64, min as f64);
            prop_assert_eq!(week.to_civil(first as f64, min as f64), civil);
        }
    }
}
