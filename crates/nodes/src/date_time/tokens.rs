//! The tokens of Moment.js: `DD/MM/YYYY`.

use expr::luxon::{DateTime, Locale, OffsetStyle, Width, Zone, format_offset};
use jiff::Timestamp;

/// Writes a date by Moment's tokens.
pub(super) fn write(date: &DateTime, format: &str) -> String {
    if !date.is_valid() {
        return "Invalid date".to_owned();
    }
    let mut text = String::new();
    for token in split(format) {
        match token {
            Token::Literal(literal) => text.push_str(&literal),
            Token::Field(field) => text.push_str(&write_field(date, &field)),
        }
    }
    text
}

/// A part of a format.
pub(super) enum Token {
    /// Text that stands for itself.
    Literal(String),
    /// A token of Moment's.
    Field(String),
}

/// Runs of one letter are fields, as far as Moment knows them; what stands in brackets is text. Long forms are spelt out.
pub(super) fn split(format: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = format;
    while let Some(first) = rest.chars().next() {
        if first == '['
            && let Some(end) = rest.find(']')
        {
            tokens.push(Token::Literal(rest[1..end].to_owned()));
            rest = &rest[end + 1..];
            continue;
        }
        let known = FIELDS.iter().find(|field| rest.starts_with(**field));
        let length = known.map_or(first.len_utf8(), |field| field.len());
        let (token, after) = rest.split_at(length);
        match known.and_then(|field| long_form(field)) {
            Some(form) => tokens.extend(split(form)),
            None if known.is_some() => tokens.push(Token::Field(token.to_owned())),
            None => tokens.push(Token::Literal(token.to_owned())),
        }
        rest = after;
    }
    tokens
}

/// Every token, longer ones before their beginnings.
const FIELDS: &[&str] = &[
    "YYYYYY",
    "YYYY",
    "YY",
    "Y",
    "Qo",
    "Q",
    "MMMM",
    "MMM",
    "MM",
    "Mo",
    "M",
    "DDDD",
    "DDDo",
    "DDD",
    "DD",
    "Do",
    "D",
    "dddd",
    "ddd",
    "dd",
    "do",
    "d",
    "e",
    "E",
    "ww",
    "wo",
    "w",
    "WW",
    "Wo",
    "W",
    "gggg",
    "gg",
    "GGGG",
    "GG",
    "A",
    "a",
    "HH",
    "H",
    "hh",
    "h",
    "kk",
    "k",
    "mm",
    "m",
    "ssss",
    "ss",
    "s",
    "SSSSSSSSS",
    "SSSSSSSS",
    "SSSSSSS",
    "SSSSSS",
    "SSSSS",
    "SSSS",
    "SSS",
    "SS",
    "S",
    "zz",
    "z",
    "ZZ",
    "Z",
    "X",
    "x",
    "LTS",
    "LT",
    "LLLL",
    "LLL",
    "LL",
    "L",
    "llll",
    "lll",
    "ll",
    "l",
];

fn long_form(field: &str) -> Option<&'static str> {
    Some(match field {
        "LTS" => "h:mm:ss A",
        "LT" => "h:mm A",
        "L" => "MM/DD/YYYY",
        "LL" => "MMMM D, YYYY",
        "LLL" => "MMMM D, YYYY h:mm A",
        "LLLL" => "dddd, MMMM D, YYYY h:mm A",
        "l" => "M/D/YYYY",
        "ll" => "MMM D, YYYY",
        "lll" => "MMM D, YYYY h:mm A",
        "llll" => "ddd, MMM D, YYYY h:mm A",
        _ => return None,
    })
}

