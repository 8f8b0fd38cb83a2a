//! Writing dates as JavaScript's `Intl.DateTimeFormat` would: `toLocaleString`.

use super::datetime::{DateTime, Moment};
use super::format::{Style, Token, tokens};
use super::locale::Locale;
use super::zone::Zone;

/// The options of `Intl.DateTimeFormat`, by the names JavaScript gives them. An option that is absent is left out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FormatOptions {
    /// `full`, `long`, `medium` or `short`
    pub date_style: Option<String>,
    /// `full`, `long`, `medium` or `short`
    pub time_style: Option<String>,
    /// `long`, `short` or `narrow`
    pub weekday: Option<String>,
    /// `long`, `short` or `narrow`
    pub era: Option<String>,
    /// `numeric` or `2-digit`
    pub year: Option<String>,
    /// `numeric`, `2-digit`, `long`, `short` or `narrow`
    pub month: Option<String>,
    /// `numeric` or `2-digit`
    pub day: Option<String>,
    /// `numeric` or `2-digit`
    pub hour: Option<String>,
    /// `numeric` or `2-digit`
    pub minute: Option<String>,
    /// `numeric` or `2-digit`
    pub second: Option<String>,
    /// How many digits of the fraction of a second to write
    pub fractional_second_digits: Option<usize>,
    /// `short` or `long`
    pub time_zone_name: Option<String>,
    /// Whether hours count to 12
    pub hour_12: Option<bool>,
    /// Another zone than the date's own
    pub time_zone: Option<String>,
}

/// A piece of a formatted date.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// `year`, `month`, `literal`, ...
    pub kind: &'static str,
    /// The text
    pub value: String,
}

impl FormatOptions {
    /// The options of a preset such as `DATE_SHORT`.
    pub fn preset(name: &str) -> Option<Self> {
        let (kind, rest) = name.split_once('_')?;
        let mut options = Self::default();
        let some = |text: &str| Some(text.to_owned());
        let rest = match kind {
            "DATE" | "DATETIME" => {
                let (length, rest) = rest.split_once('_').unwrap_or((rest, ""));
                options.year = some("numeric");
                options.day = some("numeric");
                options.month = some(match length {
                    "SHORT" => "numeric",
                    "MED" => "short",
                    "FULL" | "HUGE" => "long",
                    _ => return None,
                });
                if length == "HUGE" {
                    options.weekday = some("long");
                }
                if kind == "DATETIME" {
                    options.hour = some("numeric");
                    options.minute = some("numeric");
                    options.time_zone_name = match length {
                        "FULL" => some("short"),
                        "HUGE" => some("long"),
                        _ => None,
                    };
                }
                rest
            }
            "TIME" => {
                options.hour = some("numeric");
                options.minute = some("numeric");
                let rest = match rest.strip_prefix("24_") {
                    Some(rest) => {
                        options.hour_12 = Some(false);
                        rest
                    }
                    None => rest,
                };
                if rest == "SIMPLE" { "" } else { rest }
            }
            _ => return None,
        };
        match rest {
            "" => {}
            "WITH_SECONDS" if kind != "DATE" => options.second = some("numeric"),
            "WITH_WEEKDAY" if kind != "TIME" => options.weekday = some("short"),
            "WITH_SHORT_OFFSET" | "WITH_LONG_OFFSET" if kind == "TIME" => {
                options.second = some("numeric");
                options.time_zone_name = some(if rest.contains("SHORT") { "short" } else { "long" });
            }
            _ => return None,
        }
        Some(options)
    }

    /// The options of a token that stands for a whole format (`DD`, `tt`, `FFFF`).
    pub(super) fn of_token(token: &str) -> Option<Self> {
        Self::preset(match token {
            "D" => "DATE_SHORT",
            "DD" => "DATE_MED",
            "DDD" => "DATE_FULL",
            "DDDD" => "DATE_HUGE",
            "t" => "TIME_SIMPLE",
            "tt" => "TIME_WITH_SECONDS",
            "ttt" => "TIME_WITH_SHORT_OFFSET",
            "tttt" => "TIME_WITH_LONG_OFFSET",
            "T" => "TIME_24_SIMPLE",
            "TT" => "TIME_24_WITH_SECONDS",
            "TTT" => "TIME_24_WITH_SHORT_OFFSET",
            "TTTT" => "TIME_24_WITH_LONG_OFFSET",
            "f" => "DATETIME_SHORT",
            "ff" => "DATETIME_MED",
            "fff" => "DATETIME_FULL",
            "ffff" => "DATETIME_HUGE",
            "F" => "DATETIME_SHORT_WITH_SECONDS",
            "FF" => "DATETIME_MED_WITH_SECONDS",
            "FFF" => "DATETIME_FULL_WITH_SECONDS",
            "FFFF" => "DATETIME_HUGE_WITH_SECONDS",
            _ => return None,
        })
    }

