//! Reading dates by the tokens of Moment.js.

use expr::luxon::{DateTime, Field, Fields, Locale, Settings, Width, Zone};

use super::tokens::{Token, split};

/// The moment that `text` stands for by `format`, in milliseconds. Unless it is strict, a format finds its numbers
/// wherever they are in the text, with as many digits as they have.
pub(super) fn read(text: &str, format: &str, strict: bool, settings: &Settings) -> Option<f64> {
    let mut reading = Reading { rest: text, strict, found: Found::default() };
    for token in split(format) {
        match token {
            Token::Field(field) => reading.field(&field)?,
            Token::Literal(literal) if strict => {
                reading.rest = reading.rest.strip_prefix(literal.as_str())?
            }
            Token::Literal(literal) => {
                if let Some(at) = reading.rest.find(&literal) {
                    reading.rest = &reading.rest[at + literal.len()..];
                }
            }
        }
    }
    if strict && !reading.rest.is_empty() {
        return None;
    }
    reading.found.moment(settings)
}

/// What the text has said so far.
#[derive(Default)]
struct Found {
    timestamp_ms: Option<f64>,
    fields: Fields,
    afternoon: Option<bool>,
    offset_minutes: Option<f64>,
}

struct Reading<'a> {
    rest: &'a str,
    strict: bool,
    found: Found,
}

impl<'a> Reading<'a> {
    /// Reads one token; `None` when the text breaks a strict format or holds no such name.
    fn field(&mut self, field: &str) -> Option<()> {
        let english = Locale::en();
        match field {
            "MMMM" | "MMM" => {
                let width = if field == "MMMM" { Width::Long } else { Width::Short };
                let month = self.name(english.months(width, false))?;
                self.found.fields.set(Field::Month, month as f64 + 1.0);
            }
            "dddd" | "ddd" | "dd" => {
                let width = if field == "dddd" { Width::Long } else { Width::Short };
                self.name(english.weekdays(width, false))?;
            }
            "A" | "a" => {
                let half = self.name(&["am".to_owned(), "pm".to_owned()])?;
                self.found.afternoon = Some(half == 1);
            }
            "Z" | "ZZ" => self.offset()?,
            "X" | "x" => {
                let number = self.take(
                    |c, at| c.is_ascii_digit() || c == '.' || (at == 0 && matches!(c, '-' | '+')),
                    1,
                    20,
                );
                let number: Option<f64> = number.and_then(|digits| digits.parse().ok());
                self.found.timestamp_ms =
                    number.map(|number| if field == "X" { number * 1000.0 } else { number });
                if number.is_none() && self.strict {
                    return None;
                }
            }
            _ => self.number(field)?,
        }
        Some(())
    }

    fn number(&mut self, field: &str) -> Option<()> {
        let (least, most) = match (field, self.strict) {
            ("YYYY", true) => (4, 4),
            ("YYYY", false) => (1, 4),
            ("DDD" | "DDDD", _) => (1, 3),
            ("Q", _) => (1, 1),
            ("MM" | "DD" | "HH" | "hh" | "kk" | "mm" | "ss" | "YY", true) => (2, 2),
            (field, true) if field.starts_with('S') => (field.len(), field.len()),
            (field, false) if field.starts_with('S') => (1, 9),
            _ => (1, 2),
        };
        let Some(digits) = self.take(|c, _| c.is_ascii_digit(), least, most) else {
            return (!self.strict).then_some(());
        };
        let mut number: f64 = digits.parse().ok()?;
        let place = match field {
            "YYYY" | "YY" | "YYYYYY" | "Y" => {
                if digits.len() == 2 {
                    number += if number > 68.0 { 1900.0 } else { 2000.0 };
                }
                Field::Year
            }
            "Q" => {
                number = number * 3.0 - 2.0;
                Field::Month
            }
            "MM" | "M" | "Mo" => Field::Month,
            "DD" | "D" | "Do" => Field::Day,
            "DDDD" | "DDD" => Field::Ordinal,
            "HH" | "H" | "hh" | "h" => Field::Hour,
            "kk" | "k" => {
                number %= 24.0;
                Field::Hour
            }
            "mm" | "m" => Field::Minute,
            "ss" | "s" => Field::Second,
            _ if field.starts_with('S') => {
                let fraction: f64 = format!("0.{digits}").parse().ok()?;
                number = (fraction * 1000.0).floor();
                Field::Millisecond
            }
            // Weeks and weekdays are read over.
            _ => return Some(()),
        };
        self.found.fields.set(place, number);
        if field.ends_with('o') {
            self.rest = self.rest.trim_start_matches(|c: char| c.is_ascii_alphabetic());
        }
        Some(())
    }

