//! Reading dates by tokens: `fromFormat`.
//!
//! A format becomes a list of units that each accept some prefixes of the text. They are tried in order with
//! backtracking; places that failed are remembered, so that the time stays proportional to units times text.

use std::collections::HashSet;

use super::datetime::{DateTime, Settings};
use super::format::{Token, tokens};
use super::intl::FormatOptions;
use super::iso::{ReadOptions, Reading};
use super::locale::{Locale, Width};
use super::read::zone_named;
use super::unit::Field;
use super::zone::Zone;
use super::{Error, Fields};

impl DateTime {
    /// Reads a date by Luxon's tokens.
    pub fn from_format(
        text: &str,
        format: &str,
        options: &ReadOptions,
        settings: &Settings,
    ) -> Result<Self, Error> {
        let locale = options.locale.clone().unwrap_or_default();
        let reading = read(text, format, &locale)?;
        Reading::into_date(reading, text, &format!("format {format}"), options, settings)
    }
}

/// What a token accepts.
enum Unit {
    /// From `least` to `most` digits.
    Digits { least: usize, most: usize },
    /// One of some names.
    Names(Vec<String>),
    /// An offset with `:` or without.
    Offset { colon: bool },
    /// A zone of the database.
    ZoneName,
    /// White space other than line ends.
    Blank,
    /// The text itself.
    Literal(String),
}

/// What a token found.
enum Found {
    Number(f64),
    Text(String),
}

/// Reads what a text says by a format; nothing when the text does not fit.
pub(super) fn read(text: &str, format: &str, locale: &Locale) -> Result<Option<Reading>, Error> {
    let mut units = Vec::new();
    for token in tokens(format) {
        match token {
            Token::Literal(literal) => units.push((' ', Unit::Literal(literal))),
            Token::Field(token) => match FormatOptions::of_token(&token) {
                Some(options) => units.extend(expand(&options, locale)),
                None => units.push(unit_of(&token, locale)),
            },
        }
    }
    let mut ends = vec![0; units.len()];
    if !fits(&units, text, 0, 0, &mut ends, &mut HashSet::new()) {
        return Ok(None);
    }
    let mut found: Vec<(char, Found)> = Vec::new();
    let mut start = 0;
    for ((letter, unit), end) in units.iter().zip(ends) {
        if let Some(value) = unit.value(&text[start..end]) {
            found.push((*letter, value));
        }
        start = end;
    }
    interpret(&found)
}

/// The units of a token that stands for a whole localised format.
fn expand(options: &FormatOptions, locale: &Locale) -> Vec<(char, Unit)> {
    let style = |option: &Option<String>| option.clone().unwrap_or_default();
    let units = tokens(&options.pattern(locale)).into_iter().map(|token| match token {
        Token::Literal(text) if text.chars().all(char::is_whitespace) => (' ', Unit::Blank),
        Token::Literal(text) => (' ', Unit::Literal(text)),
        Token::Field(token) => {
            let numeric = |long: &'static str, short: &'static str, option: &Option<String>| {
                if style(option) == "2-digit" { long } else { short }
            };
            let token = match token.chars().next() {
                Some('y') => numeric("yy", "yyyyy", &options.year),
                Some('M' | 'L') if token.len() <= 2 => numeric("MM", "M", &options.month),
                Some('L') if token.len() == 3 => "MMM",
                Some('L') => "MMMM",
                Some('d') => numeric("dd", "d", &options.day),
                Some('h') => numeric("hh", "h", &options.hour),
                Some('H') => numeric("HH", "H", &options.hour),
                Some('m') => numeric("mm", "m", &options.minute),
                Some('s') => numeric("ss", "s", &options.second),
                Some('Z') if token == "ZZZZ" => "ZZZ",
                _ => token.as_str(),
            };
            unit_of(token, locale)
        }
    });
    units.collect()
}

