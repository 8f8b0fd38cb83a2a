//! The fixed formats: ISO 8601, SQL, RFC 2822 and HTTP, read and written.

use super::civil::Civil;
use super::datetime::{DateTime, Moment, Settings};
use super::duration::Invalid;
use super::format::{Style, pad};
use super::locale::Locale;
use super::unit::Field;
use super::zone::Zone;
use super::{Error, Fields, read};

/// How a text without zone is read, and in which zone the result is seen.
#[derive(Clone, Debug, Default)]
pub struct ReadOptions {
    /// The zone of texts that name none; the default zone when absent
    pub zone: Option<Zone>,
    /// Keep the zone that the text names instead of converting
    pub set_zone: bool,
    /// The language of the result
    pub locale: Option<Locale>,
}

/// How ISO text is written.
#[derive(Clone, Copy, Debug)]
pub struct IsoOptions {
    /// Without `-` and `:`
    pub basic: bool,
    /// Leave out seconds that are zero
    pub suppress_seconds: bool,
    /// Leave out milliseconds that are zero
    pub suppress_milliseconds: bool,
    /// Append the offset
    pub include_offset: bool,
    /// Append the zone in brackets
    pub extended_zone: bool,
    /// Start a time with `T`
    pub include_prefix: bool,
    /// The smallest unit to write
    pub precision: Field,
}

impl Default for IsoOptions {
    fn default() -> Self {
        Self {
            basic: false,
            suppress_seconds: false,
            suppress_milliseconds: false,
            include_offset: true,
            extended_zone: false,
            include_prefix: false,
            precision: Field::Millisecond,
        }
    }
}

/// What a text says: fields, the zone it names and the offset that goes with that zone.
pub(super) struct Reading {
    pub fields: Fields,
    /// The zone, or the name of one that does not exist
    pub zone: Option<Result<Zone, String>>,
    pub offset: Option<f64>,
}

impl Reading {
    /// The date a reading names, or an invalid one when the text could not be read.
    pub(super) fn into_date(
        reading: Option<Self>,
        text: &str,
        format: &str,
        options: &ReadOptions,
        settings: &Settings,
    ) -> Result<DateTime, Error> {
        let reading = reading.filter(|reading| !reading.fields.is_empty() || reading.zone.is_some());
        let Some(Reading { fields, zone, offset }) = reading else {
            let explanation = format!("the input \"{text}\" can't be parsed as {format}");
            return Ok(DateTime::invalid(Invalid::new("unparsable", explanation)));
        };
        let wanted = options.zone.clone().unwrap_or_else(|| settings.zone.clone());
        let locale = options.locale.clone().unwrap_or_else(|| settings.locale.clone());
        let named = match zone {
            Some(Ok(zone)) => zone,
            Some(Err(name)) => return Ok(DateTime::unsupported_zone(&name)),
            None => wanted.clone(),
        };
        let date = DateTime::from_fields(fields, named, locale, offset, settings)?;
        Ok(if options.set_zone { date } else { date.set_zone(wanted, false) })
    }
}

impl DateTime {
    /// Reads ISO 8601: calendar, week and ordinal dates, with or without time, offset and zone.
    pub fn from_iso(text: &str, options: &ReadOptions, settings: &Settings) -> Result<Self, Error> {
        Reading::into_date(read::read_iso(text), text, "ISO 8601", options, settings)
    }

    /// Reads a date, time or both as SQL writes them.
    pub fn from_sql(text: &str, options: &ReadOptions, settings: &Settings) -> Result<Self, Error> {
        Reading::into_date(read::read_sql(text), text, "SQL", options, settings)
    }

    /// Reads `Tue, 01 Nov 2016 13:23:12 +0630`.
    pub fn from_rfc2822(text: &str, options: &ReadOptions, settings: &Settings) -> Result<Self, Error> {
        Reading::into_date(read::read_rfc2822(text), text, "RFC 2822", options, settings)
    }

    /// Reads the three formats of HTTP headers.
    pub fn from_http(text: &str, options: &ReadOptions, settings: &Settings) -> Result<Self, Error> {
        let formats =
            ["EEE, dd MMM yyyy HH:mm:ss 'GMT'", "EEEE, dd-MMM-yy HH:mm:ss 'GMT'", "EEE MMM d HH:mm:ss yyyy"];
        let text_one_blank = text.replace("  ", " ");
        let reading = formats
            .iter()
            .find_map(|format| super::parse::read(&text_one_blank, format, &Locale::en()).ok()?);
        let reading = reading.map(|reading| Reading { zone: Some(Ok(Zone::UTC)), ..reading });
        Reading::into_date(reading, text, "HTTP", options, settings)
    }

