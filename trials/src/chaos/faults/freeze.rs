//! A process that does not move for longer than its leases last, and then goes on as if nothing had happened.

use std::time::Duration;

use anyhow::Result;
use tokio::time::{Instant, sleep};

use super::super::check::{Evidence, check};
use super::super::client::{Aim, Client};
use super::super::report::Verdict;
use super::super::stage::Stage;
use super::super::{Database, Options};

/// Freezes one of two processes, again and again.
pub(super) async fn zombie(options: &Options) -> Result<Verdict> {
    let (times, frozen) = if options.long { (10, 60) } else { (3, 15) };
    let mut stage = Stage::plan(options, Database::Two).play("d1").await?;
    let mut begin = Instant::now();
    let client =
        Client::start(Aim { addresses: stage.addresses(), hook: stage.hook(), prefix: "", rate: 200.0 });
    let mut lives = Vec::new();
    for number in 0..times {
        sleep(Duration::from_secs(4)).await;
        lives.push((begin, Instant::now()));
        stage.freeze(number % 2)?;
        begin = Instant::now();
        sleep(Duration::from_secs(frozen)).await;
        stage.thaw(number % 2)?;
    }
    sleep(Duration::from_secs(3)).await;
    let requests = client.stop().await?;
    let told = stage.settle().await?;
    lives.push((begin, Instant::now()));
    let (effects, delay, allowed) = (stage.effects(), Duration::from_secs(2), Duration::from_secs(11));
    let findings = check(&Evidence { requests, effects, told, lives, delay, allowed });
    Ok(Verdict::of(format!("one of two processes frozen for {frozen} s, {times} times"), &findings))
}
