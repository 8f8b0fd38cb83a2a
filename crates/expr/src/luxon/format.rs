//! Writing dates by tokens: `toFormat`.

use super::datetime::{DateTime, Moment};
use super::intl::FormatOptions;
use super::locale::Width;
use super::zone::{OffsetStyle, format_offset};

/// A piece of a format.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    /// Text that stands for itself.
    Literal(String),
    /// A run of one letter; what it means is up to the reader.
    Field(String),
}

/// What a text is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// People, by tokens.
    Plain,
    /// Machines: an offset of zero is `Z`.
    Technical,
    /// People, as `Intl` writes: years before the first count down to it.
    Intl,
}

/// Splits a format into runs of equal characters and quoted text. Two quotes are one quote.
pub(super) fn tokens(format: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut run = String::new();
    let mut quoted = false;
    let flush = |tokens: &mut Vec<Token>, run: &mut String, quoted: bool| {
        if !run.is_empty() {
            let text = std::mem::take(run);
            let literal = quoted || text.chars().all(char::is_whitespace);
            tokens.push(if literal { Token::Literal(text) } else { Token::Field(text) });
        }
    };
    for c in format.chars() {
        if c == '\'' {
            if run.is_empty() && quoted {
                tokens.push(Token::Literal("'".to_owned()));
            }
            flush(&mut tokens, &mut run, quoted);
            quoted = !quoted;
        } else {
            if !quoted && !run.is_empty() && !run.starts_with(c) {
                flush(&mut tokens, &mut run, false);
            }
            run.push(c);
        }
    }
    flush(&mut tokens, &mut run, quoted);
    tokens
}

impl DateTime {
    /// Writes the date by Luxon's tokens; what is no token stands for itself.
    pub fn to_format(&self, format: &str) -> String {
        match self.moment() {
            Some(moment) => self.write(moment, format, Style::Plain),
            None => "Invalid DateTime".to_owned(),
        }
    }

    /// As [`DateTime::to_format`], in a style.
    pub(super) fn write(&self, moment: &Moment, format: &str, style: Style) -> String {
        let mut text = String::with_capacity(format.len() + 8);
        for token in tokens(format) {
            match token {
                Token::Literal(literal) => text.push_str(&literal),
                Token::Field(token) => self.write_token(moment, &token, style, &mut text),
            }
        }
        text
    }

    fn write_token(&self, moment: &Moment, token: &str, style: Style, text: &mut String) {
        let civil = &moment.civil;
        let hour_12 = if civil.hour % 12.0 == 0.0 { 12.0 } else { civil.hour % 12.0 };
        let zulu = style == Style::Technical && moment.zone.is_fixed() && moment.offset == 0.0;
        let offset = |style| if zulu { "Z".to_owned() } else { format_offset(moment.offset, style) };
        let year = if style == Style::Intl && civil.year < 1.0 { 1.0 - civil.year } else { civil.year };
        let month = |width, alone| self.locale().months(width, alone)[civil.month as usize - 1].clone();
        let weekday =
            |width, alone| self.locale().weekdays(width, alone)[civil.weekday() as usize - 1].clone();
        let era = |width| self.locale().eras(width)[usize::from(civil.year >= 0.0)].clone();
        let written = match token {
            "S" => pad(civil.millisecond, 1),
            "u" | "SSS" => pad(civil.millisecond, 3),
            "uu" => pad((civil.millisecond / 10.0).floor(), 2),
            "uuu" => pad((civil.millisecond / 100.0).floor(), 1),
            "s" => pad(civil.second, 1),
            "ss" => pad(civil.second, 2),
            "m" => pad(civil.minute, 1),
            "mm" => pad(civil.minute, 2),
            "h" => pad(hour_12, 1),
            "hh" => pad(hour_12, 2),
            "H" => pad(civil.hour, 1),
            "HH" => pad(civil.hour, 2),
            "Z" => offset(OffsetStyle::Narrow),
            "ZZ" => offset(OffsetStyle::Short),
            "ZZZ" => offset(OffsetStyle::Techie),
            "ZZZZ" => moment.zone.offset_name(moment.ts, Width::Short, self.locale()),
            "ZZZZZ" => moment.zone.offset_name(moment.ts, Width::Long, self.locale()),
            "z" => moment.zone.name().to_string(),
            "a" => self.locale().meridiems()[usize::from(civil.hour >= 12.0)].clone(),
            "d" => pad(civil.day, 1),
            "dd" => pad(civil.day, 2),
            "c" | "E" => pad(civil.weekday(), 1),
            "ccc" => weekday(Width::Short, true),
            "cccc" => weekday(Width::Long, true),
            "ccccc" => weekday(Width::Narrow, true),
            "EEE" => weekday(Width::Short, false),
            "EEEE" => weekday(Width::Long, false),
            "EEEEE" => weekday(Width::Narrow, false),
            "L" | "M" => pad(civil.month, 1),
            "LL" | "MM" => pad(civil.month, 2),
            "LLL" => month(Width::Short, true),
            "LLLL" => month(Width::Long, true),
            "LLLLL" => month(Width::Narrow, true),
            "MMM" => month(Width::Short, false),
            "MMMM" => month(Width::Long, false),
            "MMMMM" => month(Width::Narrow, false),
            "y" => pad(year, 1),
            "yy" => pad(year.abs() % 100.0, 2),
            "yyyy" => pad(civil.year, 4),
            "yyyyyy" => pad(civil.year, 6),
            "G" => era(Width::Short),
            "GG" => era(Width::Long),
            "GGGGG" => era(Width::Narrow),
            "kk" => pad(self.week_year().abs() % 100.0, 2),
            "kkkk" => pad(self.week_year(), 4),
            "W" => pad(self.week_number(), 1),
            "WW" => pad(self.week_number(), 2),
            "n" => pad(self.local_week_number(), 1),
            "nn" => pad(self.local_week_number(), 2),
            "ii" => pad(self.local_week_year().abs() % 100.0, 2),
            "iiii" => pad(self.local_week_year(), 4),
            "o" => pad(civil.ordinal(), 1),
            "ooo" => pad(civil.ordinal(), 3),
            "q" => pad(self.quarter(), 1),
            "qq" => pad(self.quarter(), 2),
            "X" => (moment.ts / 1000.0).floor().to_string(),
            "x" => moment.ts.to_string(),
            _ => match FormatOptions::of_token(token) {
                Some(options) => self.to_locale_string(&options),
                None => token.to_owned(),
            },
        };
        text.push_str(&written);
    }
}

/// A whole number with leading zeros; the sign does not count.
pub(super) fn pad(number: f64, width: usize) -> String {
    let sign = if number < 0.0 { "-" } else { "" };
    format!("{sign}{:0width$}", number.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_protect_text_and_two_are_one() {
        let literal = |text: &str| Token::Literal(text.to_owned());
        let field = |text: &str| Token::Field(text.to_owned());
        assert_eq!(
            tokens("HH 'o''clock' d"),
            [field("HH"), literal(" "), literal("o"), literal("clock"), literal(" "), field("d"),]
        );
        assert_eq!(tokens("d''M"), [field("d"), literal("'"), field("M")]);
        assert_eq!(tokens("yyyy-MM"), [field("yyyy"), field("-"), field("MM")]);
    }
}
