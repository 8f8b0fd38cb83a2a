//! When the rules of a schedule come true: a pure function of rules, time and zone.

use std::str::FromStr;

use croner::{Cron, JobType};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, Zoned};

use sdk::trigger::Timetable as _;

use super::Rule;

/// How many times of a cron expression are looked at for one that fits the stride; 100 years of days.
const LOOKAHEAD: usize = 36_600;
/// How many changes of the clock are looked past; more than there are in 100 years.
const STRETCHES: usize = 500;

/// The rules of a schedule, read once.
#[derive(Debug)]
pub struct Timetable {
    rules: Vec<Compiled>,
}

/// A rule that names no time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("rule {number} of the schedule: {problem}")]
pub struct InvalidRule {
    /// Which rule, from 1.
    pub number: usize,
    /// What is wrong with it.
    pub problem: String,
}

/// A rule, ready to be asked.
#[derive(Debug)]
enum Compiled {
    /// Every so many milliseconds since 1970.
    Period(i64),
    /// The times of a cron expression that fit the stride.
    Cron(Box<Cron>, Stride),
}

/// Which of the matching times count: those whose hour, day, week or month is a multiple, counted from 1970.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Stride {
    All,
    Hours(i64),
    Days(i64),
    Weeks(i64),
    Months(i64),
}

impl sdk::trigger::Timetable for Timetable {
    /// The first time after `after` at which a rule comes true in `zone`; `None` when none ever does.
    fn next_after(&self, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let now = after.to_zoned(zone.clone());
        self.rules.iter().filter_map(|rule| rule.next_after(&now)).min()
    }
}

impl Timetable {
    /// Reads the rules.
    pub fn new(rules: &[Rule]) -> Result<Self, InvalidRule> {
        let compile = |(index, rule): (usize, &Rule)| {
            compile(rule).map_err(|problem| InvalidRule { number: index + 1, problem })
        };
        Ok(Self { rules: rules.iter().enumerate().map(compile).collect::<Result<_, _>>()? })
    }

    /// All such times, in order; rules that come true together give one.
    pub fn all_after(&self, after: Timestamp, zone: &TimeZone) -> impl Iterator<Item = Timestamp> {
        std::iter::successors(self.next_after(after, zone), |last| self.next_after(*last, zone))
    }
}

impl Compiled {
    fn next_after(&self, now: &Zoned) -> Option<Timestamp> {
        match self {
            Compiled::Period(period) => {
                let passed = now.timestamp().as_millisecond().div_euclid(*period);
                Timestamp::from_millisecond((passed + 1).checked_mul(*period)?).ok()
            }
            Compiled::Cron(cron, stride) => next_match(cron, *stride, now),
        }
    }
}

/// The next moment after `now` at which a cron expression matches local time.
///
/// It looks at one stretch of constant offset from UTC after the other, because within one of them local time runs like
/// any other. Between two stretches local time is skipped or repeated: an expression for fixed times comes true at once
/// when it names a skipped time, and not again when it names a repeated one.
fn next_match(cron: &Cron, stride: Stride, now: &Zoned) -> Option<Timestamp> {
    let zone = now.time_zone();
    let is_fixed = cron.determine_job_type() == JobType::FixedTime;
    let mut transitions = zone.following(now.timestamp());
    let mut offset = now.offset();
    let mut local = now.datetime();
    for _ in 0..STRETCHES {
        let end = transitions.next();
        let until = end.as_ref().map_or(DateTime::MAX, |end| offset.to_datetime(end.timestamp()));
        let matches = cron.iter_after(local).take(LOOKAHEAD).take_while(|time| *time < until);
        for time in matches.filter(|time| stride.fits(*time)) {
            let at = offset.to_timestamp(time).ok()?;
            if !(is_fixed && is_repeated(zone, time, at)) {
                return Some(at);
            }
        }
        let end = end?;
        let (skipped_from, skipped_until) = (until, end.offset().to_datetime(end.timestamp()));
        let before = skipped_from.checked_sub(1.second()).ok()?;
        let mut skipped = cron.iter_after(before).take_while(|time| *time < skipped_until);
        if is_fixed && skipped_from < skipped_until && skipped.any(|time| stride.fits(time)) {
            return Some(end.timestamp());
        }
        offset = end.offset();
        local = skipped_until.checked_sub(1.second()).ok()?;
    }
    None
}

/// Whether local time `time` exists twice and `at` is the second of the two.
fn is_repeated(zone: &TimeZone, time: DateTime, at: Timestamp) -> bool {
    zone.to_ambiguous_timestamp(time).earlier().is_ok_and(|first| first < at)
}

