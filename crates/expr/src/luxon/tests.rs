//! Dates as Luxon's manual has them, and what must hold for every date.

use proptest::prelude::*;

use super::*;

fn settings() -> Settings {
    Settings { now: 1_709_312_400_000.0, zone: zone("America/New_York"), locale: Locale::en() }
}

fn zone(name: &str) -> Zone {
    Zone::parse(name).expect("a zone")
}

fn iso(text: &str) -> DateTime {
    let options = ReadOptions { set_zone: true, ..ReadOptions::default() };
    DateTime::from_iso(text, &options, &settings()).expect("no conflicting fields")
}

fn written(date: &DateTime) -> String {
    date.to_iso().unwrap_or_else(|| "invalid".to_owned())
}

fn duration(units: &[(Unit, f64)]) -> Duration {
    Duration::new(units.iter().copied())
}

#[test]
fn iso_text_is_read_in_all_its_forms() {
    for (text, expected) in [
        ("2016-05-25", "2016-05-25T00:00:00.000-04:00"),
        ("20160525", "2016-05-25T00:00:00.000-04:00"),
        ("2016-05-25T09:24:15.123", "2016-05-25T09:24:15.123-04:00"),
        ("2016-05-25T0924", "2016-05-25T09:24:00.000-04:00"),
        ("2016-W21-3", "2016-05-25T00:00:00.000-04:00"),
        ("2016-200", "2016-07-18T00:00:00.000-04:00"),
        ("2016-05-25T09:24:15Z", "2016-05-25T09:24:15.000Z"),
        ("2016-05-25T09:24:15+09:00", "2016-05-25T09:24:15.000+09:00"),
        ("2016-05-25T09:24+02:00[Europe/Paris]", "2016-05-25T09:24:00.000+02:00"),
        ("09:24", "2024-03-01T09:24:00.000-05:00"),
        ("2016-05-25T24:00", "2016-05-26T00:00:00.000-04:00"),
        ("2016-02-30", "invalid"),
        ("2016-05-25 09:24", "invalid"),
        ("2016-05-25T09:24[Mars/Olympus]", "invalid"),
    ] {
        assert_eq!(written(&iso(text)), expected, "{text}");
    }
}

#[test]
fn an_invalid_date_says_why() {
    let reason = |text| iso(text).invalid_reason().map(|invalid| invalid.reason.clone());
    assert_eq!(reason("garbage").as_deref(), Some("unparsable"));
    assert_eq!(reason("2016-13-01").as_deref(), Some("unit out of range"));
    assert_eq!(reason("2016-05-25T09:24[Mars/Olympus]").as_deref(), Some("unsupported zone"));
    assert_eq!(iso("garbage").to_text(), "Invalid DateTime");
}

#[test]
fn other_fixed_formats_are_read() {
    let options = ReadOptions { set_zone: true, ..ReadOptions::default() };
    let sql = DateTime::from_sql("2017-05-15 09:12:34.342 Europe/Paris", &options, &settings());
    assert_eq!(written(&sql.expect("a date")), "2017-05-15T09:12:34.342+02:00");
    let mail = DateTime::from_rfc2822("Tue, 01 Nov 2016 13:23:12 +0630", &options, &settings());
    assert_eq!(written(&mail.expect("a date")), "2016-11-01T13:23:12.000+06:30");
    for text in
        ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"]
    {
        let date = DateTime::from_http(text, &options, &settings());
        assert_eq!(written(&date.expect("a date")), "1994-11-06T08:49:37.000Z", "{text}");
    }
}

#[test]
fn texts_are_read_by_tokens() {
    let read = |text, format, tag: &str| {
        let locale = Some(Locale::parse(tag).expect("a locale"));
        let options = ReadOptions { locale, ..ReadOptions::default() };
        written(&DateTime::from_format(text, format, &options, &settings()).expect("no conflicting tokens"))
    };
    assert_eq!(read("05/25/1982", "MM/dd/yyyy", "en"), "1982-05-25T00:00:00.000-04:00");
    assert_eq!(
        read("May 25, 1982 at 9:24 pm", "LLL d, yyyy 'at' h:mm a", "en"),
        "1982-05-25T21:24:00.000-04:00"
    );
    assert_eq!(read("25/5/61 and 12 AM", "d/M/yy 'and' h a", "en"), "1961-05-25T00:00:00.000-04:00");
    assert_eq!(read("1982-145", "yyyy-ooo", "en"), "1982-05-25T00:00:00.000-04:00");
    assert_eq!(read("25. Mai 1982", "DDD", "de"), "1982-05-25T00:00:00.000-04:00");
    assert_eq!(read("3 janv 2020", "d MMM yyyy", "fr"), "2020-01-03T00:00:00.000-05:00");
    assert_eq!(read("2014-08-06 12:00 +5:30", "yyyy-MM-dd HH:mm Z", "en"), "2014-08-06T02:30:00.000-04:00");
    assert_eq!(read("Monday 25 May 1982", "EEEE d MMMM yyyy", "en"), "invalid");
    assert_eq!(read("1982", "MM", "en"), "invalid");
}

