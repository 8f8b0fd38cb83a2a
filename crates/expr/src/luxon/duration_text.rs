//! Durations as text: ISO 8601, by tokens and in words.

use model::Text;

use super::Error;
use super::datetime::DateTime;
use super::duration::{Duration, Invalid};
use super::format::{Token, tokens};
use super::iso::IsoOptions;
use super::locale::Locale;
use super::number::NumberFormat;
use super::read;
use super::unit::Unit;
use super::zone::Zone;
use crate::number::number_to_text;

/// Which units of a negative duration carry the sign.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SignMode {
    /// Each negative one
    #[default]
    Negative,
    /// Only the largest
    NegativeLargestOnly,
    /// Every one, plus signs included
    All,
}

/// How a duration is put in words.
#[derive(Clone, Debug, Default)]
pub struct HumanOptions {
    /// `long`, `short` or `narrow`; `long` when absent
    pub unit_display: Option<String>,
    /// `long`, `short` or `narrow`; `narrow` when absent
    pub list_style: Option<String>,
    /// Leave out units that are zero
    pub hide_zeros: bool,
    /// How many decimals to keep; three when absent
    pub maximum_fraction_digits: Option<usize>,
}

impl Duration {
    /// Reads ISO 8601 such as `P3Y6M1W4DT12H30M5S`.
    pub fn from_iso(text: &str) -> Self {
        read::read_duration(text).unwrap_or_else(|| unreadable(text))
    }

    /// Reads a time of day such as `11:22:33.444` as the time since midnight.
    pub fn from_iso_time(text: &str) -> Self {
        read::read_time_only(text).unwrap_or_else(|| unreadable(text))
    }

    /// ISO 8601; nothing when invalid.
    pub fn to_iso(&self) -> Option<String> {
        if !self.is_valid() {
            return None;
        }
        let months = self.get(Unit::Months) + self.get(Unit::Quarters) * 3.0;
        let seconds = self.get(Unit::Seconds) + self.get(Unit::Milliseconds) / 1000.0;
        let part = |value: f64, letter: char| {
            if value == 0.0 { String::new() } else { format!("{}{letter}", number_to_text(value)) }
        };
        let mut text = "P".to_owned();
        text.push_str(&part(self.get(Unit::Years), 'Y'));
        text.push_str(&part(months, 'M'));
        text.push_str(&part(self.get(Unit::Weeks), 'W'));
        text.push_str(&part(self.get(Unit::Days), 'D'));
        let mut time = part(self.get(Unit::Hours), 'H');
        time.push_str(&part(self.get(Unit::Minutes), 'M'));
        if self.get(Unit::Seconds) != 0.0 || self.get(Unit::Milliseconds) != 0.0 {
            time.push_str(&format!("{}S", number_to_text((seconds * 1000.0 + 0.5).floor() / 1000.0)));
        }
        if !time.is_empty() {
            text.push('T');
            text.push_str(&time);
        }
        Some(if text == "P" { "PT0S".to_owned() } else { text })
    }

    /// The length as a time of day; nothing when negative or a day and longer.
    pub fn to_iso_time(&self, options: &IsoOptions) -> Option<String> {
        let ms = self.to_millis();
        if !(0.0..86_400_000.0).contains(&ms) {
            return None;
        }
        let options = IsoOptions { include_offset: false, ..*options };
        DateTime::from_millis(ms, Zone::UTC, Locale::en()).to_iso_time(&options)
    }

    /// Writes the duration by tokens (`hh:mm:ss`), in the units that the format names.
    pub fn to_format(&self, format: &str, round_down: bool, sign: SignMode) -> String {
        if !self.is_valid() {
            return "Invalid Duration".to_owned();
        }
        let tokens = tokens(format);
        let named: Vec<Unit> = tokens.iter().filter_map(unit_of).collect();
        let shifted = self.shift_to(&named);
        let largest = shifted.units().next().map(|(unit, _)| unit);
        let negative = shifted.to_millis() < 0.0;
        let mut text = String::new();
        for token in &tokens {
            let (Token::Literal(written) | Token::Field(written)) = token;
            let Some(unit) = unit_of(token) else {
                text.push_str(written);
                continue;
            };
            let mut value = shifted.get(unit);
            if negative && sign == SignMode::NegativeLargestOnly && Some(unit) != largest {
                value = -value;
            }
            let value = if round_down { value.floor() } else { value };
            let shown = match sign {
                SignMode::NegativeLargestOnly if Some(unit) != largest => value.abs(),
                _ => value + 0.0,
            };
            if sign == SignMode::All && value >= 0.0 {
                text.push('+');
            }
            let format = NumberFormat {
                no_grouping: true,
                minimum_integer_digits: Some(written.len()),
                ..NumberFormat::default()
            };
            text.push_str(&format.format(shown, &Locale::en()));
        }
        text
    }

