//! Dates from their fields: `DateTime.fromObject` and `set`.

use super::Error;
use super::civil::{self, Civil, WeekDate};
use super::datetime::{DateTime, Moment, Settings};
use super::duration::Invalid;
use super::locale::Locale;
use super::unit::Field;
use super::zone::Zone;

/// Some of the fields of a date.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Fields {
    values: [Option<f64>; 12],
}

/// Ways to name a day, each with its fields from the largest to the smallest.
const GREGORIAN: [Field; 3] = [Field::Year, Field::Month, Field::Day];
const WEEK: [Field; 3] = [Field::WeekYear, Field::WeekNumber, Field::Weekday];
const ORDINAL: [Field; 2] = [Field::Year, Field::Ordinal];
const CLOCK: [Field; 4] = [Field::Hour, Field::Minute, Field::Second, Field::Millisecond];

impl Fields {
    /// Sets a field.
    pub fn set(&mut self, field: Field, value: f64) {
        self.values[field as usize] = Some(value);
    }

    /// The same fields with one more.
    pub fn with(mut self, field: Field, value: f64) -> Self {
        self.set(field, value);
        self
    }

    /// A field, if it is given.
    pub fn get(&self, field: Field) -> Option<f64> {
        self.values[field as usize]
    }

    /// Whether no field is given.
    pub fn is_empty(&self) -> bool {
        self.values.iter().all(Option::is_none)
    }

    fn has(&self, fields: &[Field]) -> bool {
        fields.iter().any(|field| self.get(*field).is_some())
    }

    fn number(&self, field: Field) -> f64 {
        self.get(field).unwrap_or(0.0)
    }

    /// Refuses fields that name the day in two ways.
    fn check_mix(&self, names_week: bool) -> Result<(), Error> {
        if self.has(&[Field::Year, Field::Month, Field::Day, Field::Ordinal]) && names_week {
            return Err(Error::new("Can't mix weekYear/weekNumber units with year/month/day or ordinals"));
        }
        if self.has(&[Field::Month, Field::Day]) && self.has(&[Field::Ordinal]) {
            return Err(Error::new("Can't mix ordinal dates with month/day"));
        }
        Ok(())
    }

    fn all_of(civil: &Civil) -> Self {
        let WeekDate { year, week, weekday } = civil.week(1.0, 4.0);
        let clock = [civil.hour, civil.minute, civil.second, civil.millisecond];
        let day = [civil.year, civil.month, civil.day, year, week, weekday, civil.ordinal()];
        let names = [GREGORIAN, WEEK].concat().into_iter().chain([Field::Ordinal]).chain(CLOCK);
        let mut fields = Fields::default();
        names.zip(day.into_iter().chain(clock)).for_each(|(field, value)| fields.set(field, value));
        fields
    }

    fn to_civil(self, day: Civil) -> Civil {
        Civil {
            hour: self.number(Field::Hour),
            minute: self.number(Field::Minute),
            second: self.number(Field::Second),
            millisecond: self.number(Field::Millisecond),
            ..day
        }
    }

    fn week_day(&self) -> Civil {
        let week = WeekDate {
            year: self.number(Field::WeekYear),
            week: self.number(Field::WeekNumber),
            weekday: self.number(Field::Weekday),
        };
        week.to_civil(1.0, 4.0)
    }

    fn gregorian_day(&self) -> Civil {
        Civil::day(self.number(Field::Year), self.number(Field::Month), self.number(Field::Day))
    }

    fn ordinal_day(&self) -> Civil {
        civil::from_ordinal(self.number(Field::Year), self.number(Field::Ordinal))
    }
}

