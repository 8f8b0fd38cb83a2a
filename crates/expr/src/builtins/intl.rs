//! `Intl`, `toLocaleString` and `localeCompare`, for the languages of [`crate::luxon`].

use std::cmp::Ordering;

use ecow::eco_format;
use model::Text;
use unicode_normalization::UnicodeNormalization;

use super::{Result, arg};
use crate::eval::Cx;
use crate::luxon::{DateTime, FormatOptions, Locale, Part, Zone};
use crate::scope::Host;
use crate::value::Class;
use crate::{Error, Value};

use super::number::to_fixed;

pub(super) fn construct(class: Class, cx: &Cx<'_>, args: &[Value]) -> Result {
    Ok(match class {
        Class::DateTimeFormat => {
            let format = DateFormat::read(cx, args, Parts::Date)?;
            Value::host(Formatter { now_ms: cx.now_ms(), kind: Kind::Date(format) })
        }
        Class::NumberFormat => {
            let format = NumberFormat::read(cx, args)?;
            Value::host(Formatter { now_ms: cx.now_ms(), kind: Kind::Number(format) })
        }
        Class::Collator => {
            let options = CollatorOptions::read(cx, &arg(args, 1))?;
            Value::host(Formatter { now_ms: cx.now_ms(), kind: Kind::Collator(options) })
        }
        class => return Err(Error::type_error(eco_format!("Intl.{} is not supported", class.name()))),
    })
}

/// What `new Intl.X()` gives.
struct Formatter {
    now_ms: f64,
    kind: Kind,
}

#[derive(Clone)]
enum Kind {
    Date(DateFormat),
    Number(NumberFormat),
    Collator(CollatorOptions),
}

impl Host for Formatter {
    fn get(&self, key: &str) -> Result {
        let now = self.now_ms;
        Ok(match (&self.kind, key) {
            (Kind::Date(format), "format") => {
                let format = format.clone();
                Value::function("format", move |args| Ok(format.format(moment(args, now)?).into()))
            }
            (Kind::Date(format), "formatToParts") => {
                let format = format.clone();
                Value::function("formatToParts", move |args| Ok(format.parts(moment(args, now)?)))
            }
            (Kind::Number(format), "format") => {
                let format = format.clone();
                Value::function("format", move |args| Ok(format.format(arg(args, 0).to_number()).into()))
            }
            (Kind::Collator(options), "compare") => {
                let options = options.clone();
                Value::function("compare", move |args| {
                    Ok(compare(&arg(args, 0).to_js_string(), &arg(args, 1).to_js_string(), &options).into())
                })
            }
            (Kind::Date(format), "resolvedOptions") => {
                let (locale, zone) = (format.locale.tag().clone(), format.zone.name());
                Value::function("resolvedOptions", move |_| {
                    Ok(Value::object([
                        ("locale", Value::String(locale.clone())),
                        ("calendar", "gregory".into()),
                        ("numberingSystem", "latn".into()),
                        ("timeZone", Value::String(zone.clone())),
                    ]))
                })
            }
            (Kind::Number(format), "resolvedOptions") => {
                let locale = format.locale.tag().clone();
                Value::function("resolvedOptions", move |_| {
                    Ok(Value::object([
                        ("locale", Value::String(locale.clone())),
                        ("numberingSystem", "latn".into()),
                    ]))
                })
            }
            _ => Value::Undefined,
        })
    }

    fn to_data(&self) -> Option<model::Value> {
        Some(model::Object::new().into())
    }
}

/// The moment to be written: now, unless one is given.
fn moment(args: &[Value], now: f64) -> Result<f64> {
    let ms = match arg(args, 0) {
        Value::Undefined => now,
        value => value.to_number(),
    };
    if ms.is_finite() { Ok(ms) } else { Err(Error::range_error("Invalid time value")) }
}

/// The locale argument: a tag or a list of tags.
fn locale(cx: &Cx<'_>, value: &Value) -> Result<Locale> {
    let tag = match value {
        Value::Undefined => return Ok(Locale::en()),
        Value::Array(tags) => match tags.get(0) {
            Some(tag) => cx.to_text(&tag)?,
            None => return Ok(Locale::en()),
        },
        tag => cx.to_text(tag)?,
    };
    Locale::parse(&tag).map_err(|error| Error::range_error(eco_format!("{error}")))
}

