//! What texts in the fixed formats say: fields and zones.

use super::Fields;
use super::duration::Duration;
use super::iso::Reading;
use super::locale::Locale;
use super::unit::{Field, Unit};
use super::zone::Zone;

/// Reads ISO 8601: a date, a time or both, with the zone that ends it.
pub(super) fn read_iso(text: &str) -> Option<Reading> {
    let date_forms: [fn(&mut Cursor<'_>, &mut Fields) -> Option<()>; 3] =
        [calendar_date, week_date, ordinal_date];
    date_forms
        .into_iter()
        .find_map(|read_date| {
            let mut cursor = Cursor(text);
            let mut fields = Fields::default();
            read_date(&mut cursor, &mut fields)?;
            let mut zone = None;
            if cursor.eat_any(['T', 't']) {
                zone = cursor.time_and_zone(&mut fields)?;
            } else {
                midnight(&mut fields);
            }
            cursor.end()?;
            Some(Reading { fields, zone, offset: None })
        })
        .or_else(|| {
            let mut cursor = Cursor(text);
            let mut fields = Fields::default();
            let zone = cursor.time_and_zone(&mut fields)?;
            cursor.end()?;
            Some(Reading { fields, zone, offset: None })
        })
}

fn midnight(fields: &mut Fields) {
    for field in [Field::Hour, Field::Minute, Field::Second] {
        fields.set(field, 0.0);
    }
}

fn calendar_date(cursor: &mut Cursor<'_>, fields: &mut Fields) -> Option<()> {
    let year = match cursor.sign() {
        Some(sign) => sign * cursor.digits(6)?,
        None => cursor.digits(4)?,
    };
    let month = cursor.after('-', 2);
    let day = month.and_then(|_| cursor.after('-', 2));
    fields.set(Field::Year, year);
    fields.set(Field::Month, month.unwrap_or(1.0));
    fields.set(Field::Day, day.unwrap_or(1.0));
    Some(())
}

fn week_date(cursor: &mut Cursor<'_>, fields: &mut Fields) -> Option<()> {
    fields.set(Field::WeekYear, cursor.digits(4)?);
    cursor.eat('-');
    if !cursor.eat('W') {
        return None;
    }
    fields.set(Field::WeekNumber, cursor.digits(2)?);
    if let Some(weekday) = cursor.after('-', 1) {
        fields.set(Field::Weekday, weekday);
    }
    Some(())
}

fn ordinal_date(cursor: &mut Cursor<'_>, fields: &mut Fields) -> Option<()> {
    fields.set(Field::Year, cursor.digits(4)?);
    fields.set(Field::Ordinal, cursor.after('-', 3)?);
    Some(())
}

/// Reads a date, a time or both as SQL writes them.
pub(super) fn read_sql(text: &str) -> Option<Reading> {
    let dated = || {
        let mut cursor = Cursor(text);
        let mut fields = Fields::default();
        for (field, digits) in [(Field::Year, 4), (Field::Month, 2), (Field::Day, 2)] {
            if field != Field::Year && !cursor.eat('-') {
                return None;
            }
            fields.set(field, cursor.digits(digits)?);
        }
        if !cursor.eat(' ') {
            midnight(&mut fields);
            cursor.end()?;
            return Some(Reading { fields, zone: None, offset: None });
        }
        sql_time(cursor, fields)
    };
    dated().or_else(|| sql_time(Cursor(text), Fields::default()))
}

fn sql_time(mut cursor: Cursor<'_>, mut fields: Fields) -> Option<Reading> {
    cursor.time(&mut fields)?;
    cursor.eat(' ');
    let zone = match cursor.offset() {
        Some(zone) => Some(Ok(zone)),
        None if cursor.0.is_empty() => None,
        None => Some(zone_named(std::mem::take(&mut cursor.0))),
    };
    cursor.end()?;
    Some(Reading { fields, zone, offset: None })
}

/// Reads a date of an e-mail.
pub(super) fn read_rfc2822(text: &str) -> Option<Reading> {
    let mut plain = String::new();
    let mut depth = 0;
    for c in text.chars() {
        match c {
            '(' => depth += 1,
            ')' if depth > 0 => depth -= 1,
            _ if depth > 0 => {}
            _ => plain.push(c),
        }
    }
    let words: Vec<&str> = plain.split_whitespace().collect();
    let (date, zone) = words.split_at_checked(words.len().checked_sub(1)?)?;
    let offset = match zone[0] {
        "GMT" | "Z" | "z" => 0.0,
        "EDT" => -240.0,
        "EST" | "CDT" => -300.0,
        "CST" | "MDT" => -360.0,
        "MST" | "PDT" => -420.0,
        "PST" => -480.0,
        zone => {
            let mut cursor = Cursor(zone);
            let sign = cursor.sign()?;
            let minutes = cursor.digits(2)? * 60.0 + cursor.digits(2)?;
            cursor.end()?;
            sign * minutes
        }
    };
    let date = date.join(" ");
    let weekday = if date.contains(',') { "EEE, " } else { "" };
    let reading =
        ["d MMM yyyy HH:mm:ss", "d MMM yyyy HH:mm", "d MMM yy HH:mm:ss", "d MMM yy HH:mm"].iter().find_map(
            |format| super::parse::read(&date, &format!("{weekday}{format}"), &Locale::en()).ok()?,
        )?;
    Some(Reading { zone: Some(Ok(Zone::Fixed(offset))), ..reading })
}

/// Reads an ISO duration such as `P3Y6M1W4DT12H30M5.5S`.
pub(super) fn read_duration(text: &str) -> Option<Duration> {
    let mut cursor = Cursor(text);
    let negative = cursor.eat('-');
    if !cursor.eat('P') {
        return None;
    }
    let sign = if negative { -1.0 } else { 1.0 };
    let mut units = Vec::new();
    let mut take = |cursor: &mut Cursor<'_>, letter: char, unit: Unit| {
        let mut ahead = Cursor(cursor.0);
        let minus = if ahead.eat('-') { -1.0 } else { 1.0 };
        let Some(whole) = ahead.some_digits(20) else { return };
        let comma = letter == 'S' && ahead.0.starts_with(',');
        let fraction = if comma || ahead.0.starts_with('.') {
            ahead.0 = &ahead.0[1..];
            let Some(fraction) = ahead.some_digits(20) else { return };
            fraction
        } else {
            ""
        };
        if !ahead.eat(letter) {
            return;
        }
        *cursor = ahead;
        let number = |text: &str| text.parse::<f64>().unwrap_or(f64::NAN);
        if unit == Unit::Seconds {
            units.push((unit, sign * minus * number(whole)));
            if !fraction.is_empty() {
                let milliseconds = (number(&format!("0.{fraction}")) * 1000.0).floor();
                units.push((Unit::Milliseconds, sign * minus * milliseconds));
            }
        } else {
            units.push((unit, sign * minus * number(&format!("{whole}.{fraction}0"))));
        }
    };
    for (letter, unit) in [('Y', Unit::Years), ('M', Unit::Months), ('W', Unit::Weeks), ('D', Unit::Days)] {
        take(&mut cursor, letter, unit);
    }
    if cursor.eat('T') {
        for (letter, unit) in [('H', Unit::Hours), ('M', Unit::Minutes), ('S', Unit::Seconds)] {
            take(&mut cursor, letter, unit);
        }
    }
    cursor.end()?;
    Some(Duration::new(units.into_iter().map(|(unit, value)| (unit, value + 0.0))))
}

/// Reads a time of day as a duration: `T11:22:33.444`.
pub(super) fn read_time_only(text: &str) -> Option<Duration> {
    let mut cursor = Cursor(text);
    cursor.eat('T');
    let mut fields = Fields::default();
    cursor.time(&mut fields)?;
    cursor.end()?;
    let units = [
        (Unit::Hours, Field::Hour),
        (Unit::Minutes, Field::Minute),
        (Unit::Seconds, Field::Second),
        (Unit::Milliseconds, Field::Millisecond),
    ];
    Some(Duration::new(units.into_iter().filter_map(|(unit, field)| Some((unit, fields.get(field)?)))))
}

/// A zone, or its name when there is no such zone.
pub(super) fn zone_named(name: &str) -> Result<Zone, String> {
    Zone::parse(name).ok_or_else(|| name.to_owned())
}

/// What is left of a text to read.
struct Cursor<'a>(&'a str);