fn unit_of(token: &str, locale: &Locale) -> (char, Unit) {
    let digits = |least, most| Unit::Digits { least, most };
    let names = |names: &[String]| Unit::Names(names.to_vec());
    let unit = match token {
        "G" => names(locale.eras(Width::Short)),
        "GG" => names(locale.eras(Width::Long)),
        "y" => digits(1, 6),
        "yy" | "kk" => digits(2, 4),
        "yyyy" | "kkkk" => digits(4, 4),
        "yyyyy" => digits(4, 6),
        "yyyyyy" => digits(6, 6),
        "M" | "L" | "d" | "H" | "h" | "m" | "q" | "s" | "W" | "uu" => digits(1, 2),
        "MM" | "LL" | "dd" | "HH" | "hh" | "mm" | "qq" | "ss" | "WW" => digits(2, 2),
        "o" | "S" => digits(1, 3),
        "ooo" | "SSS" => digits(3, 3),
        "u" => digits(1, 9),
        "uuu" | "E" | "c" => digits(1, 1),
        "MMM" => names(locale.months(Width::Short, false)),
        "MMMM" => names(locale.months(Width::Long, false)),
        "LLL" => names(locale.months(Width::Short, true)),
        "LLLL" => names(locale.months(Width::Long, true)),
        "EEE" => names(locale.weekdays(Width::Short, true)),
        "EEEE" => names(locale.weekdays(Width::Long, true)),
        "ccc" => names(locale.weekdays(Width::Short, false)),
        "cccc" => names(locale.weekdays(Width::Long, false)),
        "a" => names(locale.meridiems()),
        "Z" | "ZZ" => Unit::Offset { colon: true },
        "ZZZ" => Unit::Offset { colon: false },
        "z" => Unit::ZoneName,
        " " => Unit::Blank,
        _ => return (' ', Unit::Literal(token.to_owned())),
    };
    (token.chars().next().unwrap_or(' '), unit)
}

/// Whether the units from `index` on accept the text from `start` to its end; `ends` gets where each one ends.
fn fits(
    units: &[(char, Unit)],
    text: &str,
    index: usize,
    start: usize,
    ends: &mut [usize],
    failed: &mut HashSet<(usize, usize)>,
) -> bool {
    let Some((_, unit)) = units.get(index) else { return start == text.len() };
    if failed.contains(&(index, start)) {
        return false;
    }
    for length in unit.lengths(&text[start..]) {
        ends[index] = start + length;
        if fits(units, text, index + 1, start + length, ends, failed) {
            return true;
        }
    }
    failed.insert((index, start));
    false
}

impl Unit {
    /// How many bytes of a text this accepts, the preferred number first.
    fn lengths(&self, text: &str) -> Vec<usize> {
        match self {
            Unit::Digits { least, most } => {
                let count = text.bytes().take(*most).take_while(u8::is_ascii_digit).count();
                (*least..=count).rev().collect()
            }
            Unit::Names(names) => names.iter().filter_map(|name| name_length(name, text)).collect(),
            Unit::Offset { colon } => offset_lengths(text, *colon),
            Unit::ZoneName => {
                let named = |byte: &u8| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'+'..=b'/');
                (1..=text.bytes().take(256).take_while(named).count()).collect()
            }
            Unit::Blank => {
                let blank = text.chars().next().filter(|c| c.is_whitespace() && !matches!(c, '\n' | '\r'));
                blank.map(char::len_utf8).into_iter().collect()
            }
            Unit::Literal(literal) => {
                let prefix = text.get(..literal.len());
                let same = prefix.is_some_and(|prefix| prefix.to_lowercase() == literal.to_lowercase());
                same.then_some(literal.len()).into_iter().collect()
            }
        }
    }

    /// What the text a unit accepted means.
    fn value(&self, text: &str) -> Option<Found> {
        match self {
            Unit::Digits { .. } => Some(Found::Text(text.to_owned())),
            Unit::Names(names) => {
                let plain = |text: &str| text.replace('.', "").replace('\u{a0}', " ").to_lowercase();
                let index = names.iter().position(|name| plain(name) == plain(text))?;
                Some(Found::Number(index as f64))
            }
            Unit::Offset { .. } => {
                let digits: String = text[1..].chars().filter(char::is_ascii_digit).collect();
                let (hours, minutes) =
                    digits.split_at(if digits.len() > 2 { digits.len() - 2 } else { digits.len() });
                let number = |text: &str| text.parse::<f64>().unwrap_or(0.0);
                let minutes = number(hours) * 60.0 + number(minutes);
                Some(Found::Number(if text.starts_with('-') { -minutes } else { minutes }))
            }
            Unit::ZoneName => Some(Found::Text(text.to_owned())),
            Unit::Blank | Unit::Literal(_) => None,
        }
    }
}