/// One option as text.
fn option(cx: &Cx<'_>, options: &Value, name: &str) -> Result<Option<Text>> {
    if options.is_nullish() {
        return Ok(None);
    }
    match cx.member(options, name)? {
        Value::Undefined => Ok(None),
        value => cx.to_text(&value).map(Some),
    }
}

fn digits_option(cx: &Cx<'_>, options: &Value, name: &str) -> Result<Option<usize>> {
    match option(cx, options, name)? {
        None => Ok(None),
        Some(text) => match text.parse::<usize>() {
            Ok(digits) if digits <= 100 => Ok(Some(digits)),
            _ => Err(Error::range_error(eco_format!("{name} value is out of range."))),
        },
    }
}

// Numbers.

/// `number.toLocaleString(locale, options)`
pub(crate) fn format_number(cx: &Cx<'_>, number: f64, args: &[Value]) -> Result {
    Ok(NumberFormat::read(cx, args)?.format(number).into())
}

#[derive(Clone)]
struct NumberFormat {
    locale: Locale,
    style: Text,
    currency: Option<Text>,
    currency_display: Text,
    unit: Option<Text>,
    minimum: usize,
    maximum: usize,
    significant: Option<[usize; 2]>,
    minimum_integers: usize,
    grouping: bool,
    compact: bool,
    long: bool,
    sign: Text,
}

impl NumberFormat {
    fn read(cx: &Cx<'_>, args: &[Value]) -> Result<Self> {
        let options = arg(args, 1);
        let text = |name: &str| option(cx, &options, name);
        let style = text("style")?.unwrap_or_else(|| "decimal".into());
        let currency = text("currency")?.map(|code| Text::from(code.to_uppercase()));
        if style == "currency" && currency.is_none() {
            return Err(Error::type_error("Currency code is required with currency style."));
        }
        let compact = text("notation")?.as_deref() == Some("compact");
        let (least, most) = match style.as_str() {
            "currency" => {
                let digits = match currency.as_deref() {
                    Some("JPY" | "KRW" | "VND" | "CLP" | "ISK" | "HUF") => 0,
                    _ => 2,
                };
                (digits, digits)
            }
            "percent" => (0, 0),
            _ if compact => (0, 0),
            _ => (0, 3),
        };
        let minimum = digits_option(cx, &options, "minimumFractionDigits")?;
        let maximum = digits_option(cx, &options, "maximumFractionDigits")?;
        if let (Some(minimum), Some(maximum)) = (minimum, maximum)
            && minimum > maximum
        {
            return Err(Error::range_error("maximumFractionDigits value is out of range."));
        }
        let least = minimum.unwrap_or_else(|| least.min(maximum.unwrap_or(least)));
        let significant = match (
            digits_option(cx, &options, "minimumSignificantDigits")?,
            digits_option(cx, &options, "maximumSignificantDigits")?,
        ) {
            (None, None) => None,
            (least, most) => Some([least.unwrap_or(1).max(1), most.unwrap_or(21).max(1)]),
        };
        Ok(Self {
            locale: locale(cx, &arg(args, 0))?,
            style,
            currency,
            currency_display: text("currencyDisplay")?.unwrap_or_default(),
            unit: text("unit")?,
            minimum: least,
            maximum: maximum.unwrap_or_else(|| most.max(least)),
            significant,
            minimum_integers: digits_option(cx, &options, "minimumIntegerDigits")?.unwrap_or(1),
            grouping: text("useGrouping")?.as_deref() != Some("false"),
            compact,
            long: text("compactDisplay")?.as_deref() == Some("long"),
            sign: text("signDisplay")?.unwrap_or_default(),
        })
    }