impl Stride {
    fn fits(self, time: DateTime) -> bool {
        // 1970-01-01 was a Thursday; weeks begin on Monday.
        let days = i64::from((time.date() - jiff::civil::date(1970, 1, 1)).get_days());
        let months = i64::from(time.year()) * 12 + i64::from(time.month()) - 1;
        let (number, count) = match self {
            Stride::All => return true,
            Stride::Hours(count) => (days * 24 + i64::from(time.hour()), count),
            Stride::Days(count) => (days, count),
            Stride::Weeks(count) => ((days + 3).div_euclid(7), count),
            Stride::Months(count) => (months, count),
        };
        number.rem_euclid(count) == 0
    }
}

fn compile(rule: &Rule) -> Result<Compiled, String> {
    let positive = |count: u32| match count {
        0 => Err("it must count at least 1".to_owned()),
        count => Ok(i64::from(count)),
    };
    let at = |hour: u32, minute: u32| match (hour, minute) {
        (0..=23, 0..=59) => Ok(()),
        _ => Err(format!("there is no time {hour}:{minute:02}")),
    };
    match rule {
        Rule::Seconds { count } => Ok(Compiled::Period(positive(*count)? * 1000)),
        Rule::Minutes { count } => Ok(Compiled::Period(positive(*count)? * 60_000)),
        Rule::Hours { count, minute } => {
            at(0, *minute)?;
            cron(&format!("0 {minute} * * * *"), Stride::Hours(positive(*count)?))
        }
        Rule::Days { count, hour, minute } => {
            at(*hour, *minute)?;
            cron(&format!("0 {minute} {hour} * * *"), Stride::Days(positive(*count)?))
        }
        Rule::Weeks { count, days, hour, minute } => {
            at(*hour, *minute)?;
            let list: Vec<String> = days.iter().map(u32::to_string).collect();
            let days = if list.is_empty() { "*".to_owned() } else { list.join(",") };
            cron(&format!("0 {minute} {hour} * * {days}"), Stride::Weeks(positive(*count)?))
        }
        Rule::Months { count, day, hour, minute } => {
            at(*hour, *minute)?;
            cron(&format!("0 {minute} {hour} {day} * *"), Stride::Months(positive(*count)?))
        }
        Rule::Cron { expression } => cron(expression, Stride::All),
    }
}

fn cron(expression: &str, stride: Stride) -> Result<Compiled, String> {
    let cron = Cron::from_str(expression).map_err(|error| format!("\"{expression}\": {error}"))?;
    Ok(Compiled::Cron(Box::new(cron), stride))
}

#[cfg(test)]
mod tests {
    use jiff::Unit;
    use jiff::civil::{date, time};

    use super::*;

    const ZONES: [&str; 13] = [
        "UTC",
        "America/New_York",
        "America/Santiago",
        "America/Sao_Paulo",
        "America/St_Johns",
        "Europe/Berlin",
        "Europe/London",
        "Africa/Cairo",
        "Asia/Kolkata",
        "Asia/Kathmandu",
        "Australia/Lord_Howe",
        "Pacific/Chatham",
        "Pacific/Apia",
    ];

    fn zone(name: &str) -> TimeZone {
        TimeZone::get(name).expect("the zone is known")
    }

    fn timetable(rules: &[Rule]) -> Timetable {
        Timetable::new(rules).expect("the rules are valid")
    }