/// The length of a name at the start of a text: case does not matter, dots may be missing.
fn name_length(name: &str, text: &str) -> Option<usize> {
    let mut rest = text;
    for expected in name.chars() {
        let next = rest.chars().next();
        let same = next.is_some_and(|c| {
            c == expected
                || c.to_lowercase().eq(expected.to_lowercase())
                || (matches!(c, ' ' | '\u{a0}') && matches!(expected, ' ' | '\u{a0}'))
        });
        if same {
            rest = &rest[next.map_or(0, char::len_utf8)..];
        } else if expected != '.' {
            return None;
        }
    }
    Some(text.len() - rest.len())
}

fn offset_lengths(text: &str, colon: bool) -> Vec<usize> {
    let bytes = text.as_bytes();
    if !matches!(bytes.first(), Some(b'+' | b'-')) {
        return Vec::new();
    }
    let digit = |index: usize| bytes.get(index).is_some_and(u8::is_ascii_digit);
    let mut lengths = Vec::new();
    for hours in [2, 1] {
        if !(1..=hours).all(digit) {
            continue;
        }
        let minutes = 1 + hours + usize::from(colon);
        if (!colon || bytes.get(1 + hours) == Some(&b':')) && digit(minutes) && digit(minutes + 1) {
            lengths.push(minutes + 2);
        }
        lengths.push(1 + hours);
    }
    lengths
}

/// Turns what the tokens found into fields of a date.
fn interpret(found: &[(char, Found)]) -> Result<Option<Reading>, Error> {
    let last = |letter: char| found.iter().rev().find(|(other, _)| *other == letter).map(|(_, value)| value);
    let number = |letter: char| {
        last(letter).map(|value| match value {
            Found::Number(number) => *number,
            Found::Text(text) => text.parse().unwrap_or(f64::NAN),
        })
    };
    let text = |letter: char| match last(letter) {
        Some(Found::Text(text)) => Some(text.as_str()),
        _ => None,
    };
    if last('a').is_some() && last('H').is_some() {
        return Err(Error::new("Can't include meridiem when specifying 24-hour format"));
    }

    let mut fields = Fields::default();
    let mut put = |field: Field, value: Option<f64>| {
        if let Some(value) = value {
            fields.set(field, value);
        }
    };
    let era = if number('G') == Some(0.0) { -1.0 } else { 1.0 };
    put(Field::Year, year(text('y')).map(|year| year * era));
    put(Field::WeekYear, year(text('k')));
    put(Field::Month, number('q').map(|quarter| (quarter - 1.0) * 3.0 + 1.0));
    for (letter, field) in [
        ('d', Field::Day),
        ('o', Field::Ordinal),
        ('W', Field::WeekNumber),
        ('H', Field::Hour),
        ('m', Field::Minute),
        ('s', Field::Second),
        ('S', Field::Millisecond),
    ] {
        put(field, number(letter));
    }
    // Names count from zero, digits as they are written.
    for (letter, field) in
        [('M', Field::Month), ('L', Field::Month), ('E', Field::Weekday), ('c', Field::Weekday)]
    {
        put(field, number(letter).map(|value| value + f64::from(u8::from(text(letter).is_none()))));
    }
    let afternoon = number('a');
    put(
        Field::Hour,
        number('h').map(|hour| match afternoon {
            Some(1.0) if hour < 12.0 => hour + 12.0,
            Some(0.0) if hour == 12.0 => 0.0,
            _ => hour,
        }),
    );
    let fraction = text('u').and_then(|digits| format!("0.{digits}").parse::<f64>().ok());
    put(Field::Millisecond, fraction.map(|fraction| (fraction * 1000.0).floor()));

    let offset = number('Z');
    let zone = match text('z') {
        Some(name) => Some(zone_named(name)),
        None => offset.map(|minutes| Ok(Zone::Fixed(minutes))),
    };
    Ok(Some(Reading { fields, zone, offset }))
}

/// A year; two digits up to 60 belong to this century.
fn year(digits: Option<&str>) -> Option<f64> {
    let year: f64 = digits?.parse().ok()?;
    Some(if digits?.len() == 2 { year + if year > 60.0 { 1900.0 } else { 2000.0 } } else { year })
}
