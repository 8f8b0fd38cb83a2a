//! Writing numbers as JavaScript's `Intl.NumberFormat` would.

use super::Locale;

/// The options of `Intl.NumberFormat`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NumberFormat {
    /// What the number stands for
    pub style: NumberStyle,
    /// How many digits stand before the decimal sign at least
    pub minimum_integer_digits: Option<usize>,
    /// How many decimals there are at least; by style when absent
    pub minimum_fraction_digits: Option<usize>,
    /// How many decimals there are at most; by style when absent
    pub maximum_fraction_digits: Option<usize>,
    /// How many digits count at most, in place of a number of decimals
    pub maximum_significant_digits: Option<usize>,
    /// Leave out the separators of thousands
    pub no_grouping: bool,
    /// `short` (`1.2M`) or `long` (`1.2 million`) in place of all digits
    pub compact: Option<String>,
    /// Write the sign of positive numbers too
    pub always_sign: bool,
}

/// What a number stands for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum NumberStyle {
    /// Itself
    #[default]
    Decimal,
    /// A part of one, written in hundredths
    Percent,
    /// An amount of money
    Currency {
        /// The ISO 4217 code
        code: String,
        /// Write the code in place of the symbol
        by_code: bool,
    },
    /// An amount of a unit such as `day`; the second field is `long`, `short` or `narrow`
    Unit(String, String),
}

impl NumberFormat {
    /// Writes a number in a language.
    pub fn format(&self, number: f64, locale: &Locale) -> String {
        if number.is_nan() {
            return "NaN".to_owned();
        }
        let number = if self.style == NumberStyle::Percent { number * 100.0 } else { number };
        let (text, compact) =
            if number.is_infinite() { ("∞".to_owned(), None) } else { self.digits(number.abs(), locale) };
        let text = match compact {
            Some(pattern) => pattern.replace("{}", &text),
            None => text,
        };
        let sign = match number.is_sign_negative() {
            true => "-",
            false if self.always_sign => "+",
            false => "",
        };
        let pattern = match &self.style {
            NumberStyle::Decimal => "{}".to_owned(),
            NumberStyle::Percent => locale.entry("percent").unwrap_or("{}%").to_owned(),
            NumberStyle::Currency { code, by_code } => currency_pattern(locale, code, *by_code),
            NumberStyle::Unit(unit, display) => {
                return format!("{sign}{}", locale.counted(&format!("unit.{unit}.{display}"), number, &text));
            }
        };
        format!("{sign}{}", pattern.replace("{}", &text))
    }

    /// The digits with separators, and the pattern of a shortened number.
    fn digits<'a>(&self, number: f64, locale: &'a Locale) -> (String, Option<&'a str>) {
        let mut decimal = Decimal::of(number);
        let mut pattern = None;
        if let Some(display) = &self.compact {
            let shapes = locale.list(&format!("compact.{display}"));
            // Rounding can carry over into the next thousand.
            let mut rounded = decimal.clone();
            rounded.round_significant(2.max(rounded.point.min(3) as usize));
            let shape = usize::try_from(rounded.point - 4).ok().and_then(|index| shapes.get(index.min(11)));
            if let Some((digits, text)) = shape.and_then(|shape| shape.split_once(':')) {
                decimal.point -= digits.parse::<i32>().unwrap_or(0);
                pattern = Some(text).filter(|text| *text != "{}");
            }
        }
        let (least, most) = self.fraction_digits();
        match self.maximum_significant_digits {
            Some(count) => decimal.round_significant(count),
            None if self.compact.is_some() && self.maximum_fraction_digits.is_none() => {
                let whole = decimal.point.max(0) as usize;
                decimal.round(if whole >= 2 { 0 } else { (2 - decimal.point) as usize });
            }
            None => decimal.round(most),
        }
        (self.separated(&decimal, least, locale), pattern)
    }

    /// How many decimals there are at least and at most.
    fn fraction_digits(&self) -> (usize, usize) {
        let (least, most) = match &self.style {
            NumberStyle::Decimal | NumberStyle::Unit(..) => (0, 3),
            NumberStyle::Percent => (0, 0),
            NumberStyle::Currency { code, .. } => {
                let digits = if ["JPY", "KRW", "VND", "CLP", "ISK"].contains(&code.as_str()) { 0 } else { 2 };
                (digits, digits)
            }
        };
        let most = self
            .maximum_fraction_digits
            .unwrap_or_else(|| most.max(self.minimum_fraction_digits.unwrap_or(0)));
        (self.minimum_fraction_digits.unwrap_or(least).min(most), most)
    }

    fn separated(&self, decimal: &Decimal, least_fraction: usize, locale: &Locale) -> String {
        let [point, group, least, second] = locale.list("number") else { return decimal.whole() };
        let mut whole = decimal.whole();
        if let Some(width) = self.minimum_integer_digits {
            whole = format!("{whole:0>width$}");
        }
        let mut fraction = decimal.fraction();
        while fraction.len() < least_fraction {
            fraction.push('0');
        }
        let second = second.parse().unwrap_or(3);
        let grouped = !self.no_grouping && whole.len() >= if least == "2" { 5 } else { 4 };
        let mut text = String::new();
        for (index, digit) in whole.chars().enumerate() {
            let left = whole.len() - index;
            if grouped && index > 0 && left >= 3 && (left - 3).is_multiple_of(second) {
                text.push_str(group);
            }
            text.push(digit);
        }
        if !fraction.is_empty() {
            text.push_str(point);
            text.push_str(&fraction);
        }
        text
    }
}