    /// The members a preset has in JavaScript, in order.
    pub fn members(&self) -> Vec<(&'static str, String)> {
        let members = [
            ("dateStyle", &self.date_style),
            ("timeStyle", &self.time_style),
            ("weekday", &self.weekday),
            ("era", &self.era),
            ("year", &self.year),
            ("month", &self.month),
            ("day", &self.day),
            ("hour", &self.hour),
            ("minute", &self.minute),
            ("second", &self.second),
            ("timeZoneName", &self.time_zone_name),
            ("timeZone", &self.time_zone),
        ];
        let cycle = self.hour_12.map(|hour_12| ("hourCycle", if hour_12 { "h12" } else { "h23" }.to_owned()));
        members.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))).chain(cycle).collect()
    }

    /// A short date when neither date nor time are asked for, as `Intl` has it.
    pub fn or_short_date(self) -> Self {
        if self.has_date() || self.has_time() {
            return self;
        }
        let short = Self::preset("DATE_SHORT").unwrap_or_default();
        Self { year: short.year, month: short.month, day: short.day, ..self }
    }

    fn has_date(&self) -> bool {
        self.date_style.is_some()
            || self.weekday.is_some()
            || self.year.is_some()
            || self.month.is_some()
            || self.day.is_some()
    }

    fn has_time(&self) -> bool {
        self.time_style.is_some()
            || self.hour.is_some()
            || self.minute.is_some()
            || self.second.is_some()
            || self.fractional_second_digits.is_some()
    }

    /// The pattern for these options in a language, in Luxon's tokens.
    pub(super) fn pattern(&self, locale: &Locale) -> String {
        let mut date = self.has_date().then(|| self.date_pattern(locale));
        let time = self.has_time().then(|| self.time_pattern(locale));
        if let (None, Some(zone)) = (&time, self.zone_token()) {
            let joint = locale.entry("join.zone").unwrap_or(", ");
            date.get_or_insert_default().push_str(&format!("{joint}{zone}"));
        }
        match (date, time) {
            (Some(date), Some(time)) => {
                let length = match (&self.date_style, &self.month) {
                    (Some(style), _) => style.as_str(),
                    (None, Some(month)) if month == "long" && self.weekday.is_some() => "full",
                    (None, Some(month)) if month == "long" => "long",
                    (None, Some(month)) if month == "short" => "medium",
                    _ if self.weekday.is_some() && self.year.is_none() && self.day.is_none() => "weekday",
                    _ => "short",
                };
                let kind = if self.date_style.is_some() { "joinStyle" } else { "join" };
                let joint = locale.entry(&format!("{kind}.{length}")).unwrap_or(", ");
                format!("{date}{joint}{time}")
            }
            (date, time) => date.or(time).unwrap_or_default(),
        }
    }

    fn date_pattern(&self, locale: &Locale) -> String {
        if let Some(style) = &self.date_style {
            return locale.entry(&format!("dateStyle.{style}")).unwrap_or("y-MM-dd").to_owned();
        }
        let code = |option: &Option<String>| match option.as_deref() {
            Some("numeric") => 'n',
            Some("2-digit") => '2',
            Some("long") => 'l',
            Some(_) => 's',
            None => '-',
        };
        let key: String = [&self.weekday, &self.year, &self.month, &self.day].map(code).iter().collect();
        let pattern = locale.entry(&format!("date.{key}")).unwrap_or("y-MM-dd");
        let mut pattern = pattern.to_owned();
        if self.month.as_deref() == Some("narrow") {
            pattern = pattern.replace("MMM", "MMMMM").replace("LLL", "LLLLL");
        }
        if self.weekday.as_deref() == Some("narrow") {
            pattern = pattern.replace("EEE", "EEEEE").replace("ccc", "ccccc");
        }
        match self.era.as_deref() {
            Some("long") => format!("{pattern} GG"),
            Some(_) => format!("{pattern} G"),
            None => pattern,
        }
    }

    fn time_pattern(&self, locale: &Locale) -> String {
        let hour_12 =
            self.hour_12.unwrap_or_else(|| locale.entry("cycle").is_some_and(|cycle| cycle == "h12"));
        if let Some(style) = &self.time_style {
            let pattern = locale.entry(&format!("timeStyle.{style}")).unwrap_or("HH:mm");
            let usual = locale.entry("cycle").is_some_and(|cycle| cycle == "h12");
            if usual == hour_12 {
                return pattern.to_owned();
            }
            let zone = match style.as_str() {
                "full" => " ZZZZZ",
                "long" => " ZZZZ",
                _ => "",
            };
            return format!(
                "{}{zone}",
                clock_pattern(locale, hour_12, if style == "short" { "nn" } else { "nns" })
            );
        }
        let fraction = self.fractional_second_digits.map(|digits| match digits {
            1 => "uuu",
            2 => "uu",
            _ => "SSS",
        });
        let decimal = locale.list("number").first().map_or(".", String::as_str);
        let mut pattern = match (&self.hour, &self.minute, &self.second) {
            (Some(hour), minute, second) => {
                let width = |option: &str| if option == "2-digit" { '2' } else { 'n' };
                let mut key = String::from(width(hour));
                key.push(minute.as_deref().map_or('-', width));
                key.push_str(if minute.is_some() && second.is_some() { "s" } else { "" });
                key.push_str(if self.time_zone_name.is_some() { "z" } else { "" });
                clock_pattern(locale, hour_12, &key).replace("ZZZZ", self.zone_token().unwrap_or_default())
            }
            (None, Some(_), Some(_)) => "mm:ss".to_owned(),
            (None, Some(_), None) => "m".to_owned(),
            (None, None, Some(_)) => "s".to_owned(),
            (None, None, None) => return fraction.unwrap_or_default().to_owned(),
        };
        if let (Some(fraction), Some(_)) = (fraction, &self.second) {
            let seconds = if pattern.contains("ss") { "ss" } else { "s" };
            pattern = pattern.replace(seconds, &format!("{seconds}{decimal}{fraction}"));
        }
        pattern
    }

    fn zone_token(&self) -> Option<&'static str> {
        self.time_zone_name.as_ref().map(|name| if name == "long" { "ZZZZZ" } else { "ZZZZ" })
    }
}

