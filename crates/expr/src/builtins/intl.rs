//! `Intl`, `toLocaleString` and `localeCompare`, for the languages of [`crate::luxon`].

use std::cmp::Ordering;

use ecow::eco_format;
use model::Text;
use unicode_normalization::UnicodeNormalization;

use super::{Result, arg};
use crate::eval::Cx;
use crate::luxon::{DateTime, FormatOptions, Locale, NumberFormat, NumberStyle, Part, Zone};
use crate::scope::Host;
use crate::value::Class;
use crate::{Error, Value};

pub(super) fn construct(class: Class, cx: &Cx<'_>, args: &[Value]) -> Result {
    Ok(match class {
        Class::DateTimeFormat => {
            let format = DateFormat::read(cx, args, Parts::Date)?;
            Value::host(Formatter { now_ms: cx.now_ms(), kind: Kind::Date(format) })
        }
        Class::NumberFormat => {
            let format = Numbers::read(cx, args)?;
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
    Number(Numbers),
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
    Ok(Numbers::read(cx, args)?.format(number).into())
}

/// A way to write numbers, in a language.
#[derive(Clone)]
struct Numbers {
    locale: Locale,
    format: NumberFormat,
}

impl Numbers {
    fn read(cx: &Cx<'_>, args: &[Value]) -> Result<Self> {
        let options = arg(args, 1);
        let text = |name: &str| Ok::<_, Error>(option(cx, &options, name)?.map(String::from));
        let style = match text("style")?.as_deref() {
            Some("percent") => NumberStyle::Percent,
            Some("currency") => match text("currency")? {
                Some(code) => NumberStyle::Currency {
                    code: code.to_uppercase(),
                    by_code: text("currencyDisplay")?.as_deref() == Some("code"),
                },
                None => return Err(Error::type_error("Currency code is required with currency style.")),
            },
            Some("unit") => NumberStyle::Unit(
                text("unit")?.unwrap_or_default(),
                text("unitDisplay")?.unwrap_or_else(|| "short".to_owned()),
            ),
            _ => NumberStyle::Decimal,
        };
        let minimum_fraction_digits = digits_option(cx, &options, "minimumFractionDigits")?;
        let maximum_fraction_digits = digits_option(cx, &options, "maximumFractionDigits")?;
        if let (Some(minimum), Some(maximum)) = (minimum_fraction_digits, maximum_fraction_digits)
            && minimum > maximum
        {
            return Err(Error::range_error("maximumFractionDigits value is out of range."));
        }
        let compact = match text("notation")?.as_deref() {
            Some("compact") => Some(text("compactDisplay")?.unwrap_or_else(|| "short".to_owned())),
            _ => None,
        };
        let format = NumberFormat {
            style,
            minimum_integer_digits: digits_option(cx, &options, "minimumIntegerDigits")?,
            minimum_fraction_digits,
            maximum_fraction_digits,
            maximum_significant_digits: digits_option(cx, &options, "maximumSignificantDigits")?,
            no_grouping: text("useGrouping")?.as_deref() == Some("false"),
            compact,
            always_sign: text("signDisplay")?.as_deref() == Some("always"),
        };
        Ok(Self { locale: locale(cx, &arg(args, 0))?, format })
    }

    fn format(&self, number: f64) -> String {
        self.format.format(number, &self.locale)
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
        self.moment(ms).to_intl(&self.options)
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

/// Punctuation in the order of the Unicode collation.
const PUNCTUATION: &str = "_-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$";

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
            if let Some(place) = PUNCTUATION.find(c) {
                keys.push((kind, place as u64, c));
                continue;
            }
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