#[test]
fn formats_that_could_backtrack_forever_do_not() {
    let digits = "1".repeat(400);
    let format = "Hmsd".repeat(100);
    let date = DateTime::from_format(&format!("{digits}!"), &format, &ReadOptions::default(), &settings());
    assert!(!date.expect("no conflicting tokens").is_valid());
}

#[test]
fn dates_are_written_by_tokens() {
    let date = iso("2014-08-06T13:07:04.054-04:00[America/New_York]");
    for (format, expected) in [
        ("yyyy LLL dd", "2014 Aug 06"),
        ("EEEE, d MMMM yyyy 'at' h:mm a", "Wednesday, 6 August 2014 at 1:07 PM"),
        ("kkkk-'W'WW-c o q", "2014-W32-3 218 3"),
        ("S SSS u uu uuu", "54 054 054 05 0"),
        ("Z ZZ ZZZ ZZZZ ZZZZZ z", "-4 -04:00 -0400 EDT Eastern Daylight Time America/New_York"),
        ("DDDD", "Wednesday, August 6, 2014"),
        ("FF", "Aug 6, 2014, 1:07:04 PM"),
        ("TT", "13:07:04"),
        ("X x", "1407344824 1407344824054"),
        ("G yy", "AD 14"),
    ] {
        assert_eq!(date.to_format(format), expected, "{format}");
    }
    let german = date.with_locale(Locale::parse("de").expect("a locale"));
    assert_eq!(german.to_format("cccc, d. LLLL yyyy"), "Mittwoch, 6. August 2014");
}

#[test]
fn dates_are_written_as_intl_does() {
    let written = |tag: &str, preset: &str| {
        let date = iso("2014-08-06T13:07:04.054-04:00[America/New_York]");
        let options = FormatOptions::preset(preset).expect("a preset");
        date.with_locale(Locale::parse(tag).expect("a locale")).to_locale_string(&options)
    };
    assert_eq!(written("en-US", "DATETIME_FULL"), "August 6, 2014 at 1:07 PM EDT");
    assert_eq!(written("en-GB", "DATETIME_SHORT"), "06/08/2014, 13:07");
    assert_eq!(written("de", "DATE_HUGE"), "Mittwoch, 6. August 2014");
    assert_eq!(written("fr", "DATETIME_MED"), "6 août 2014, 13:07");
    assert_eq!(written("pt-BR", "DATE_FULL"), "6 de agosto de 2014");
    assert_eq!(written("ja", "DATE_FULL"), "2014年8月6日");
    assert_eq!(written("en-US", "TIME_24_SIMPLE"), "13:07");
    assert_eq!(FormatOptions::preset("DATE_TINY"), None);
}

#[test]
fn days_keep_the_clock_and_hours_keep_the_elapsed_time_across_a_change_of_the_clock() {
    let before = iso("2024-03-09T12:00-05:00[America/New_York]");
    assert_eq!(written(&before.plus(&duration(&[(Unit::Days, 1.0)]))), "2024-03-10T12:00:00.000-04:00");
    assert_eq!(written(&before.plus(&duration(&[(Unit::Hours, 24.0)]))), "2024-03-10T13:00:00.000-04:00");
    let skipped = iso("2024-03-10T02:30[America/New_York]");
    assert_eq!(written(&skipped), "2024-03-10T03:30:00.000-04:00");
}

#[test]
fn months_end_where_the_shorter_month_ends() {
    let end = iso("2024-01-31T00:00Z");
    assert_eq!(written(&end.plus(&duration(&[(Unit::Months, 1.0)]))), "2024-02-29T00:00:00.000Z");
    assert_eq!(written(&end.minus(&duration(&[(Unit::Months, 2.0)]))), "2023-11-30T00:00:00.000Z");
    assert_eq!(written(&end.plus(&duration(&[(Unit::Days, 0.5)]))), "2024-01-31T12:00:00.000Z");
    let set = end.set(&Fields::default().with(Field::Month, 2.0)).expect("fields that agree");
    assert_eq!(written(&set), "2024-02-29T00:00:00.000Z");
}

