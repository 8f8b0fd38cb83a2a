//! What people call the offset of a zone: `EST`, `Central European Summer Time`.

use std::collections::HashMap;
use std::sync::OnceLock;

use jiff::tz::{Offset, TimeZone};

use super::civil::Civil;
use super::locale::{Locale, Width};
use super::zone::{OffsetStyle, Zone, format_offset};

/// Short and long name in winter and in summer.
type Names = [&'static str; 4];

impl Zone {
    /// The name of the offset that holds at a moment. Long names are English only, short ones American; else the
    /// distance from Greenwich is written.
    pub fn offset_name(&self, ts: f64, width: Width, locale: &Locale) -> String {
        let Zone::Named(zone, _) = self else { return self.name().to_string() };
        let offset = self.offset(ts);
        let names = names().get(zone.to_ascii_lowercase().as_str());
        let utc = names.is_some_and(|names| names[0] == "UTC");
        let known = match width {
            Width::Long => locale.is_english(),
            _ => locale.entry("gmt").is_some_and(|american| american == "1"),
        };
        if let Some([winter, summer, winter_long, summer_long]) = names.filter(|_| known || utc) {
            let is_summer = offset > self.winter_offset(ts);
            let name = match (width, is_summer) {
                (Width::Long, false) => winter_long,
                (Width::Long, true) => summer_long,
                (_, false) => winter,
                (_, true) => summer,
            };
            if !name.starts_with("GMT") {
                return (*name).to_owned();
            }
        }
        let [_, greenwich, minus, zero] = locale.list("gmt") else { return self.name().to_string() };
        let style = if width == Width::Long { OffsetStyle::Short } else { OffsetStyle::Narrow };
        match offset {
            0.0 => zero.clone(),
            _ => format!("{greenwich}{}", format_offset(offset, style)).replace('-', minus),
        }
    }

    /// Whether `Intl` has a zone for this: fixed offsets only of whole hours other than zero.
    pub(super) fn is_known_to_intl(&self) -> bool {
        match self {
            Zone::Fixed(minutes) => *minutes != 0.0 && minutes % 60.0 == 0.0,
            Zone::Named(..) => true,
        }
    }

    /// A fixed offset as the zone `GMT+3` that `Intl` has for it.
    pub(super) fn named_by_offset(&self) -> Option<Zone> {
        let Zone::Fixed(minutes) = self else { return None };
        if !self.is_known_to_intl() {
            return None;
        }
        let offset = Offset::from_seconds((minutes * 60.0) as i32).ok()?;
        let name = ecow::eco_format!("GMT{}", format_offset(*minutes, OffsetStyle::Narrow));
        Some(Zone::Named(name, TimeZone::fixed(offset)))
    }

    /// The smaller offset of January and July in the year of a moment.
    fn winter_offset(&self, ts: f64) -> f64 {
        let year = Civil::from_ms(ts).year;
        let offset_in = |month| self.offset(Civil::day(year, month, 1.0).to_ms());
        offset_in(1.0).min(offset_in(7.0))
    }
}

fn names() -> &'static HashMap<String, Names> {
    static NAMES: OnceLock<HashMap<String, Names>> = OnceLock::new();
    NAMES.get_or_init(|| {
        let groups = include_str!("locales/zones.txt").lines().filter_map(|line| {
            let (names, zones) = line.split_once('\t')?;
            let mut names = names.split('|');
            Some(([names.next()?, names.next()?, names.next()?, names.next()?], zones))
        });
        groups
            .flat_map(|(names, zones)| zones.split(' ').map(move |zone| (zone.to_ascii_lowercase(), names)))
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_is_called_by_its_season() {
        let name = |zone, ts, width, locale| {
            let locale = Locale::parse(locale).expect("a locale");
            Zone::parse(zone).expect("a zone").offset_name(ts, width, &locale)
        };
        let (winter, summer) = (1_704_067_200_000.0, 1_719_792_000_000.0);
        assert_eq!(name("America/New_York", winter, Width::Short, "en"), "EST");
        assert_eq!(name("America/New_York", summer, Width::Long, "en"), "Eastern Daylight Time");
        assert_eq!(name("Europe/Paris", summer, Width::Short, "en"), "GMT+2");
        assert_eq!(name("Europe/Paris", winter, Width::Long, "fr"), "UTC+01:00");
        assert_eq!(name("America/New_York", winter, Width::Short, "en-GB"), "GMT-5");
        assert_eq!(name("Etc/UTC", winter, Width::Long, "de"), "Coordinated Universal Time");
    }
}