    /// The next run of wanted characters, here or, unless the format is strict, further on.
    fn take(&mut self, wanted: impl Fn(char, usize) -> bool, least: usize, most: usize) -> Option<&'a str> {
        let start = self.rest.find(|c| wanted(c, 0))?;
        if self.strict && start > 0 {
            return None;
        }
        let rest = &self.rest[start..];
        let end = rest.char_indices().take(most).take_while(|(at, c)| wanted(*c, *at)).count();
        if end < least {
            return None;
        }
        self.rest = &rest[end..];
        Some(&rest[..end])
    }

    fn name(&mut self, names: &[String]) -> Option<usize> {
        let lower = self.rest.to_lowercase();
        let places = names.iter().enumerate().filter_map(|(index, name)| {
            let at = lower.find(&name.to_lowercase())?;
            (at == 0 || !self.strict).then_some((at, index, name.len()))
        });
        let (at, index, length) = places.min()?;
        self.rest = self.rest.get(at + length..).unwrap_or_default();
        Some(index)
    }

    /// `Z`, `+05:30` or `+0530`.
    fn offset(&mut self) -> Option<()> {
        let Some(start) = self.rest.find(['Z', 'z', '+', '-']) else { return (!self.strict).then_some(()) };
        let rest = &self.rest[start..];
        if rest.starts_with(['Z', 'z']) {
            (self.found.offset_minutes, self.rest) = (Some(0.0), &rest[1..]);
            return Some(());
        }
        let digits: String = rest[1..].chars().take(5).filter(char::is_ascii_digit).take(4).collect();
        let number: f64 = digits.parse().ok().filter(|_| digits.len() == 4)?;
        let minutes = (number / 100.0).floor() * 60.0 + number % 100.0;
        self.found.offset_minutes = Some(if rest.starts_with('-') { -minutes } else { minutes });
        self.rest = rest[1..].trim_start_matches(|c: char| c.is_ascii_digit() || c == ':');
        Some(())
    }
}

impl Found {
    fn moment(mut self, settings: &Settings) -> Option<f64> {
        if self.timestamp_ms.is_some() || self.fields.is_empty() {
            return self.timestamp_ms;
        }
        match (self.fields.get(Field::Hour), self.afternoon) {
            (Some(12.0), Some(false)) => self.fields.set(Field::Hour, 0.0),
            (Some(hour), Some(true)) if hour < 12.0 => self.fields.set(Field::Hour, hour + 12.0),
            _ => {}
        }
        let zone = self.offset_minutes.map_or_else(|| settings.zone.clone(), Zone::Fixed);
        let date = DateTime::from_fields(self.fields, zone, Locale::en(), None, settings).ok()?;
        date.is_valid().then(|| date.to_millis())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_iso(text: &str, format: &str, strict: bool) -> Option<String> {
        let settings = Settings { now: 1_767_323_045_000.0, zone: Zone::UTC, locale: Locale::en() };
        let ms = read(text, format, strict, &settings)?;
        Some(DateTime::from_millis(ms, Zone::UTC, Locale::en()).to_text().to_string())
    }

    #[test]
    fn numbers_are_found_wherever_they_are() {
        let cases = [
            ("4/2/2020", "DD/MM/YYYY", "2020-02-04T00:00:00.000Z"),
            ("2020-02-04T12:34:56Z", "YYYY-MM-DD", "2020-02-04T00:00:00.000Z"),
            ("on 2020-02-04, 7:05 pm", "YYYY-MM-DD h:mm a", "2020-02-04T19:05:00.000Z"),
            ("3rd March 99", "Do MMMM YY", "1999-03-03T00:00:00.000Z"),
            ("2020-02-04 01:02:03.4567 +0530", "YYYY-MM-DD HH:mm:ss.SSS ZZ", "2020-02-03T19:32:03.456Z"),
            ("1580774400", "X", "2020-02-04T00:00:00.000Z"),
            ("12:30", "HH:mm", "2026-01-02T12:30:00.000Z"),
            ("2020 60", "YYYY DDD", "2020-02-29T00:00:00.000Z"),
        ];
        for (text, format, expected) in cases {
            assert_eq!(read_iso(text, format, false).as_deref(), Some(expected), "{text} by {format}");
        }
    }

    #[test]
    fn a_strict_format_takes_the_text_at_its_word() {
        assert!(read_iso("04/02/2020", "DD/MM/YYYY", true).is_some());
        for text in ["4/2/2020", "04/02/2020 ", "04-02-2020", "04/02/20"] {
            assert_eq!(read_iso(text, "DD/MM/YYYY", true), None, "{text}");
        }
    }

    #[test]
    fn what_does_not_exist_is_no_date() {
        assert_eq!(read_iso("32/02/2020", "DD/MM/YYYY", false), None);
        assert_eq!(read_iso("soon", "DD/MM/YYYY", false), None);
        assert_eq!(read_iso("4 Nonsense 2020", "D MMMM YYYY", false), None);
    }
}
