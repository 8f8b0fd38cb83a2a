//! JavaScript's `Date`, in a process whose time zone is UTC.

mod parse;

use model::Text;

pub use parse::parse;

/// Days since 1970 of a date of the proleptic Gregorian calendar; `month` counts from 0 and may be out of range.
pub(crate) fn days_from_civil(year: f64, month: f64, day: f64) -> f64 {
    let year = year + (month / 12.0).floor();
    let month = month.rem_euclid(12.0);
    let shifted = if month < 2.0 { year - 1.0 } else { year };
    let era = (shifted / 400.0).floor();
    let year_of_era = shifted - era * 400.0;
    let day_of_year = ((153.0 * ((month + 10.0) % 12.0) + 2.0) / 5.0).floor();
    let day_of_era =
        year_of_era * 365.0 + (year_of_era / 4.0).floor() - (year_of_era / 100.0).floor() + day_of_year;
    era * 146_097.0 + day_of_era - 719_468.0 + (day - 1.0)
}

/// Calendar fields of a moment in UTC.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Fields {
    pub(crate) year: i64,
    /// From 0.
    pub(crate) month: i64,
    /// From 1.
    pub(crate) day: i64,
    pub(crate) hour: i64,
    pub(crate) minute: i64,
    pub(crate) second: i64,
    pub(crate) ms: i64,
    /// Sunday is 0.
    pub(crate) weekday: i64,
}

/// The calendar fields of a valid moment.
pub(crate) fn fields(ms: f64) -> Option<Fields> {
    if !ms.is_finite() {
        return None;
    }
    let days = (ms / 86_400_000.0).floor();
    let within = (ms - days * 86_400_000.0) as i64;
    let days = days as i64;
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let month = (shifted_month + 2) % 12;
    Some(Fields {
        year: year_of_era + era * 400 + i64::from(month < 2),
        month,
        day: day_of_year - (153 * shifted_month + 2) / 5 + 1,
        hour: within / 3_600_000,
        minute: within / 60_000 % 60,
        second: within / 1000 % 60,
        ms: within % 1000,
        weekday: (days + 4).rem_euclid(7),
    })
}

/// The furthest moment a date can hold, in milliseconds from 1970.
pub(crate) const FURTHEST: f64 = 8.64e15;
/// Short names of the months.
pub(crate) const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/// Short names of the days of the week, from Sunday.
pub(crate) const WEEKDAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

/// `toISOString()`; `None` for an invalid date.
pub(crate) fn to_iso(ms: f64) -> Option<Text> {
    let Fields { year, month, day, hour, minute, second, ms, .. } = fields(ms)?;
    let year = match year {
        0..=9999 => ecow::eco_format!("{year:04}"),
        _ => ecow::eco_format!("{}{:06}", if year < 0 { '-' } else { '+' }, year.abs()),
    };
    Some(ecow::eco_format!("{year}-{:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z", month + 1))
}

/// `toString()`
pub(crate) fn to_text(ms: f64) -> Text {
    match fields(ms) {
        None => "Invalid Date".into(),
        Some(at) => ecow::eco_format!("{} {}", date_text(&at), time_text(&at)),
    }
}

/// `toDateString()`
pub(crate) fn date_text(at: &Fields) -> Text {
    let year =
        if at.year < 0 { ecow::eco_format!("-{:06}", -at.year) } else { ecow::eco_format!("{:04}", at.year) };
    ecow::eco_format!("{} {} {:02} {year}", WEEKDAYS[at.weekday as usize], MONTHS[at.month as usize], at.day)
}

/// `toTimeString()`
pub(crate) fn time_text(at: &Fields) -> Text {
    ecow::eco_format!(
        "{:02}:{:02}:{:02} GMT+0000 (Coordinated Universal Time)",
        at.hour,
        at.minute,
        at.second
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_and_days_are_inverse() {
        for days in (-800_000..800_000).step_by(97) {
            let at = fields(f64::from(days) * 86_400_000.0).expect("a finite moment");
            let back = days_from_civil(at.year as f64, at.month as f64, at.day as f64);
            assert_eq!(back, f64::from(days), "{at:?}");
        }
    }

    #[test]
    fn dates_are_written_as_v8_writes_them_in_utc() {
        assert_eq!(to_iso(0.0).as_deref(), Some("1970-01-01T00:00:00.000Z"));
        assert_eq!(
            to_text(1_704_067_199_000.0),
            "Sun Dec 31 2023 23:59:59 GMT+0000 (Coordinated Universal Time)"
        );
        assert_eq!(to_text(f64::NAN), "Invalid Date");
        assert_eq!(to_iso(-62_198_755_200_000.0).as_deref(), Some("-000001-01-01T00:00:00.000Z"));
    }
}
