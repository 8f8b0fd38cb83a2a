//! A schedule that two processes serve, of which one is killed just when it is due.

use std::time::Duration;

use anyhow::Result;
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
    stage.pause().await?;
    // What a dead process had begun is taken over once its lease has ended.
    sleep(Duration::from_secs(14)).await;
    let told = stage.settle().await?;
    let effects = stage.effects();
    let mut verdict = Verdict::new(format!("a schedule, two processes, {kills} kills at fire time"));
    let accepted = || told.iter().map(|told| told.accepted_at);
    let (Some(first), Some(last)) = (accepted().min(), accepted().max()) else {
        verdict.expect("the schedule fires", false, "it never did");
        return Ok(verdict);
    };
    // It fires at full seconds; one that the survivor fired was accepted a little later.
    let occurrences = last.as_second() - first.as_second() + 1;
    verdict.fact("occurrences", occurrences as f64);
    verdict.fact("executions", told.len() as f64);
    verdict.fact("effects seen", effects.len() as f64);
    verdict.fact("steps unknown", told.iter().filter(|told| told.unknown).count() as f64);
    let once = told.len() as i64 == occurrences;
    verdict.expect("each occurrence starts one execution", once, format!("{} executions", told.len()));
    for told in &told {
        let seen = effects.get(&told.execution).map_or(0, Vec::len);
        verdict.expect("no effect is doubled", seen <= 1, format!("{}: {seen}", told.execution));
        verdict.expect("no effect is lost", seen == 1 || told.unknown, &told.execution);
    }
    Ok(verdict)
}