    /// `1 day, 5 hours, 6 minutes`; quarters have no words.
    pub fn to_human(&self, options: &HumanOptions) -> Result<String, Error> {
        if !self.is_valid() {
            return Ok("Invalid Duration".to_owned());
        }
        if self.units().any(|(unit, _)| unit == Unit::Quarters) {
            return Err(Error::new("Invalid unit argument for Intl.NumberFormat() 'quarter'"));
        }
        let display = options.unit_display.as_deref().unwrap_or("long");
        let units = self.units().filter(|(_, value)| *value != 0.0 || !options.hide_zeros);
        let words: Vec<String> = units
            .map(|(unit, value)| {
                let digits = options.maximum_fraction_digits.unwrap_or(3);
                let key = format!("unit.{}.{display}", unit.singular());
                let format = NumberFormat {
                    no_grouping: true,
                    maximum_fraction_digits: Some(digits),
                    ..NumberFormat::default()
                };
                self.locale().counted(&key, value, &format.format(value, self.locale()))
            })
            .collect();
        Ok(join(self.locale(), options.list_style.as_deref().unwrap_or("narrow"), &words))
    }

    /// `toString()`: ISO 8601, or `null` when invalid.
    pub fn to_text(&self) -> Text {
        self.to_iso().map_or_else(|| "null".into(), Text::from)
    }
}

/// Joins words as a list of the language.
fn join(locale: &Locale, style: &str, words: &[String]) -> String {
    let [pair, middle, last] = locale.list(&format!("list.{style}")) else { return words.join(", ") };
    let mut text = String::new();
    for (index, word) in words.iter().enumerate() {
        text.push_str(match index {
            0 => "",
            _ if words.len() == 2 => pair,
            _ if index == words.len() - 1 => last,
            _ => middle,
        });
        text.push_str(word);
    }
    text
}

fn unit_of(token: &Token) -> Option<Unit> {
    let Token::Field(token) = token else { return None };
    Some(match token.chars().next()? {
        'S' => Unit::Milliseconds,
        's' => Unit::Seconds,
        'm' => Unit::Minutes,
        'h' => Unit::Hours,
        'd' => Unit::Days,
        'w' => Unit::Weeks,
        'M' => Unit::Months,
        'y' => Unit::Years,
        _ => return None,
    })
}

fn unreadable(text: &str) -> Duration {
    let explanation = format!("the input \"{text}\" can't be parsed as ISO 8601");
    Duration::invalid(Invalid::new("unparsable", explanation))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iso_text_is_read_and_written() {
        for text in ["P1Y2M3W4DT5H6M7S", "PT0S", "PT0.5S", "P1.5D", "PT36H", "P-3D"] {
            assert_eq!(Duration::from_iso(text).to_iso().as_deref(), Some(text));
        }
        assert_eq!(Duration::from_iso("-P1DT2H").to_iso().as_deref(), Some("P-1DT-2H"));
        assert!(!Duration::from_iso("P1H").is_valid());
        assert_eq!(Duration::from_iso_time("11:22:33.444").to_iso().as_deref(), Some("PT11H22M33.444S"));
    }

    #[test]
    fn tokens_decide_the_units() {
        let duration = Duration::new([(Unit::Days, 1.0), (Unit::Hours, 6.0), (Unit::Seconds, 2.0)]);
        let format = |format| duration.to_format(format, true, SignMode::Negative);
        assert_eq!(format("hh:mm:ss"), "30:00:02");
        assert_eq!(format("d 'days' h"), "1 days 6");
        assert_eq!(format("M S"), "0 108002000");
    }

    #[test]
    fn words_form_a_list() {
        let duration = Duration::new([(Unit::Days, 1.0), (Unit::Hours, 5.0), (Unit::Minutes, 6.0)]);
        let human = |duration: &Duration| duration.to_human(&HumanOptions::default()).expect("no quarters");
        assert_eq!(human(&duration), "1 day, 5 hours, 6 minutes");
        let german = duration.with_locale(Locale::parse("de").expect("a locale"));
        assert_eq!(human(&german), "1 Tag, 5 Stunden und 6 Minuten");
    }
}
