//! Lengths of time in units of the calendar and the clock.

use super::Locale;
use super::civil::DAY_MS;
use super::unit::Unit;

/// A length of time, such as one month and 3.5 hours. Units do not carry over into each other by themselves.
#[derive(Clone, Debug, PartialEq)]
pub struct Duration {
    /// One slot per unit, largest first; an absent unit is not an explicit zero.
    values: [Option<f64>; 9],
    accuracy: Accuracy,
    locale: Locale,
    invalid: Option<Invalid>,
}

/// Why a value is not a date, duration or interval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// A short constant name of the reason
    pub reason: String,
    /// What is wrong, in a sentence
    pub explanation: Option<String>,
}

impl Invalid {
    /// A reason with its explanation.
    pub fn new(reason: &str, explanation: impl Into<String>) -> Self {
        Self { reason: reason.to_owned(), explanation: Some(explanation.into()) }
    }

    /// A reason that speaks for itself.
    pub fn reason(reason: &str) -> Self {
        Self { reason: reason.to_owned(), explanation: None }
    }
}

/// How units convert into each other where the calendar decides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Accuracy {
    /// A month has 30 days, a year 365
    #[default]
    Casual,
    /// Averages over 400 years
    Longterm,
}

impl Accuracy {
    /// How many `small` make one `large`. Casual units do not add up: a year has 52 weeks and 365 days.
    fn ratio(self, large: Unit, small: Unit) -> f64 {
        if large == small {
            return 1.0;
        }
        match (large, small) {
            (Unit::Years, Unit::Quarters) => return 4.0,
            (Unit::Years, Unit::Months) => return 12.0,
            (Unit::Quarters, Unit::Months) => return 3.0,
            _ => {}
        }
        if self == Accuracy::Casual {
            match (large, small) {
                (Unit::Years, Unit::Weeks) => return 52.0,
                (Unit::Quarters, Unit::Weeks) => return 13.0,
                (Unit::Months, Unit::Weeks) => return 4.0,
                _ => {}
            }
        }
        self.ms(large) / self.ms(small)
    }

    fn ms(self, unit: Unit) -> f64 {
        let (year, month) = match self {
            Accuracy::Casual => (365.0, 30.0),
            Accuracy::Longterm => (146_097.0 / 400.0, 146_097.0 / 4800.0),
        };
        let quarter = if self == Accuracy::Casual { 91.0 } else { year / 4.0 };
        match unit {
            Unit::Years => year * DAY_MS,
            Unit::Quarters => quarter * DAY_MS,
            Unit::Months => month * DAY_MS,
            Unit::Weeks => 7.0 * DAY_MS,
            Unit::Days => DAY_MS,
            Unit::Hours => 3_600_000.0,
            Unit::Minutes => 60_000.0,
            Unit::Seconds => 1000.0,
            Unit::Milliseconds => 1.0,
        }
    }
}

impl Duration {
    /// A duration of the units given; a unit given twice counts once, the last wins.
    pub fn new(units: impl IntoIterator<Item = (Unit, f64)>) -> Self {
        let mut values = [None; 9];
        for (unit, value) in units {
            values[unit as usize] = Some(value);
        }
        Self { values, accuracy: Accuracy::default(), locale: Locale::default(), invalid: None }
    }

    /// A duration of milliseconds.
    pub fn from_millis(ms: f64) -> Self {
        Self::new([(Unit::Milliseconds, ms)])
    }

    /// A duration that is none.
    pub fn invalid(invalid: Invalid) -> Self {
        Self { invalid: Some(invalid), ..Self::new([]) }
    }

    /// The same duration written in another locale.
    pub fn with_locale(mut self, locale: Locale) -> Self {
        self.locale = locale;
        self
    }

    /// The same duration converted by other rules.
    pub fn with_accuracy(mut self, accuracy: Accuracy) -> Self {
        self.accuracy = accuracy;
        self
    }

    /// The locale it is written in.
    pub fn locale(&self) -> &Locale {
        &self.locale
    }