fn write_field(date: &DateTime, field: &str) -> String {
    let hour = date.hour();
    let half = if hour % 12.0 == 0.0 { 12.0 } else { hour % 12.0 };
    let named = |names: &[String], number: f64| names.get(number as usize - 1).cloned().unwrap_or_default();
    let english = Locale::en();
    // Sunday is 0.
    let weekday = date.weekday() % 7.0;
    match field {
        "YYYYYY" => format!("{}{:06}", if date.year() < 0.0 { '-' } else { '+' }, date.year().abs()),
        "YYYY" => pad(date.year(), 4),
        "YY" => pad(date.year() % 100.0, 2),
        "Y" => date.year().to_string(),
        "Q" => date.quarter().to_string(),
        "Qo" => ordinal(date.quarter()),
        "MMMM" => named(english.months(Width::Long, false), date.month()),
        "MMM" => named(english.months(Width::Short, false), date.month()),
        "MM" => pad(date.month(), 2),
        "Mo" => ordinal(date.month()),
        "M" => date.month().to_string(),
        "DDDD" => pad(date.ordinal(), 3),
        "DDDo" => ordinal(date.ordinal()),
        "DDD" => date.ordinal().to_string(),
        "DD" => pad(date.day(), 2),
        "Do" => ordinal(date.day()),
        "D" => date.day().to_string(),
        "dddd" => named(english.weekdays(Width::Long, false), date.weekday()),
        "ddd" => named(english.weekdays(Width::Short, false), date.weekday()),
        "dd" => named(english.weekdays(Width::Short, false), date.weekday()).chars().take(2).collect(),
        "do" => ordinal(weekday),
        "d" | "e" => weekday.to_string(),
        "E" => date.weekday().to_string(),
        "ww" => pad(date.local_week_number(), 2),
        "wo" => ordinal(date.local_week_number()),
        "w" => date.local_week_number().to_string(),
        "WW" => pad(date.week_number(), 2),
        "Wo" => ordinal(date.week_number()),
        "W" => date.week_number().to_string(),
        "gggg" => pad(date.local_week_year(), 4),
        "gg" => pad(date.local_week_year() % 100.0, 2),
        "GGGG" => pad(date.week_year(), 4),
        "GG" => pad(date.week_year() % 100.0, 2),
        "A" => if hour < 12.0 { "AM" } else { "PM" }.to_owned(),
        "a" => if hour < 12.0 { "am" } else { "pm" }.to_owned(),
        "HH" => pad(hour, 2),
        "H" => hour.to_string(),
        "hh" => pad(half, 2),
        "h" => half.to_string(),
        "kk" => pad(if hour == 0.0 { 24.0 } else { hour }, 2),
        "k" => if hour == 0.0 { 24.0 } else { hour }.to_string(),
        "mm" => pad(date.minute(), 2),
        "m" => date.minute().to_string(),
        "ss" => pad(date.second(), 2),
        "s" => date.second().to_string(),
        "z" | "zz" => abbreviation(date),
        "Z" => format_offset(date.offset(), OffsetStyle::Short),
        "ZZ" => format_offset(date.offset(), OffsetStyle::Techie),
        "X" => (date.to_millis() / 1000.0).floor().to_string(),
        "x" => date.to_millis().to_string(),
        // Fractions of a second, to as many digits as there are letters.
        _ => format!("{:03}000000", date.millisecond()).chars().take(field.len()).collect(),
    }
}

/// What the time zone database calls the offset that is in force: `CET`, `CEST`; nothing for a date without a zone.
fn abbreviation(date: &DateTime) -> String {
    let Some(Zone::Named(_, zone)) = date.zone() else { return String::new() };
    match Timestamp::from_millisecond(date.to_millis() as i64) {
        Ok(at) => zone.to_offset_info(at).abbreviation().to_owned(),
        Err(_) => String::new(),
    }
}

fn pad(number: f64, width: usize) -> String {
    format!("{number:0width$}")
}

fn ordinal(number: f64) -> String {
    let suffix = match (number % 10.0, number % 100.0) {
        (_, 11.0..=13.0) => "th",
        (1.0, _) => "st",
        (2.0, _) => "nd",
        (3.0, _) => "rd",
        _ => "th",
    };
    format!("{number}{suffix}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_written_as_moment_writes_them() {
        let zone = Zone::parse("America/New_York").expect("the zone exists");
        let date = DateTime::from_millis(1_704_301_445_678.0, zone, Locale::en());
        let cases = [
            ("YYYY-MM-DD HH:mm:ss.SSS", "2024-01-03 12:04:05.678"),
            ("dddd, MMMM Do YYYY, h:mm:ss a", "Wednesday, January 3rd 2024, 12:04:05 pm"),
            ("[on] ddd D MMM YY", "on Wed 3 Jan 24"),
            ("Z ZZ z", "-05:00 -0500 EST"),
            ("X x", "1704301445 1704301445678"),
            ("L LT", "01/03/2024 12:04 PM"),
            ("DDDD Q E d WW", "003 1 3 3 01"),
            ("T", "T"),
        ];
        for (format, expected) in cases {
            assert_eq!(write(&date, format), expected, "{format}");
        }
    }
}