    fn format(&self, number: f64) -> Text {
        if number.is_nan() {
            return "NaN".into();
        }
        let number = if self.style == "percent" { number * 100.0 } else { number };
        let mut value = number.abs();
        let mut suffix = "";
        if self.compact {
            let scales: [(f64, &str, &str); 4] = [
                (1e12, "T", " trillion"),
                (1e9, "B", " billion"),
                (1e6, "M", " million"),
                (1e3, "K", " thousand"),
            ];
            if let Some((scale, short, long)) = scales.into_iter().find(|(scale, ..)| value >= *scale) {
                value /= scale;
                suffix = if self.long { long } else { short };
            }
        }
        let digits = self.digits(value);
        let is_zero = !digits.bytes().any(|byte| (b'1'..=b'9').contains(&byte));
        let sign = match (self.sign.as_str(), number.is_sign_negative()) {
            ("never", _) => "",
            ("always", false) => "+",
            ("exceptZero", false) if !is_zero => "+",
            ("exceptZero" | "negative", true) if is_zero => "",
            (_, true) => "-",
            _ => "",
        };
        let body = eco_format!("{digits}{suffix}");
        let [decimal, _, _] = self.locale.separators();
        let german = decimal == ",";
        match (self.style.as_str(), &self.currency) {
            ("currency", Some(code)) => {
                let symbol = match self.currency_display.as_str() {
                    "code" => code.as_str(),
                    _ => symbol(code, &self.locale),
                };
                let spaced = symbol.len() > 2 && symbol.chars().all(|c| c.is_ascii_alphabetic());
                match self.locale.tag().as_str() {
                    "pt" | "pt-BR" | "nl" | "nl-NL" => eco_format!("{sign}{symbol}\u{a0}{body}"),
                    _ if german => eco_format!("{sign}{body}\u{a0}{symbol}"),
                    _ if spaced => eco_format!("{sign}{symbol}\u{a0}{body}"),
                    _ => eco_format!("{sign}{symbol}{body}"),
                }
            }
            ("percent", _)
                if german
                    && !self.locale.tag().starts_with("pt")
                    && !self.locale.tag().starts_with("it")
                    && !self.locale.tag().starts_with("nl") =>
            {
                eco_format!("{sign}{body}\u{a0}%")
            }
            ("percent", _) => eco_format!("{sign}{body}%"),
            ("unit", _) => {
                eco_format!("{sign}{body} {}", short_unit(self.unit.as_deref().unwrap_or_default()))
            }
            _ => eco_format!("{sign}{body}"),
        }
    }

    /// The digits of a positive number, grouped.
    fn digits(&self, value: f64) -> String {
        if value.is_infinite() {
            return "∞".into();
        }
        let compact_small = self.compact && value < 100.0 && self.significant.is_none();
        let plain = match self.significant {
            Some([least, most]) => significant(value, least, most),
            // Compact numbers show two digits.
            None if compact_small => significant(value, 1, 2),
            None => trim_zeros(&half_expand(value, self.maximum), self.minimum),
        };
        let (whole, fraction) = plain.split_once('.').unwrap_or((&plain, ""));
        let whole = format!("{whole:0>width$}", width = self.minimum_integers);
        let [decimal, group, least] = self.locale.separators();
        let mut text = String::new();
        // Some languages do not group four digits.
        let grouped = self.grouping && whole.len() >= 3 + least.parse().unwrap_or(1);
        for (index, digit) in whole.chars().enumerate() {
            let left = whole.len() - index;
            let boundary = match self.locale.tag().as_str() {
                "en-IN" => left == 3 || left > 3 && left % 2 == 1,
                _ => left % 3 == 0,
            };
            if index > 0 && grouped && boundary {
                text.push_str(group);
            }
            text.push(digit);
        }
        if !fraction.is_empty() {
            text.push_str(decimal);
            text.push_str(fraction);
        }
        text
    }
}

/// Rounds the shortest decimal form half up, as ICU does.
fn half_expand(value: f64, digits: usize) -> String {
    let shortest = format!("{value}");
    match shortest.split_once('.') {
        Some((whole, fraction)) if fraction.len() > digits => {
            let kept = format!("{whole}.{}", &fraction[..digits]);
            let up = fraction.as_bytes()[digits] >= b'5';
            let kept = kept.trim_end_matches('.').to_owned();
            if up { super::number::increment(&kept) } else { kept }
        }
        Some(_) => shortest,
        None => shortest,
    }
}