    /// How its units convert.
    pub fn accuracy(&self) -> Accuracy {
        self.accuracy
    }

    /// Whether this is a duration at all.
    pub fn is_valid(&self) -> bool {
        self.invalid.is_none()
    }

    /// Why it is none.
    pub fn invalid_reason(&self) -> Option<&Invalid> {
        self.invalid.as_ref()
    }

    /// The number of a unit as it stands here, without converting the others: zero when absent.
    pub fn get(&self, unit: Unit) -> f64 {
        if self.is_valid() { self.values[unit as usize].unwrap_or(0.0) } else { f64::NAN }
    }

    /// The units present, largest first.
    pub fn units(&self) -> impl Iterator<Item = (Unit, f64)> + '_ {
        Unit::ALL.into_iter().filter_map(|unit| Some((unit, self.values[unit as usize]?)))
    }

    /// The whole length in one unit.
    pub fn as_unit(&self, unit: Unit) -> f64 {
        self.shift_to(&[unit]).get(unit)
    }

    /// The whole length in milliseconds.
    pub fn to_millis(&self) -> f64 {
        if !self.is_valid() {
            return f64::NAN;
        }
        let smallest = self.values[Unit::Milliseconds as usize].unwrap_or(0.0);
        let larger = Unit::ALL.into_iter().rev().skip(1);
        larger.fold(smallest, |sum, unit| match self.values[unit as usize] {
            Some(value) if value != 0.0 => sum + value * self.accuracy.ms(unit),
            _ => sum,
        })
    }

    /// The sum of both, unit by unit.
    pub fn plus(&self, other: &Duration) -> Self {
        if !self.is_valid() {
            return self.clone();
        }
        let units = Unit::ALL.into_iter().filter_map(|unit| {
            let (left, right) = (self.values[unit as usize], other.values[unit as usize]);
            (left.is_some() || right.is_some()).then(|| (unit, right.unwrap_or(0.0) + left.unwrap_or(0.0)))
        });
        self.with_units(units)
    }

    /// The difference of both, unit by unit.
    pub fn minus(&self, other: &Duration) -> Self {
        self.plus(&other.negate())
    }

    /// Every unit with the opposite sign.
    pub fn negate(&self) -> Self {
        self.with_units(self.units().map(|(unit, value)| (unit, if value == 0.0 { 0.0 } else { -value })))
    }

    /// Every unit times a number.
    pub fn times(&self, factor: f64) -> Self {
        self.with_units(self.units().map(|(unit, value)| (unit, value * factor)))
    }

    /// The same duration with some units replaced.
    pub fn set(&self, units: impl IntoIterator<Item = (Unit, f64)>) -> Self {
        let mut result = self.clone();
        for (unit, value) in units {
            result.values[unit as usize] = Some(value);
        }
        result
    }

    /// The same length in other units; a remainder stays as a fraction of the smallest.
    pub fn shift_to(&self, units: &[Unit]) -> Self {
        if !self.is_valid() || units.is_empty() {
            return self.clone();
        }
        let mut built = [None; 9];
        let mut left_over = [0.0; 9];
        let mut last = None;
        for unit in Unit::ALL {
            let own = self.values[unit as usize];
            if !units.contains(&unit) {
                left_over[unit as usize] = own.unwrap_or(0.0);
                continue;
            }
            last = Some(unit);
            let mut total = 0.0;
            for larger in Unit::ALL.into_iter().take(unit as usize) {
                total += self.accuracy.ratio(larger, unit) * std::mem::take(&mut left_over[larger as usize]);
            }
            total += own.unwrap_or(0.0);
            built[unit as usize] = Some(total.trunc());
            left_over[unit as usize] = (total * 1000.0 - total.trunc() * 1000.0) / 1000.0;
        }
        if let Some(last) = last {
            let total = built[last as usize].get_or_insert(0.0);
            for unit in Unit::ALL {
                let rest = left_over[unit as usize];
                if rest != 0.0 {
                    *total += rest / self.accuracy.ratio(last, unit);
                }
            }
        }
        let mut result = Self { values: built, ..self.clone() };
        result.carry();
        result
    }

    /// Carries whole larger units up and signs through, within the units present: 90 minutes of an hour and minutes.
    pub fn normalize(&self) -> Self {
        let mut result = self.clone();
        if self.is_valid() {
            result.carry();
        }
        result
    }

    /// Shifted to every unit but quarters, without those that are zero.
    pub fn rescale(&self) -> Self {
        let all = self.normalize().shift_to_all();
        all.with_units(all.units().filter(|(_, value)| *value != 0.0))
    }

    /// Shifted to every unit but quarters.
    pub fn shift_to_all(&self) -> Self {
        let units: Vec<Unit> = Unit::ALL.into_iter().filter(|unit| *unit != Unit::Quarters).collect();
        self.shift_to(&units)
    }

    /// Without units that are zero.
    pub fn remove_zeros(&self) -> Self {
        self.with_units(self.units().filter(|(_, value)| *value != 0.0))
    }

    fn with_units(&self, units: impl IntoIterator<Item = (Unit, f64)>) -> Self {
        let mut values = [None; 9];
        for (unit, value) in units {
            values[unit as usize] = Some(value);
        }
        Self { values, ..self.clone() }
    }

    fn carry(&mut self) {
        let sign = if self.to_millis() < 0.0 { -1.0 } else { 1.0 };
        let mut smaller: Option<Unit> = None;
        for unit in Unit::ALL.into_iter().rev() {
            let Some(value) = self.values[unit as usize] else { continue };
            if let Some(smaller) = smaller {
                let below = self.values[smaller as usize].unwrap_or(0.0);
                let ratio = self.accuracy.ratio(unit, smaller);
                let carried = (below * sign / ratio).floor();
                self.values[unit as usize] = Some(value + carried * sign);
                self.values[smaller as usize] = Some(below - carried * ratio * sign);
            }
            smaller = Some(unit);
        }
        let mut larger: Option<Unit> = None;
        for unit in Unit::ALL {
            let Some(value) = self.values[unit as usize] else { continue };
            if let Some(larger) = larger {
                let above = self.values[larger as usize].unwrap_or(0.0);
                let fraction = above % 1.0;
                self.values[larger as usize] = Some(above - fraction);
                self.values[unit as usize] = Some(value + fraction * self.accuracy.ratio(larger, unit));
            }
            larger = Some(unit);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_shift_by_casual_rules() {
        let duration =
            Duration::new([(Unit::Hours, 36.5)]).shift_to(&[Unit::Days, Unit::Hours, Unit::Minutes]);
        let units: Vec<_> = duration.units().collect();
        assert_eq!(units, [(Unit::Days, 1.0), (Unit::Hours, 12.0), (Unit::Minutes, 30.0)]);
        assert_eq!(Duration::new([(Unit::Years, 1.0)]).as_unit(Unit::Days), 365.0);
        assert_eq!(Duration::new([(Unit::Years, 1.0)]).as_unit(Unit::Weeks), 52.0);
    }

    #[test]
    fn normalising_carries_up_and_keeps_one_sign() {
        let duration = Duration::new([(Unit::Years, 2.0), (Unit::Days, 5000.0)]).normalize();
        assert_eq!(duration.units().collect::<Vec<_>>(), [(Unit::Years, 15.0), (Unit::Days, 255.0)]);
        let duration = Duration::new([(Unit::Hours, 12.0), (Unit::Minutes, -45.0)]).normalize();
        assert_eq!(duration.units().collect::<Vec<_>>(), [(Unit::Hours, 11.0), (Unit::Minutes, 15.0)]);
    }

    #[test]
    fn a_longterm_year_is_an_average_one() {
        let year = Duration::new([(Unit::Years, 1.0)]).with_accuracy(Accuracy::Longterm);
        assert_eq!(year.as_unit(Unit::Days), 365.2425);
    }
}