#[test]
fn a_difference_counts_whole_steps_of_the_calendar_and_then_a_fraction() {
    let (early, late) = (iso("2024-01-31T00:00Z"), iso("2024-03-01T12:00Z"));
    let units = |units: &[Unit]| late.diff(&early, units).units().collect::<Vec<_>>();
    assert_eq!(units(&[Unit::Months, Unit::Days]), [(Unit::Months, 1.0), (Unit::Days, 1.5)]);
    assert_eq!(units(&[Unit::Days]), [(Unit::Days, 30.5)]);
    assert_eq!(units(&[Unit::Weeks, Unit::Hours]), [(Unit::Weeks, 4.0), (Unit::Hours, 60.0)]);
    assert_eq!(early.diff(&late, &[Unit::Hours]).get(Unit::Hours), -732.0);
}

#[test]
fn relative_dates_are_put_in_words() {
    let settings = settings();
    let now = DateTime::now(&settings);
    let options = RelativeOptions::default();
    let words = |units: &[(Unit, f64)]| {
        let date = now.plus(&duration(units));
        (date.to_relative(&options, &settings), date.to_relative_calendar(&options, &settings))
    };
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(words(&[(Unit::Days, 1.0)]), (some("in 1 day"), some("tomorrow")));
    assert_eq!(words(&[(Unit::Hours, -30.0)]), (some("1 day ago"), some("last month")));
    assert_eq!(words(&[(Unit::Years, 2.0)]), (some("in 2 years"), some("in 2 years")));
}

#[test]
fn an_interval_splits_without_gaps() {
    let (start, end) = (iso("2024-01-01T00:00Z"), iso("2024-03-15T00:00Z"));
    let interval = Interval::new(start.clone(), end.clone());
    let parts = interval.split_by(&duration(&[(Unit::Months, 1.0)])).expect("few parts");
    assert_eq!(parts.len(), 3);
    assert_eq!(Interval::merge(parts), vec![interval.clone()]);
    assert_eq!(interval.count(Unit::Months, false), 3.0);
    assert!(!Interval::new(end, start).is_valid());
    assert!(interval.split_by(&Duration::from_millis(0.001)).is_err(), "a million parts are enough");
}

const ZONES: [&str; 8] = [
    "America/New_York",
    "Europe/Paris",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Pacific/Apia",
    "Africa/Casablanca",
    "UTC-3:30",
];

fn dates() -> impl Strategy<Value = DateTime> {
    (100_000_000_000i64..4_000_000_000_000, 0..ZONES.len())
        .prop_map(|(ts, index)| DateTime::from_millis(ts as f64, zone(ZONES[index]), Locale::en()))
}

proptest! {
    #[test]
    fn iso_text_leads_back_to_the_moment(date in dates()) {
        prop_assert_eq!(iso(&written(&date)).to_millis(), date.to_millis());
    }

    #[test]
    fn a_format_with_all_parts_leads_back_to_the_moment(date in dates()) {
        let format = "EEEE d LLLL yyyy, hh:mm:ss.SSS a ZZ";
        let read = DateTime::from_format(&date.to_format(format), format, &ReadOptions::default(), &settings());
        prop_assert_eq!(read.expect("no conflicting tokens").to_millis(), date.to_millis());
    }

    #[test]
    fn a_date_lies_between_the_start_and_the_end_of_its_units(date in dates()) {
        for unit in Unit::ALL {
            let (start, end) = (date.start_of(unit, false), date.end_of(unit, false));
            prop_assert!(start.to_millis() <= date.to_millis() && date.to_millis() <= end.to_millis(), "{unit:?}");
        }
    }

    #[test]
    fn a_difference_in_all_units_leads_from_one_date_to_the_other(one in dates(), other in dates()) {
        let other = other.set_zone(one.zone().expect("a valid date").clone(), false);
        let (early, late) = if one.to_millis() < other.to_millis() { (one, other) } else { (other, one) };
        let difference = late.diff(&early, &[Unit::Years, Unit::Months, Unit::Days, Unit::Milliseconds]);
        prop_assert_eq!(early.plus(&difference).to_millis(), late.to_millis());
    }

    #[test]
    fn shifting_units_keeps_the_length(days in -400i32..400, seconds in -100_000i32..100_000) {
        let length = duration(&[(Unit::Days, days.into()), (Unit::Seconds, seconds.into())]);
        let shifted = length.shift_to(&[Unit::Weeks, Unit::Hours, Unit::Milliseconds]);
        prop_assert_eq!(shifted.to_millis(), length.to_millis());
    }

    #[test]
    fn no_text_makes_reading_panic(text in "\\PC{0,24}", format in "[a-zA-Z' :]{0,12}") {
        let _ = iso(&text);
        let _ = Duration::from_iso(&text);
        let _ = DateTime::from_format(&text, &format, &ReadOptions::default(), &settings());
        let _ = DateTime::now(&settings()).to_format(&text);
        let _ = DateTime::now(&settings()).to_format(&format);
    }
}
