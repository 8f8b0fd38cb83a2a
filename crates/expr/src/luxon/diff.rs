//! The time between two dates, counted in calendar units.

use super::datetime::DateTime;
use super::duration::{Duration, Invalid};
use super::unit::Unit;

impl DateTime {
    /// How much later this is than `other`, in the units asked for: whole steps of the calendar in the larger ones,
    /// the rest in the smallest.
    pub fn diff(&self, other: &DateTime, units: &[Unit]) -> Duration {
        if !self.is_valid() || !other.is_valid() {
            return Duration::invalid(Invalid::reason("created by diffing an invalid DateTime"));
        }
        let later = other.to_millis() > self.to_millis();
        let (earlier, latest) = if later { (self, other) } else { (other, self) };
        let duration = between(earlier, latest, units).with_locale(self.locale().clone());
        if later { duration.negate() } else { duration }
    }
}

fn between(earlier: &DateTime, later: &DateTime, units: &[Unit]) -> Duration {
    let mut cursor = earlier.clone();
    let mut counted: Vec<(Unit, f64)> = Vec::new();
    let mut beyond = None;
    for unit in Unit::ALL.into_iter().filter(|unit| !unit.is_clock() && units.contains(unit)) {
        counted.push((unit, steps(&cursor, later, unit)));
        let reached = earlier.plus(&Duration::new(counted.iter().copied()));
        if reached.to_millis() <= later.to_millis() {
            cursor = reached.clone();
            beyond = Some(reached);
            continue;
        }
        let mut back = || {
            let (_, count) = counted.last_mut().expect("a unit was just pushed");
            *count -= 1.0;
            earlier.plus(&Duration::new(counted.iter().copied()))
        };
        let previous = back();
        if previous.to_millis() > later.to_millis() {
            // Months of different lengths can overshoot twice.
            cursor = back();
            beyond = Some(previous);
        } else {
            cursor = previous;
            beyond = Some(reached);
        }
    }

    let rest = later.to_millis() - cursor.to_millis();
    let clock: Vec<Unit> = units.iter().copied().filter(|unit| unit.is_clock()).collect();
    if !clock.is_empty() {
        return Duration::from_millis(rest).shift_to(&clock).plus(&Duration::new(counted));
    }
    if let (Some((unit, count)), Some(mut beyond)) = (counted.last_mut(), beyond) {
        if beyond.to_millis() < later.to_millis() {
            beyond = cursor.plus(&Duration::new([(*unit, 1.0)]));
        }
        if beyond.to_millis() != cursor.to_millis() {
            *count += rest / (beyond.to_millis() - cursor.to_millis());
        }
    }
    Duration::new(counted)
}

/// How many steps of a unit the calendar shows between two dates; one too many when the later is earlier in its unit.
fn steps(earlier: &DateTime, later: &DateTime, unit: Unit) -> f64 {
    let years = later.year() - earlier.year();
    let days = later.day_number() - earlier.day_number();
    match unit {
        Unit::Years => years,
        Unit::Quarters => later.quarter() - earlier.quarter() + years * 4.0,
        Unit::Months => later.month() - earlier.month() + years * 12.0,
        Unit::Weeks => (days / 7.0).trunc(),
        _ => days,
    }
}
