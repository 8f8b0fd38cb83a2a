//! Executions survive what happens to the process and its database: drawn lives on a real store, with crashes between
//! any two statements, full disks, late and repeated requests.
//!
//! `SIMULATE_SEED=n` plays one ordeal again, `SIMULATE_COUNT=n` plays another number of them.

use testkit::{Ordeal, Survived};

/// Ordeals in a normal run, over all tests below.
const ORDEALS: u64 = 400;
const PARTS: u64 = 2;

#[expect(clippy::disallowed_methods, reason = "a test is configured by its environment")]
fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is a number, not {text}")))
}

fn play(seed: u64) -> Survived {
    let again = format!("SIMULATE_SEED={seed} cargo nextest run -p engine --test ordeals");
    Ordeal::play(seed).unwrap_or_else(|broken| panic!("seed {seed}: {broken}\nplay it again: {again}"))
}

fn part(part: u64) {
    if let Some(seed) = number("SIMULATE_SEED") {
        play(seed);
        return;
    }
    let count = number("SIMULATE_COUNT").unwrap_or(ORDEALS) / PARTS;
    let survived: Vec<Survived> = (0..count).map(|index| play(part * count + index)).collect();
    let total = |of: fn(&Survived) -> usize| survived.iter().map(of).sum::<usize>();
    let crashes = total(|survived| survived.crashes);
    let (kills, leaves) = (total(|survived| survived.kills), total(|survived| survived.leaves));
    let (executions, effects) = (total(|survived| survived.executions), total(|survived| survived.effects));
    let (full, lost) = (total(|survived| survived.full), total(|survived| survived.lost));
    let told = format!(
        "{count} ordeals: {crashes} crashes, {kills} kills, {leaves} leaves, {full} times full, \
         {executions} executions, {effects} effects, {lost} lost"
    );
    // An ordeal in which nothing happens shows nothing.
    let count = survived.len();
    let enough = crashes > count && kills > 0 && leaves > 0 && full > 0;
    assert!(enough && executions > 2 * count && effects > count / 4 && lost > 0, "{told}");
}

#[test]
fn executions_survive_the_first_half_of_the_ordeals() {
    part(0);
}

#[test]
fn executions_survive_the_second_half_of_the_ordeals() {
    part(1);
}