    /// ISO 8601 with offset: `2017-04-20T11:32:00.000-04:00`; nothing when invalid.
    pub fn to_iso(&self) -> Option<String> {
        self.to_iso_with(&IsoOptions::default())
    }

    /// ISO 8601 as the options say.
    pub fn to_iso_with(&self, options: &IsoOptions) -> Option<String> {
        let moment = self.moment()?;
        let mut text = iso_date(&moment.civil, options);
        if options.precision as usize >= Field::Hour as usize {
            text.push('T');
        }
        text.push_str(&iso_time(moment, options));
        Some(text)
    }

    /// `2017-04-20`
    pub fn to_iso_date(&self, options: &IsoOptions) -> Option<String> {
        Some(iso_date(&self.moment()?.civil, options))
    }

    /// `2017-W16-4`
    pub fn to_iso_week_date(&self) -> Option<String> {
        Some(self.write(self.moment()?, "kkkk-'W'WW-c", Style::Technical))
    }

    /// `11:32:00.000-04:00`
    pub fn to_iso_time(&self, options: &IsoOptions) -> Option<String> {
        let with_time = options.precision as usize >= Field::Hour as usize;
        let prefix = if options.include_prefix && with_time { "T" } else { "" };
        Some(format!("{prefix}{}", iso_time(self.moment()?, options)))
    }

    /// `Thu, 20 Apr 2017 11:32:00 -0400`
    pub fn to_rfc2822(&self) -> Option<String> {
        self.in_english("EEE, dd LLL yyyy HH:mm:ss ZZZ")
    }

    /// `Thu, 20 Apr 2017 15:32:00 GMT`
    pub fn to_http(&self) -> Option<String> {
        self.set_zone(Zone::UTC, false).in_english("EEE, dd LLL yyyy HH:mm:ss 'GMT'")
    }

    /// `2017-04-20`
    pub fn to_sql_date(&self) -> Option<String> {
        self.to_iso_date(&IsoOptions::default())
    }

    /// `11:32:00.000 -04:00`, or the name of the zone in place of the offset.
    pub fn to_sql_time(&self, include_offset: bool, include_zone: bool, space: bool) -> Option<String> {
        let mut format = "HH:mm:ss.SSS".to_owned();
        if include_zone || include_offset {
            format.push_str(if space { " " } else { "" });
            format.push_str(if include_zone { "z" } else { "ZZ" });
        }
        Some(self.write(self.moment()?, &format, Style::Technical))
    }

    fn in_english(&self, format: &str) -> Option<String> {
        let english = self.clone().with_locale(Locale::en());
        Some(english.write(english.moment()?, format, Style::Plain))
    }
}

fn iso_date(civil: &Civil, options: &IsoOptions) -> String {
    let long = civil.year > 9999.0 || civil.year < 0.0;
    let mut text = if long && civil.year >= 0.0 { "+".to_owned() } else { String::new() };
    text.push_str(&pad(civil.year, if long { 6 } else { 4 }));
    let dash = if options.basic { "" } else { "-" };
    if options.precision != Field::Year {
        text.push_str(&format!("{dash}{}", pad(civil.month, 2)));
    }
    if !matches!(options.precision, Field::Year | Field::Month) {
        text.push_str(&format!("{dash}{}", pad(civil.day, 2)));
    }
    text
}

fn iso_time(moment: &Moment, options: &IsoOptions) -> String {
    let civil = &moment.civil;
    let colon = if options.basic { "" } else { ":" };
    let seconds = !options.suppress_seconds || civil.millisecond != 0.0 || civil.second != 0.0;
    let milliseconds = seconds && (!options.suppress_milliseconds || civil.millisecond != 0.0);
    let upto = |field: Field| options.precision as usize >= field as usize;
    let mut text = String::new();
    if upto(Field::Hour) {
        text.push_str(&pad(civil.hour, 2));
    }
    if upto(Field::Minute) {
        text.push_str(&format!("{colon}{}", pad(civil.minute, 2)));
    }
    if upto(Field::Second) && seconds {
        text.push_str(&format!("{colon}{}", pad(civil.second, 2)));
    }
    if upto(Field::Millisecond) && milliseconds {
        text.push_str(&format!(".{}", pad(civil.millisecond, 3)));
    }
    if options.include_offset {
        if moment.zone.is_fixed() && moment.offset == 0.0 && !options.extended_zone {
            text.push('Z');
        } else {
            let minutes = moment.offset.abs();
            let sign = if moment.offset < 0.0 { '-' } else { '+' };
            text.push_str(&format!("{sign}{:02}:{:02}", (minutes / 60.0).trunc(), (minutes % 60.0).trunc()));
        }
    }
    if options.extended_zone {
        text.push_str(&format!("[{}]", moment.zone.iana_name()));
    }
    text
}
