//! PostgreSQL that crashes and comes back, again and again, under load.

use std::time::Duration;

use anyhow::Result;
use tokio::time::{Instant, sleep};

use super::super::check::{Evidence, check};
use super::super::client::{Aim, Client};
use super::super::report::Verdict;
use super::super::stage::Stage;
use super::super::{Database, Options};

/// How long after PostgreSQL answers again effects may come: connections heal, and leases that could not be renewed
/// end.
const RECOVERY: Duration = Duration::from_secs(15);

/// Restarts PostgreSQL as after a power cut.
pub(super) async fn restart(options: &Options) -> Result<Verdict> {
    let restarts = if options.long { 50 } else { 10 };
    let mut stage = Stage::plan(options, Database::Postgres).play("d1").await?;
    let mut begin = Instant::now();
    let client =
        Client::start(Aim { addresses: stage.addresses(), hook: stage.hook(), prefix: "", rate: 200.0 });
    let mut lives = Vec::new();
    for number in 0..restarts {
        sleep(if number % 5 == 4 { RECOVERY } else { Duration::from_secs(3) }).await;
        lives.push((begin, Instant::now()));
        stage.restart_postgres().await?;
        begin = Instant::now();
    }
    sleep(RECOVERY).await;
    let requests = client.stop().await?;
    let told = stage.settle().await?;
    lives.push((begin, Instant::now()));
    let (effects, delay) = (stage.effects(), Duration::from_secs(2));
    let findings = check(&Evidence { requests, effects, told, lives, delay, allowed: RECOVERY });
    Ok(Verdict::of(format!("PostgreSQL restarted {restarts} times"), &findings))
}
