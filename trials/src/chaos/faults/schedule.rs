//! A schedule that two processes serve, of which one is killed just when it is due.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use tokio::time::sleep;

use super::super::report::Verdict;
use super::super::stage::Stage;
use super::super::{Database, Options};
use crate::workflows::schedule;

/// Kills at fire time while a schedule fires every second.
pub(super) async fn killed_at_fire_time(options: &Options) -> Result<Verdict> {
    let kills = if options.long { 50 } else { 10 };
    let mut random = fastrand::Rng::with_seed(options.seed);
    let mut stage = Stage::plan(options, Database::Two).build(schedule).await?;
    for _ in 0..kills {
        sleep(Duration::from_millis(random.u64(1_000..3_000))).await;
        // Around the full second: before the firing, within it, after it.
        let now = Timestamp::now();
        let next = Duration::from_nanos(1_000_000_000 - now.subsec_nanosecond().unsigned_abs() as u64);
        sleep((next + Duration::from_millis(random.u64(..30))).saturating_sub(Duration::from_millis(10)))
            .await;
        let victim = random.usize(..stage.servers());
        stage.kill(victim)?;
        stage.start(victim).await?;
    }
    // What a dead process had begun is taken over once its lease has ended.
    sleep(Duration::from_secs(14)).await;
    let mut fired: BTreeMap<i64, usize> = BTreeMap::new();
    for (time, seen) in stage.effects() {
        let time: Timestamp =
            time.parse().with_context(|| format!("the schedule told the time as {time}"))?;
        *fired.entry(time.as_second()).or_default() += seen.len();
    }
    let unknown = stage.settle().await?.iter().filter(|told| told.unknown).count();
    let mut verdict = Verdict::new(format!("a schedule, two processes, {kills} kills at fire time"));
    let (first, last) = (fired.keys().next(), fired.keys().next_back());
    let (Some(first), Some(last)) = (first.copied(), last.copied()) else {
        verdict.expect("the schedule fires", false, "it never did");
        return Ok(verdict);
    };
    let missing: Vec<i64> = (first..=last).filter(|second| !fired.contains_key(second)).collect();
    let twice: Vec<&i64> = fired.iter().filter(|(_, count)| **count > 1).map(|(second, _)| second).collect();
    verdict.fact("occurrences", (last - first + 1) as f64);
    verdict.fact("seen", fired.len() as f64);
    verdict.fact("steps unknown", unknown as f64);
    verdict.expect("each occurrence comes", missing.len() <= unknown, format!("{missing:?}"));
    verdict.expect("each occurrence comes once", twice.is_empty(), format!("{twice:?}"));
    Ok(verdict)
}