fn clock_pattern(locale: &Locale, hour_12: bool, widths: &str) -> &'static str {
    let cycle = if hour_12 { 'h' } else { 'H' };
    locale.entry(&format!("time.{cycle}{widths}")).unwrap_or("HH:mm")
}

impl DateTime {
    /// The date as Luxon writes it in its language. For zones that `Intl` does not know, Luxon joins the parts, which
    /// keep the narrow blank that stands before AM.
    pub fn to_locale_string(&self, options: &FormatOptions) -> String {
        let known = options.time_zone.is_some() || self.zone().is_none_or(|zone| zone.is_known_to_intl());
        match self.is_valid() {
            true if known => self.to_intl(options),
            true => self.written(options),
            false => "Invalid DateTime".to_owned(),
        }
    }

    /// The date as `Intl.DateTimeFormat` writes it in its language. JavaScript engines write a plain blank for the
    /// narrow one that CLDR has before AM.
    pub fn to_intl(&self, options: &FormatOptions) -> String {
        self.written(options).replace('\u{202f}', " ")
    }

    fn written(&self, options: &FormatOptions) -> String {
        let date = self.in_zone_of(options);
        let pattern = options.pattern(date.locale());
        date.moment().map_or_else(String::new, |moment| date.write(moment, &pattern, Style::Intl))
    }

    /// The same text in pieces.
    pub fn to_locale_parts(&self, options: &FormatOptions) -> Vec<Part> {
        let date = self.in_zone_of(options);
        let Some(moment) = date.moment() else { return Vec::new() };
        date.parts(moment, &options.pattern(date.locale()))
    }

    fn parts(&self, moment: &Moment, pattern: &str) -> Vec<Part> {
        let mut parts: Vec<Part> = Vec::new();
        for token in tokens(pattern) {
            let (kind, value) = match token {
                Token::Literal(text) => ("literal", text),
                Token::Field(token) => (kind_of(&token), self.write(moment, &token, Style::Intl)),
            };
            match parts.last_mut() {
                Some(last) if last.kind == "literal" && kind == "literal" => last.value.push_str(&value),
                _ => parts.push(Part { kind, value }),
            }
        }
        parts
    }

    /// The date in the zone that `Intl` would write it in; it knows fixed offsets by their distance from Greenwich.
    fn in_zone_of(&self, options: &FormatOptions) -> DateTime {
        let zone = match options.time_zone.as_deref() {
            Some(name) => Zone::parse(name),
            None => self.zone().and_then(Zone::named_by_offset),
        };
        zone.map_or_else(|| self.clone(), |zone| self.set_zone(zone, false))
    }
}

/// What a token of a pattern is called among the parts.
fn kind_of(token: &str) -> &'static str {
    match token.chars().next() {
        Some('y') => "year",
        Some('M' | 'L') => "month",
        Some('d') => "day",
        Some('E' | 'c') => "weekday",
        Some('h' | 'H') => "hour",
        Some('m') => "minute",
        Some('s') => "second",
        Some('S' | 'u') => "fractionalSecond",
        Some('a') => "dayPeriod",
        Some('Z') => "timeZoneName",
        Some('G') => "era",
        _ => "literal",
    }
}
