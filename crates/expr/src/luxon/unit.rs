//! The units of calendar and clock that Luxon knows.

use super::Error;

/// A unit of a duration, from the largest to the smallest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unit {
    /// Calendar years
    Years,
    /// Calendar quarters: three months
    Quarters,
    /// Calendar months
    Months,
    /// Calendar weeks: seven days
    Weeks,
    /// Calendar days
    Days,
    /// 60 minutes
    Hours,
    /// 60 seconds
    Minutes,
    /// 1,000 milliseconds
    Seconds,
    /// The unit of timestamps
    Milliseconds,
}

impl Unit {
    /// Every unit, largest first.
    pub const ALL: [Unit; 9] = [
        Unit::Years,
        Unit::Quarters,
        Unit::Months,
        Unit::Weeks,
        Unit::Days,
        Unit::Hours,
        Unit::Minutes,
        Unit::Seconds,
        Unit::Milliseconds,
    ];

    /// Reads a unit in singular or plural, in any case.
    pub fn parse(name: &str) -> Result<Self, Error> {
        let lower = name.to_ascii_lowercase();
        let singular = lower.strip_suffix('s').unwrap_or(&lower);
        Unit::ALL
            .into_iter()
            .find(|unit| unit.singular() == singular)
            .ok_or_else(|| Error::new(format!("Invalid unit {name}")))
    }

    /// `years`, `quarters`, ...
    pub fn name(self) -> &'static str {
        match self {
            Unit::Years => "years",
            Unit::Quarters => "quarters",
            Unit::Months => "months",
            Unit::Weeks => "weeks",
            Unit::Days => "days",
            Unit::Hours => "hours",
            Unit::Minutes => "minutes",
            Unit::Seconds => "seconds",
            Unit::Milliseconds => "milliseconds",
        }
    }

    /// `year`, `quarter`, ...
    pub fn singular(self) -> &'static str {
        self.name().strip_suffix('s').expect("unit names are plurals")
    }

    /// Whether the length of the unit does not depend on the calendar.
    pub fn is_clock(self) -> bool {
        self >= Unit::Hours
    }
}

/// A field of a date that can be set: the units of a duration and the other ways to name a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// The year
    Year,
    /// The quarter, 1 to 4
    Quarter,
    /// The month, 1 to 12
    Month,
    /// The day of the month
    Day,
    /// The day of the year
    Ordinal,
    /// The year an ISO week belongs to
    WeekYear,
    /// The ISO week
    WeekNumber,
    /// The day of the ISO week, 1 (Monday) to 7
    Weekday,
    /// The hour
    Hour,
    /// The minute
    Minute,
    /// The second
    Second,
    /// The millisecond
    Millisecond,
}

impl Field {
    /// Reads a field in singular or plural, in any case.
    pub fn parse(name: &str) -> Result<Self, Error> {
        Ok(match name.to_ascii_lowercase().as_str() {
            "year" | "years" => Field::Year,
            "quarter" | "quarters" => Field::Quarter,
            "month" | "months" => Field::Month,
            "day" | "days" => Field::Day,
            "ordinal" => Field::Ordinal,
            "weekyear" | "weekyears" => Field::WeekYear,
            "weeknumber" | "weeksnumber" | "weeknumbers" => Field::WeekNumber,
            "weekday" | "weekdays" => Field::Weekday,
            "hour" | "hours" => Field::Hour,
            "minute" | "minutes" => Field::Minute,
            "second" | "seconds" => Field::Second,
            "millisecond" | "milliseconds" => Field::Millisecond,
            _ => return Err(Error::new(format!("Invalid unit {name}"))),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_read_in_singular_plural_and_any_case() {
        assert_eq!(Unit::parse("day").expect("a unit"), Unit::Days);
        assert_eq!(Unit::parse("MILLISECONDS").expect("a unit"), Unit::Milliseconds);
        assert_eq!(Unit::parse("fortnight").expect_err("no unit").to_string(), "Invalid unit fortnight");
    }
}