/// Cuts zeros behind the point, or adds them, until there are at least `minimum` digits.
fn trim_zeros(text: &str, minimum: usize) -> String {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut fraction = fraction.to_owned();
    while fraction.len() > minimum && fraction.ends_with('0') {
        fraction.pop();
    }
    while fraction.len() < minimum {
        fraction.push('0');
    }
    if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") }
}

fn significant(value: f64, least: usize, most: usize) -> String {
    if value == 0.0 {
        return trim_zeros("0", least - 1);
    }
    let text = format!("{value:.*e}", most - 1);
    let exponent: i32 = text.split_once('e').and_then(|(_, exponent)| exponent.parse().ok()).unwrap_or(0);
    let digits = (most as i32 - 1 - exponent).max(0) as usize;
    let rounded: f64 = text.parse().unwrap_or(value);
    let minimum = (least as i32 - 1 - exponent).max(0) as usize;
    trim_zeros(&to_fixed(rounded, digits.min(100)), minimum)
}

fn symbol<'c>(code: &'c str, locale: &Locale) -> &'c str {
    match code {
        "USD" if locale.tag() == "en-CA" => "US$",
        "USD" if locale.tag() == "en-AU" => "USD",
        "CAD" if locale.tag() == "en-CA" => "$",
        "AUD" if locale.tag() == "en-AU" => "$",
        "USD" => "$",
        "EUR" => "€",
        "GBP" => "£",
        "JPY" => "¥",
        "CNY" => "CN¥",
        "INR" => "₹",
        "KRW" => "₩",
        "BRL" => "R$",
        "CAD" => "CA$",
        "AUD" => "A$",
        "NZD" => "NZ$",
        "MXN" => "MX$",
        "ILS" => "₪",
        "VND" => "₫",
        "TWD" => "NT$",
        "HKD" => "HK$",
        "PHP" => "₱",
        "SEK" if locale.tag() == "sv-SE" => "kr",
        code => code,
    }
}

fn short_unit(unit: &str) -> &str {
    match unit {
        "kilometer" => "km",
        "meter" => "m",
        "centimeter" => "cm",
        "kilogram" => "kg",
        "gram" => "g",
        "liter" => "L",
        "celsius" => "°C",
        "byte" => "byte",
        "kilobyte" => "kB",
        "megabyte" => "MB",
        "gigabyte" => "GB",
        "hour" => "hr",
        "minute" => "min",
        "second" => "sec",
        unit => unit,
    }
}

// Dates.

/// Which parts a date shows when no option says so.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Parts {
    Date,
    Time,
    Both,
}

/// `date.toLocaleString(locale, options)` and its relatives
pub(super) fn format_date(cx: &Cx<'_>, ms: f64, args: &[Value], parts: Parts) -> Result {
    let format = DateFormat::read(cx, args, parts)?;
    Ok(if ms.is_finite() { format.format(ms).into() } else { "Invalid Date".into() })
}

/// A way to write dates.
#[derive(Clone)]
struct DateFormat {
    locale: Locale,
    zone: Zone,
    options: FormatOptions,
}