impl DateTime {
    /// The date with these fields: larger fields that are missing come from the present moment, smaller ones start at
    /// their first value. `specific_offset` decides between the two moments of a repeated local time.
    pub fn from_fields(
        mut fields: Fields,
        zone: Zone,
        locale: Locale,
        specific_offset: Option<f64>,
        settings: &Settings,
    ) -> Result<Self, Error> {
        let given = |field| fields.get(field).is_some_and(|value| value != 0.0);
        let names_week = given(Field::WeekYear) || given(Field::WeekNumber);
        fields.check_mix(names_week)?;
        let gregorian = fields.has(&GREGORIAN);
        let weekday = fields.get(Field::Weekday).filter(|weekday| *weekday != 0.0);
        let by_week = names_week || (weekday.is_some() && !gregorian);
        let by_ordinal = fields.get(Field::Ordinal).is_some();
        let order: &[Field] = match (by_week, by_ordinal) {
            (true, _) => &WEEK,
            (false, true) => &ORDINAL,
            (false, false) => &GREGORIAN,
        };

        let guess = specific_offset.unwrap_or_else(|| zone.offset(settings.now));
        let now = Fields::all_of(&Civil::from_ms(settings.now + guess * 60_000.0));
        let mut found = false;
        for field in order.iter().chain(&CLOCK) {
            if fields.get(*field).is_some() {
                found = true;
            } else {
                let first = if CLOCK.contains(field) { 0.0 } else { 1.0 };
                fields.set(*field, if found { first } else { now.number(*field) });
            }
        }

        if let Some(invalid) = out_of_range(&fields, order) {
            return Ok(Self::invalid(invalid));
        }
        let day = match (by_week, by_ordinal) {
            (true, _) => fields.week_day(),
            (false, true) => fields.ordinal_day(),
            (false, false) => fields.gregorian_day(),
        };
        let date = Self::from_civil(fields.to_civil(day), guess, zone, locale);
        if gregorian && weekday.is_some_and(|weekday| weekday != date.weekday()) {
            let iso = date.to_iso().unwrap_or_default();
            let weekday = weekday.unwrap_or_default();
            let explanation = format!("you can't specify both a weekday of {weekday} and a date of {iso}");
            return Ok(Self::invalid(Invalid::new("mismatched weekday", explanation)));
        }
        Ok(date)
    }

    /// The same date with some fields replaced; values out of range carry over.
    pub fn set(&self, fields: &Fields) -> Result<Self, Error> {
        let Some(Moment { civil, offset, zone, .. }) = self.moment() else { return Ok(self.clone()) };
        fields.check_mix(fields.has(&WEEK))?;
        let mut all = Fields::all_of(civil);
        for (value, given) in all.values.iter_mut().zip(fields.values) {
            *value = given.or(*value);
        }
        let day = if fields.has(&WEEK) {
            all.week_day()
        } else if fields.has(&[Field::Ordinal]) {
            all.ordinal_day()
        } else {
            let mut day = all.gregorian_day();
            if fields.get(Field::Day).is_none() {
                day.day = day.day.min(civil::days_in_month(day.year, day.month));
            }
            day
        };
        Ok(Self::from_civil(all.to_civil(day), *offset, zone.clone(), self.locale().clone()))
    }
}

/// The first field that is out of its range.
fn out_of_range(fields: &Fields, order: &[Field]) -> Option<Invalid> {
    let number = |field| fields.number(field);
    let midnight = number(Field::Hour) == 24.0 && CLOCK[1..].iter().all(|field| number(*field) == 0.0);
    let range = |field: Field| match field {
        Field::Month => ("month", 1.0, 12.0),
        Field::Day => ("day", 1.0, civil::days_in_month(number(Field::Year), number(Field::Month))),
        Field::WeekNumber => ("week", 1.0, civil::weeks_in(number(Field::WeekYear), 1.0, 4.0)),
        Field::Weekday => ("weekday", 1.0, 7.0),
        Field::Ordinal => ("ordinal", 1.0, civil::days_in_year(number(Field::Year))),
        Field::Hour => ("hour", 0.0, if midnight { 24.0 } else { 23.0 }),
        Field::Minute => ("minute", 0.0, 59.0),
        Field::Second => ("second", 0.0, 59.0),
        Field::Millisecond => ("millisecond", 0.0, 999.0),
        Field::WeekYear => ("weekYear", f64::NEG_INFINITY, f64::INFINITY),
        Field::Year | Field::Quarter => ("year", f64::NEG_INFINITY, f64::INFINITY),
    };
    order.iter().chain(&CLOCK).find_map(|field| {
        let (name, first, last) = range(*field);
        let value = number(*field);
        let fits = value.fract() == 0.0 && (first..=last).contains(&value);
        (!fits).then(|| {
            let explanation = format!("you specified {value} (of type number) as a {name}, which is invalid");
            Invalid::new("unit out of range", explanation)
        })
    })
}
