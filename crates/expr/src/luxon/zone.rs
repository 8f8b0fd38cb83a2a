//! Time zones: fixed offsets and the zones of the bundled time zone database.

use std::fmt;

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};
use model::Text;

use super::civil::Civil;

/// A time zone that a date is seen in.
#[derive(Clone, Debug)]
pub enum Zone {
    /// A fixed number of minutes ahead of UTC
    Fixed(f64),
    /// A zone of the time zone database, under the name it was asked for
    Named(Text, TimeZone),
}

/// How an offset is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OffsetStyle {
    /// `+5`, `+5:30`
    Narrow,
    /// `+05:00`
    Short,
    /// `+0500`
    Techie,
}

impl Zone {
    /// Coordinated universal time.
    pub const UTC: Zone = Zone::Fixed(0.0);

    /// Reads `utc`, `UTC+5:30`, `+05:30` or a name of the time zone database.
    pub fn parse(name: &str) -> Option<Self> {
        let lower = name.to_ascii_lowercase();
        if let Some(rest) = lower.strip_prefix("utc").or((lower == "gmt").then_some("")) {
            if rest.is_empty() {
                return Some(Zone::UTC);
            }
            return fixed_minutes(rest, 1).map(Zone::Fixed);
        }
        if name.starts_with(['+', '-']) {
            let seconds = (fixed_minutes(name, 2)? * 60.0) as i32;
            return Some(Zone::Named(name.into(), TimeZone::fixed(Offset::from_seconds(seconds).ok()?)));
        }
        Some(Zone::Named(name.into(), TimeZone::get(name).ok().filter(|_| name != "local")?))
    }

    /// A zone of the time zone library.
    pub fn from_jiff(zone: &TimeZone) -> Self {
        match zone.iana_name() {
            Some("UTC") | None => match zone.to_fixed_offset() {
                Ok(offset) => Zone::Fixed(f64::from(offset.seconds()) / 60.0),
                Err(_) => Zone::UTC,
            },
            Some(name) => Zone::Named(name.into(), zone.clone()),
        }
    }

    /// The zone of the process, which is UTC: nothing here looks at the machine.
    pub fn system() -> Self {
        Zone::Named("UTC".into(), TimeZone::UTC)
    }

    /// The name: `Europe/Paris`, `UTC`, `UTC+5:30`.
    pub fn name(&self) -> Text {
        match self {
            Zone::Fixed(0.0) => "UTC".into(),
            Zone::Fixed(minutes) => ecow::eco_format!("UTC{}", format_offset(*minutes, OffsetStyle::Narrow)),
            Zone::Named(name, _) => name.clone(),
        }
    }

    /// The name as the time zone database would have it: `Etc/UTC`, `Etc/GMT-3` for three hours ahead.
    pub fn iana_name(&self) -> Text {
        match self {
            Zone::Fixed(0.0) => "Etc/UTC".into(),
            Zone::Fixed(minutes) => {
                ecow::eco_format!("Etc/GMT{}", format_offset(-minutes, OffsetStyle::Narrow))
            }
            Zone::Named(name, _) => name.clone(),
        }
    }

    /// Whether the offset never changes.
    pub fn is_fixed(&self) -> bool {
        matches!(self, Zone::Fixed(_))
    }

    /// Minutes ahead of UTC at a moment.
    pub fn offset(&self, ts: f64) -> f64 {
        match self {
            Zone::Fixed(minutes) => *minutes,
            Zone::Named(_, zone) => f64::from(zone.to_offset(timestamp(ts)).seconds()) / 60.0,
        }
    }

    /// Finds the moment a wall clock of this zone shows `local`, and its offset; `guess` is the offset to try first.
    /// A time that a change of the clock skips moves on by the change; of a repeated time, the guess decides.
    pub(super) fn resolve(&self, local: Civil, guess: f64) -> (f64, f64) {
        let local_ms = local.to_ms();
        let ts = local_ms - guess * 60_000.0;
        let second = self.offset(ts);
        if second == guess {
            return (ts, guess);
        }
        let ts = ts - (second - guess) * 60_000.0;
        let third = self.offset(ts);
        if second == third {
            return (ts, second);
        }
        (local_ms - second.min(third) * 60_000.0, second.max(third))
    }
}

impl PartialEq for Zone {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Zone::Fixed(left), Zone::Fixed(right)) => left == right,
            (Zone::Named(left, _), Zone::Named(right, _)) => left.eq_ignore_ascii_case(right),
            _ => false,
        }
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

/// Writes minutes ahead of UTC.
pub fn format_offset(minutes: f64, style: OffsetStyle) -> String {
    let whole = minutes.abs().trunc();
    let (hours, rest) = ((whole / 60.0).trunc(), whole % 60.0);
    let sign = if minutes >= 0.0 { '+' } else { '-' };
    match style {
        OffsetStyle::Narrow if rest > 0.0 => format!("{sign}{hours}:{rest}"),
        OffsetStyle::Narrow => format!("{sign}{hours}"),
        OffsetStyle::Short => format!("{sign}{hours:02}:{rest:02}"),
        OffsetStyle::Techie => format!("{sign}{hours:02}{rest:02}"),
    }
}

/// Minutes of `+5`, `-05:30` or `+0530`, with at least `hour_digits` digits for the hour.
fn fixed_minutes(text: &str, hour_digits: usize) -> Option<f64> {
    let sign = match text.bytes().next()? {
        b'+' => 1.0,
        b'-' => -1.0,
        _ => return None,
    };
    let digits = &text[1..];
    let (hours, minutes) = match digits.split_once(':') {
        Some((hours, minutes)) => (hours, minutes),
        None if digits.len() == 4 && hour_digits == 2 => digits.split_at(2),
        None => (digits, "00"),
    };
    let fits = (hour_digits..=2).contains(&hours.len()) && minutes.len() == 2;
    let number =
        |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<f64>().ok());
    let (hours, minutes) = (number(hours)??, number(minutes)??);
    fits.then_some(sign * (hours * 60.0 + minutes))
}

/// The moment for the time zone database, whose rules end with the year 9999.
fn timestamp(ts: f64) -> Timestamp {
    let second = ((ts / 1000.0).floor() as i64).clamp(Timestamp::MIN.as_second(), Timestamp::MAX.as_second());
    Timestamp::from_second(second).expect("a clamped timestamp is in range")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_are_read_by_name_and_by_offset() {
        let name = |text| Zone::parse(text).map(|zone| zone.name().to_string());
        assert_eq!(name("Europe/Paris").as_deref(), Some("Europe/Paris"));
        assert_eq!(name("utc").as_deref(), Some("UTC"));
        assert_eq!(name("UTC+3").as_deref(), Some("UTC+3"));
        assert_eq!(name("utc-5:30").as_deref(), Some("UTC-5:30"));
        assert_eq!(name("+05:30").as_deref(), Some("+05:30"));
        assert_eq!(name("Mars/Olympus"), None);
        assert_eq!(name("+5x:30"), None);
    }

    #[test]
    fn a_skipped_local_time_moves_on_by_the_change() {
        let zone = Zone::parse("America/New_York").expect("a zone");
        let skipped = Civil { hour: 2.0, minute: 30.0, ..Civil::day(2024.0, 3.0, 10.0) };
        let (ts, offset) = zone.resolve(skipped, -300.0);
        assert_eq!(offset, -240.0);
        let shown = Civil::from_ms(ts + offset * 60_000.0);
        assert_eq!((shown.hour, shown.minute), (3.0, 30.0));
    }
}