impl DateFormat {
    fn read(cx: &Cx<'_>, args: &[Value], parts: Parts) -> Result<Self> {
        let given = arg(args, 1);
        let text = |name: &str| Ok::<_, Error>(option(cx, &given, name)?.map(String::from));
        let zone = match text("timeZone")? {
            None => Zone::UTC,
            Some(name) => Zone::parse(&name)
                .ok_or_else(|| Error::range_error(eco_format!("Invalid time zone specified: {name}")))?,
        };
        let hour_12 = match text("hour12")? {
            Some(value) => Some(value == "true"),
            None => text("hourCycle")?.map(|cycle| cycle == "h12" || cycle == "h11"),
        };
        let mut options = FormatOptions {
            date_style: text("dateStyle")?,
            time_style: text("timeStyle")?,
            weekday: text("weekday")?,
            era: text("era")?,
            year: text("year")?,
            month: text("month")?,
            day: text("day")?,
            hour: text("hour")?,
            minute: text("minute")?,
            second: text("second")?,
            fractional_second_digits: digits_option(cx, &given, "fractionalSecondDigits")?
                .map(|digits| digits.min(3)),
            time_zone_name: text("timeZoneName")?,
            hour_12,
            time_zone: None,
        };
        let styled = options.date_style.is_some() || options.time_style.is_some();
        let dated =
            [&options.weekday, &options.year, &options.month, &options.day].iter().any(|part| part.is_some());
        let timed = [&options.hour, &options.minute, &options.second].iter().any(|part| part.is_some())
            || options.fractional_second_digits.is_some();
        let numeric = || Some("numeric".to_owned());
        // A date shows its date and a time its time, unless the options say what to show.
        let (shows_date, shows_time) = match parts {
            _ if styled => (false, false),
            Parts::Date => (!dated, false),
            Parts::Time => (false, !timed),
            Parts::Both => (!dated && !timed, !dated && !timed),
        };
        if shows_date {
            (options.year, options.month, options.day) = (numeric(), numeric(), numeric());
        }
        if shows_time {
            (options.hour, options.minute, options.second) = (numeric(), numeric(), numeric());
        }
        Ok(Self { locale: locale(cx, &arg(args, 0))?, zone, options })
    }

    fn moment(&self, ms: f64) -> DateTime {
        DateTime::from_millis(ms, self.zone.clone(), self.locale.clone())
    }

    fn format(&self, ms: f64) -> String {
        self.moment(ms).to_locale_string(&self.options)
    }

    /// The pieces `formatToParts` gives.
    fn parts(&self, ms: f64) -> Value {
        let part =
            |part: Part| Value::object([("type", Value::from(part.kind)), ("value", part.value.into())]);
        Value::array(self.moment(ms).to_locale_parts(&self.options).into_iter().map(part).collect())
    }
}

// Order.

/// How text is compared.
#[derive(Clone, Default)]
pub(super) struct CollatorOptions {
    numeric: bool,
    /// `base`: neither accents nor case; `accent`: no case.
    sensitivity: Text,
}

impl CollatorOptions {
    pub(super) fn read(cx: &Cx<'_>, options: &Value) -> Result<Self> {
        Ok(Self {
            numeric: option(cx, options, "numeric")?.as_deref() == Some("true"),
            sensitivity: option(cx, options, "sensitivity")?.unwrap_or_default(),
        })
    }
}

/// `left.localeCompare(right)`: letters first, then accents, then lower before upper case.
pub(super) fn compare(left: &str, right: &str, options: &CollatorOptions) -> f64 {
    let base = |text: &str| -> Vec<(u8, u64, char)> {
        let mut keys = Vec::new();
        let mut chars = text.nfd().filter(|c| !is_mark(*c)).peekable();
        while let Some(c) = chars.next() {
            if options.numeric && c.is_ascii_digit() {
                let mut number = u64::from(c.to_digit(10).unwrap_or(0));
                while let Some(digit) = chars.peek().and_then(|c| c.to_digit(10)) {
                    number = number.saturating_mul(10).saturating_add(u64::from(digit));
                    chars.next();
                }
                keys.push((2, number, '0'));
                continue;
            }
            let kind = match c {
                c if c.is_whitespace() => 0,
                c if c.is_alphabetic() => 3,
                c if c.is_numeric() => 2,
                _ => 1,
            };
            for c in c.to_lowercase() {
                keys.push((kind, 0, c));
            }
        }
        keys
    };
    let marks = |text: &str| -> String { text.nfd().flat_map(char::to_lowercase).collect() };
    let order = base(left).cmp(&base(right));
    let order = match options.sensitivity.as_str() {
        "base" => order,
        "accent" => order.then_with(|| marks(left).cmp(&marks(right))),
        // Lower case comes first.
        _ => order
            .then_with(|| marks(left).cmp(&marks(right)))
            .then_with(|| right.nfd().collect::<String>().cmp(&left.nfd().collect())),
    };
    match order {
        Ordering::Less => -1.0,
        Ordering::Equal => 0.0,
        Ordering::Greater => 1.0,
    }
}

fn is_mark(c: char) -> bool {
    ('\u{300}'..='\u{36f}').contains(&c)
}
