//! Executions survive crashes, late and repeated deliveries: ten thousand drawn schedules.
//!
//! `SIMULATE_SEED=n` plays one schedule again, `SIMULATE_COUNT=n` plays another number of them.

use testkit::{Report, Simulator};

/// Schedules in a normal run, over all tests below.
const SCHEDULES: u64 = 10_000;
const PARTS: u64 = 4;

#[expect(clippy::disallowed_methods, reason = "a test is configured by its environment")]
fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is a number, not {text}")))
}

fn play(seed: u64) -> Report {
    let played = Simulator::new(seed).run();
    played.unwrap_or_else(|broken| panic!("seed {seed}: {broken}\nplay it again: SIMULATE_SEED={seed}"))
}

fn part(part: u64) {
    if let Some(seed) = number("SIMULATE_SEED") {
        play(seed);
        return;
    }
    let count = number("SIMULATE_COUNT").unwrap_or(SCHEDULES) / PARTS;
    let reports: Vec<Report> = (0..count).map(|index| play(part * count + index)).collect();
    let total = |of: fn(&Report) -> usize| reports.iter().map(of).sum::<usize>();
    // A simulator that disturbs nothing shows nothing.
    let crashes = total(|report| report.crashes);
    let ignored = total(|report| report.ignored);
    let compared = total(|report| usize::from(report.compared));
    let enough = crashes > reports.len() / 2 && ignored > reports.len() / 2 && compared > reports.len() / 3;
    let events = total(|report| report.events);
    assert!(enough, "{events} events, {crashes} crashes, {ignored} ignored deliveries, {compared} compared");
}

#[test]
fn executions_survive_what_seeds_of_the_first_quarter_do_to_them() {
    part(0);
}

#[test]
fn executions_survive_what_seeds_of_the_second_quarter_do_to_them() {
    part(1);
}

#[test]
fn executions_survive_what_seeds_of_the_third_quarter_do_to_them() {
    part(2);
}

#[test]
fn executions_survive_what_seeds_of_the_last_quarter_do_to_them() {
    part(3);
}