impl<'a> Cursor<'a> {
    fn eat(&mut self, c: char) -> bool {
        let rest = self.0.strip_prefix(c);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    fn eat_any(&mut self, any: [char; 2]) -> bool {
        any.into_iter().any(|c| self.eat(c))
    }

    fn sign(&mut self) -> Option<f64> {
        if self.eat('+') {
            return Some(1.0);
        }
        self.eat('-').then_some(-1.0)
    }

    /// Exactly `count` digits.
    fn digits(&mut self, count: usize) -> Option<f64> {
        let digits = self.0.get(..count).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
        self.0 = &self.0[count..];
        digits.parse().ok()
    }

    /// One to `most` digits.
    fn some_digits(&mut self, most: usize) -> Option<&'a str> {
        let count = self.0.bytes().take(most).take_while(u8::is_ascii_digit).count();
        let (digits, rest) = self.0.split_at(count);
        self.0 = rest;
        (count > 0).then_some(digits)
    }

    /// Digits after a separator that may be missing; nothing is taken unless the digits are there.
    fn after(&mut self, separator: char, count: usize) -> Option<f64> {
        let mut ahead = Cursor(self.0);
        ahead.eat(separator);
        let number = ahead.digits(count)?;
        self.0 = ahead.0;
        Some(number)
    }

    fn time(&mut self, fields: &mut Fields) -> Option<()> {
        midnight(fields);
        fields.set(Field::Hour, self.digits(2)?);
        if let Some(minute) = self.after(':', 2) {
            fields.set(Field::Minute, minute);
            if let Some(second) = self.after(':', 2) {
                fields.set(Field::Second, second);
                let mut ahead = Cursor(self.0);
                if ahead.eat_any(['.', ','])
                    && let Some(fraction) = ahead.some_digits(30)
                {
                    self.0 = ahead.0;
                    let fraction: f64 = format!("0.{fraction}").parse().ok()?;
                    fields.set(Field::Millisecond, (fraction * 1000.0).floor());
                }
            }
        }
        Some(())
    }

    fn time_and_zone(&mut self, fields: &mut Fields) -> Option<Option<Result<Zone, String>>> {
        self.time(fields)?;
        let offset = self.offset();
        if !self.eat('[') {
            return Some(offset.map(Ok));
        }
        // The zone decides; an offset beside it only repeats what it says.
        let (name, rest) = self.0.split_once(']')?;
        self.0 = rest;
        Some(Some(zone_named(name)))
    }

    fn offset(&mut self) -> Option<Zone> {
        if self.eat_any(['Z', 'z']) {
            return Some(Zone::UTC);
        }
        let mut ahead = Cursor(self.0);
        let sign = ahead.sign()?;
        let hours = ahead.digits(2)?;
        let minutes = ahead.after(':', 2).unwrap_or(0.0);
        self.0 = ahead.0;
        Some(Zone::Fixed(sign * (hours * 60.0 + minutes)))
    }

    fn end(&self) -> Option<()> {
        self.0.is_empty().then_some(())
    }
}