    /// The times after the local time `start`, as local times.
    fn local(rule: Rule, zone_name: &str, start: &str, count: usize) -> Vec<String> {
        let zone = zone(zone_name);
        let start = zone.to_timestamp(start.parse().expect("a local time")).expect("it exists");
        let times = timetable(&[rule]);
        let times = times.all_after(start, &zone).take(count);
        times.map(|at| at.to_zoned(zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()).collect()
    }

    fn daily(hour: u32, minute: u32) -> Rule {
        Rule::Days { count: 1, hour, minute }
    }

    #[test]
    fn a_daily_time_comes_once_on_every_day_of_every_zone() {
        for name in ZONES {
            let zone = zone(name);
            for (hour, minute) in [(0, 0), (0, 30), (1, 30), (2, 0), (2, 30), (3, 0), (12, 0), (23, 59)] {
                let times = timetable(&[daily(hour, minute)]);
                let wanted = time(hour as i8, minute as i8, 0, 0);
                let start = date(2024, 1, 1).at(0, 0, 0, 0).to_zoned(zone.clone()).expect("a start");
                let mut last = (&start - 1.second()).timestamp();
                let mut day = start.date();
                while day.year() == 2024 {
                    last = times.next_after(last, &zone).expect("there is a next time");
                    let expected = zone.to_timestamp(day.to_datetime(wanted));
                    let expected = expected.expect("a compatible time exists");
                    let at = last.to_zoned(zone.clone());
                    assert_eq!(at.date(), day, "{name} {hour}:{minute:02}");
                    match zone.to_ambiguous_timestamp(day.to_datetime(wanted)).is_ambiguous() {
                        // It does not exist: the first moment that does. It exists twice: the first of the two.
                        true if expected.to_zoned(zone.clone()).time() != wanted => {
                            assert!(
                                is_first_after_gap(&at, day.to_datetime(wanted)),
                                "{name} {hour}:{minute:02} on {day}: {at}"
                            );
                        }
                        _ => assert_eq!(last, expected, "{name} {hour}:{minute:02} on {day}"),
                    }
                    day = day.tomorrow().expect("the calendar goes on");
                }
            }
        }
    }

    fn is_first_after_gap(at: &Zoned, wanted: DateTime) -> bool {
        let before = at - 1.second();
        before.datetime() < wanted && at.datetime() > wanted && before.offset() != at.offset()
    }

    #[test]
    fn minutes_go_on_through_changes_of_the_clock() {
        for name in ZONES {
            let zone = zone(name);
            let times =
                timetable(&[Rule::Minutes { count: 15 }, Rule::Cron { expression: "*/15 * * * *".into() }]);
            let start = date(2024, 1, 1).at(0, 0, 0, 0).to_zoned(zone.clone()).expect("a start").timestamp();
            let mut last = start;
            for at in times.all_after(start, &zone).take(4 * 24 * 31) {
                let gap = at.since((Unit::Minute, last)).expect("times ascend").get_minutes();
                assert_eq!(gap, 15, "{name} {last} {at}");
                last = at;
            }
        }
    }

    #[test]
    fn a_skipped_time_is_the_next_moment_that_exists() {
        let times = local(daily(2, 30), "Europe/Berlin", "2024-03-30T12:00:00", 2);
        assert_eq!(times, ["2024-03-31T03:00:00+02:00", "2024-04-01T02:30:00+02:00"]);
    }

    #[test]
    fn a_repeated_time_counts_once() {
        let times = local(daily(2, 30), "Europe/Berlin", "2024-10-26T12:00:00", 2);
        assert_eq!(times, ["2024-10-27T02:30:00+02:00", "2024-10-28T02:30:00+01:00"]);
    }

    #[test]
    fn every_other_week_leaves_one_out() {
        let rule = Rule::Weeks { count: 2, days: vec![1, 3], hour: 8, minute: 0 };
        let times = local(rule, "UTC", "2024-01-01T00:00:00", 4);
        let days: Vec<_> = times.iter().map(|at| &at[..10]).collect();
        assert_eq!(days, ["2024-01-01", "2024-01-03", "2024-01-15", "2024-01-17"]);
    }

    #[test]
    fn hours_keep_their_distance_over_midnight() {
        let times = local(Rule::Hours { count: 5, minute: 7 }, "UTC", "2024-01-01T00:00:00", 6);
        let start: Timestamp = times[0].parse().expect("a time");
        for (index, at) in times.iter().enumerate() {
            let at: Timestamp = at.parse().expect("a time");
            assert_eq!(at.duration_since(start).as_hours(), 5 * index as i64);
        }
    }

    #[test]
    fn months_without_the_day_are_left_out() {
        let rule = Rule::Months { count: 1, day: 31, hour: 0, minute: 0 };
        let times = local(rule, "UTC", "2024-01-01T00:00:00", 3);
        let days: Vec<_> = times.iter().map(|at| &at[..10]).collect();
        assert_eq!(days, ["2024-01-31", "2024-03-31", "2024-05-31"]);
    }

    #[test]
    fn cron_expressions_have_five_or_six_fields_and_names() {
        let times = |expression: &str| {
            local(Rule::Cron { expression: expression.into() }, "UTC", "2024-01-05T10:00:00", 1).remove(0)
        };
        assert_eq!(times("0 9 * * 1-5"), "2024-01-08T09:00:00+00:00");
        assert_eq!(times("30 0 9 * * *"), "2024-01-06T09:00:30+00:00");
        assert_eq!(times("0 0 1 JAN MON"), "2024-01-08T00:00:00+00:00");
        assert_eq!(times("@daily"), "2024-01-06T00:00:00+00:00");
    }

    #[test]
    fn the_earliest_of_several_rules_comes_first_and_equal_ones_once() {
        let times = timetable(&[daily(9, 0), daily(8, 0), daily(9, 0)]);
        let start = "2024-01-01T00:00:00Z".parse().expect("a time");
        let zone = TimeZone::UTC;
        let hours = times.all_after(start, &zone).take(3);
        let hours: Vec<_> = hours.map(|at| at.to_zoned(TimeZone::UTC).hour()).collect();
        assert_eq!(hours, [8, 9, 8]);
    }

    #[test]
    fn a_rule_that_names_no_time_is_an_error() {
        let error = |rule: Rule| Timetable::new(&[rule]).expect_err("the rule is invalid").to_string();
        assert!(error(Rule::Cron { expression: "61 * * * *".into() }).contains("\"61 * * * *\""));
        assert!(error(daily(24, 0)).contains("24:00"));
        assert!(error(Rule::Minutes { count: 0 }).contains("at least 1"));
    }

    /// What one of five cron expressions does on the two days in 2025 or 2024 on which the clocks of a zone change.
    /// Reckoned another way than above: by walking through the day second by second of universal time.
    #[test]
    fn s2_016_r7_twelve_zones_two_changes_five_crons() {
        const TABLE: [&str; 12] = [
            "America/New_York",
            "America/Santiago",
            "America/St_Johns",
            "America/Havana",
            "Europe/Berlin",
            "Europe/London",
            "Europe/Lisbon",
            "Africa/Cairo",
            "Asia/Beirut",
            "Asia/Jerusalem",
            "Australia/Lord_Howe",
            "Pacific/Chatham",
        ];
        // Minute and hour that it names, if it names one time of the day.
        const CRONS: [(&str, Option<(i8, i8)>); 5] = [
            ("30 2 * * *", Some((2, 30))),
            ("0 0 * * *", Some((0, 0))),
            ("15 1 * * *", Some((1, 15))),
            ("*/20 * * * *", None),
            ("45 3 * * *", Some((3, 45))),
        ];
        let mut gaps = 0;
        let mut folds = 0;
        for name in TABLE {
            let zone = zone(name);
            let year = zone.to_timestamp(date(2024, 1, 1).at(0, 0, 0, 0)).expect("it exists");
            let changes: Vec<_> = zone.following(year).take(2).collect();
            assert_eq!(changes.len(), 2, "{name} changes its clocks twice");
            for change in changes {
                let from = change.timestamp().checked_sub(36.hours()).expect("a time");
                let until = change.timestamp().checked_add(36.hours()).expect("a time");
                let before = zone.to_offset(change.timestamp().checked_sub(1.second()).expect("a time"));
                match before < change.offset() {
                    true => gaps += 1,
                    false => folds += 1,
                }
                for (expression, fixed) in CRONS {
                    let times = timetable(&[Rule::Cron { expression: expression.into() }]);
                    let found: Vec<_> = times.all_after(from, &zone).take_while(|at| *at <= until).collect();
                    let expected = walked(&zone, from, until, fixed);
                    assert_eq!(found, expected, "{name} {expression} around {}", change.timestamp());
                }
            }
        }
        assert_eq!((gaps, folds), (12, 12));
    }

    /// The moments between two others, minute by minute, at which a time of the day comes or every twentieth minute
    /// does: a time that is skipped comes with the first moment after the gap, one that is repeated only once.
    fn walked(zone: &TimeZone, from: Timestamp, until: Timestamp, fixed: Option<(i8, i8)>) -> Vec<Timestamp> {
        let mut found = Vec::new();
        let mut done = Vec::new();
        let mut at = from.checked_add(1.second()).expect("a time");
        at = Timestamp::from_second(at.as_second().div_euclid(60) * 60).expect("a minute");
        let mut previous = at.checked_sub(1.minute()).expect("a time").to_zoned(zone.clone()).datetime();
        while at <= until {
            let local = at.to_zoned(zone.clone()).datetime();
            let comes = match fixed {
                None => local.minute() % 20 == 0,
                Some((hour, minute)) => {
                    let wanted = local.date().at(hour, minute, 0, 0);
                    // Also when the gap is between two days.
                    let skipped = previous.date().at(hour, minute, 0, 0);
                    let is_skipped = |wanted: DateTime| previous < wanted && wanted < local;
                    let hit = [wanted, skipped].into_iter().find(|time| *time == local || is_skipped(*time));
                    match hit {
                        Some(time) if !done.contains(&time) => {
                            done.push(time);
                            true
                        }
                        _ => false,
                    }
                }
            };
            if comes && at > from {
                found.push(at);
            }
            previous = local;
            at = at.checked_add(1.minute()).expect("a time");
        }
        found
    }
}
