//! Which times of a schedule have come, and which of them start something. Pure.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use sdk::trigger::{Catchup, Schedule};

/// Occurrences that are recorded in one transaction; more take several.
const CHUNK: usize = 500;
/// Executions that one catching up starts at most.
const MAX_STARTS: usize = 500;
/// Up to this age an occurrence is not late, just the next one of a busy server.
const ON_TIME: SignedDuration = SignedDuration::from_secs(5);
/// Up to this age an occurrence was not missed, for schedules that leave out what was missed.
const GRACE: SignedDuration = SignedDuration::from_secs(60);

/// The times that have come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Occurrences {
    /// Each with whether it starts an execution.
    pub(super) all: Vec<(Timestamp, bool)>,
    /// When the schedule is due next: in the past while there is more to record.
    pub(super) next: Option<Timestamp>,
}

impl Occurrences {
    /// What has come of a schedule between `due_at`, for when it was set, and `now`.
    pub(super) fn find(schedule: &Schedule, due_at: Timestamp, now: Timestamp, zone: &TimeZone) -> Self {
        let starts = match schedule.catchup {
            Catchup::None | Catchup::Last => 1,
            Catchup::All { at_most } => (at_most as usize).clamp(1, MAX_STARTS),
        };
        let after = |at: Timestamp| schedule.timetable.next_after(at, zone);
        let has_come = |at: &Timestamp| *at <= now;
        // Which ones are the last is known once there are enough after them.
        let seen: Vec<_> = std::iter::successors(Some(due_at), |at| after(*at).filter(has_come))
            .take(CHUNK + starts)
            .collect();
        let is_all = seen.len() < CHUNK + starts;
        let recorded = if is_all { seen.len() } else { CHUNK };
        let first_start = if is_all { seen.len() - starts.min(seen.len()) } else { seen.len() };
        let all = seen[..recorded].iter().enumerate().map(|(index, at)| {
            let age = now.duration_since(*at);
            let counts = match schedule.catchup {
                Catchup::None => index >= first_start && age <= GRACE,
                Catchup::Last | Catchup::All { .. } => index >= first_start,
            };
            (*at, counts || age <= ON_TIME)
        });
        let all: Vec<_> = all.collect();
        let next = match seen.get(recorded) {
            Some(more) => Some(*more),
            None => after(seen[recorded - 1]),
        };
        Self { all, next }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use sdk::trigger::Timetable;

    use super::*;

    /// Every so many seconds since 1970.
    #[derive(Debug)]
    struct Every(i64);

    impl Timetable for Every {
        fn next_after(&self, after: Timestamp, _: &TimeZone) -> Option<Timestamp> {
            Timestamp::from_second((after.as_second().div_euclid(self.0) + 1) * self.0).ok()
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    fn find(every: i64, catchup: Catchup, due: i64, now: i64) -> Occurrences {
        let schedule = Schedule { timetable: Arc::new(Every(every)), catchup };
        Occurrences::find(&schedule, at(due), at(now), &TimeZone::UTC)
    }

    fn started(found: &Occurrences) -> Vec<i64> {
        found.all.iter().filter(|(_, starts)| *starts).map(|(at, _)| at.as_second()).collect()
    }

    #[test]
    fn a_time_that_has_just_come_starts_whatever_the_policy() {
        for catchup in [Catchup::None, Catchup::Last, Catchup::All { at_most: 3 }] {
            let found = find(60, catchup, 600, 600);
            assert_eq!(found, Occurrences { all: vec![(at(600), true)], next: Some(at(660)) });
        }
    }

    #[test]
    fn a_busy_server_loses_no_second_of_a_schedule() {
        assert_eq!(started(&find(1, Catchup::None, 100, 103)), [100, 101, 102, 103]);
    }

    #[test]
    fn r7_what_was_missed_is_recorded_and_caught_up_as_the_schedule_says() {
        let missed = |catchup| find(3600, catchup, 3600, 5 * 3600 + 1800);
        let none = missed(Catchup::None);
        assert_eq!(none.all.len(), 5);
        assert_eq!(started(&none), [0; 0]);
        assert_eq!(started(&missed(Catchup::Last)), [5 * 3600]);
        assert_eq!(started(&missed(Catchup::All { at_most: 2 })), [4 * 3600, 5 * 3600]);
        assert_eq!(started(&missed(Catchup::All { at_most: 99 })).len(), 5);
        assert_eq!(none.next, Some(at(6 * 3600)));
    }

    #[test]
    fn r7_a_short_absence_is_no_reason_to_leave_a_time_out() {
        assert_eq!(started(&find(3600, Catchup::None, 3600, 3640)), [3600]);
        assert_eq!(started(&find(3600, Catchup::None, 3600, 3700)), [0; 0]);
    }

    #[test]
    fn r7_a_long_absence_is_recorded_piece_by_piece_and_only_the_last_times_start() {
        for (catchup, starts) in
            [(Catchup::Last, 1), (Catchup::All { at_most: 700 }, 500), (Catchup::None, 0)]
        {
            let now = 10_000 * 600 + 300;
            let (mut due, mut all) = (600, Vec::new());
            loop {
                let found = find(600, catchup, due, now);
                all.extend(found.all);
                match found.next.expect("it goes on").as_second() {
                    next if next <= now => due = next,
                    next => {
                        assert_eq!(next, 10_001 * 600);
                        break;
                    }
                }
            }
            assert_eq!(all.len(), 10_000);
            assert!(all.windows(2).all(|pair| pair[1].0.as_second() - pair[0].0.as_second() == 600));
            let started: Vec<_> = all.iter().filter(|(_, starts)| *starts).collect();
            assert_eq!(started.len(), starts, "{catchup:?}");
            assert!(all[all.len() - starts..].iter().all(|(_, starts)| *starts));
        }
    }

    #[test]
    fn r13_a_clock_that_jumps_back_repeats_nothing() {
        // What comes next was worked out before the jump: it is due when the clock gets there again.
        let before = find(60, Catchup::Last, 3600, 3600);
        assert_eq!(before.next, Some(at(3660)));
        // Asked too early by a clock of its own, it counts the time that it is asked for and no other.
        let early = find(60, Catchup::Last, 3660, 100);
        assert_eq!(early.all, [(at(3660), true)]);
        assert_eq!(early.next, Some(at(3720)));
    }

    #[test]
    fn r13_a_clock_that_jumps_ahead_is_an_absence() {
        let year = 365 * 24 * 3600;
        let found = find(24 * 3600, Catchup::Last, 24 * 3600, year);
        assert_eq!((found.all.len(), started(&found).len()), (365, 1));
    }
}