fn currency_pattern(locale: &Locale, code: &str, by_code: bool) -> String {
    let [by_symbol, with_code] = locale.list("currency") else { return format!("{code} {{}}") };
    let known =
        locale.list("currencies").iter().find_map(|entry| entry.strip_prefix(code)?.strip_prefix('='));
    match known.filter(|_| !by_code) {
        Some(symbol) => by_symbol.replace('¤', symbol),
        None => with_code.replace('¤', code),
    }
}

/// A positive number in decimal: `0.digits * 10^point`, by the shortest digits that read back as the same number.
#[derive(Clone, Debug)]
struct Decimal {
    digits: Vec<u8>,
    point: i32,
}

impl Decimal {
    fn of(number: f64) -> Self {
        let text = format!("{number:e}");
        let (mantissa, exponent) = text.split_once('e').expect("scientific notation has an exponent");
        let digits = mantissa.bytes().filter(u8::is_ascii_digit).map(|digit| digit - b'0').collect();
        let exponent: i32 = exponent.parse().expect("the exponent is a whole number");
        Self { digits, point: exponent + 1 }
    }

    /// Rounds to a number of decimals, halves away from zero.
    fn round(&mut self, decimals: usize) {
        self.keep(self.point + decimals as i32);
    }

    fn round_significant(&mut self, count: usize) {
        self.keep(count as i32);
    }

    fn keep(&mut self, count: i32) {
        let Ok(count) = usize::try_from(count) else {
            self.digits.clear();
            return;
        };
        if count >= self.digits.len() {
            return;
        }
        let up = self.digits[count] >= 5;
        self.digits.truncate(count);
        if !up {
            return;
        }
        for digit in self.digits.iter_mut().rev() {
            *digit = (*digit + 1) % 10;
            if *digit != 0 {
                return;
            }
        }
        self.digits.insert(0, 1);
        self.point += 1;
    }

    fn digit(&self, place: i32) -> char {
        let digit = usize::try_from(place).ok().and_then(|place| self.digits.get(place));
        char::from(b'0' + digit.copied().unwrap_or(0))
    }

    fn whole(&self) -> String {
        if self.point <= 0 {
            "0".to_owned()
        } else {
            (0..self.point).map(|place| self.digit(place)).collect()
        }
    }

    fn fraction(&self) -> String {
        let fraction: String =
            (self.point..self.digits.len() as i32).map(|place| self.digit(place)).collect();
        fraction.trim_end_matches('0').to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(number: f64, tag: &str, format: NumberFormat) -> String {
        format.format(number, &Locale::parse(tag).expect("a locale"))
    }

    #[test]
    fn numbers_are_grouped_and_rounded_as_the_language_does() {
        let plain = NumberFormat::default;
        assert_eq!(written(1234567.8915, "en-US", plain()), "1,234,567.892");
        assert_eq!(written(-1234.5, "de-DE", plain()), "-1.234,5");
        assert_eq!(written(12345678.0, "en-IN", plain()), "1,23,45,678");
        assert_eq!(written(1234.0, "es", plain()), "1234");
        assert_eq!(written(0.00005, "en", plain()), "0");
        assert_eq!(written(999.9996, "en", plain()), "1,000");
        assert_eq!(written(1e21, "en", plain()), "1,000,000,000,000,000,000,000");
        assert_eq!(
            written(1.005, "en", NumberFormat { maximum_fraction_digits: Some(2), ..plain() }),
            "1.01"
        );
    }

    #[test]
    fn money_percent_and_short_forms_follow_the_language() {
        let money = |code: &str| NumberFormat {
            style: NumberStyle::Currency { code: code.to_owned(), by_code: false },
            ..NumberFormat::default()
        };
        assert_eq!(written(1234.5, "en-US", money("USD")), "$1,234.50");
        assert_eq!(written(1234.5, "de", money("EUR")), "1.234,50\u{a0}€");
        assert_eq!(written(1234.5, "ja", money("JPY")), "￥1,235");
        let percent = NumberFormat { style: NumberStyle::Percent, ..NumberFormat::default() };
        assert_eq!(written(0.256, "en", percent), "26%");
        let compact = |number| {
            written(number, "en", NumberFormat { compact: Some("short".into()), ..NumberFormat::default() })
        };
        assert_eq!([1234567.0, 999_999.0, 1500.0, 12.0].map(compact), ["1.2M", "1M", "1.5K", "12"]);
    }
}
