//! `kill -9` at random moments under load.

use std::time::Duration;

use anyhow::Result;
use fastrand::Rng;
use tokio::time::{Instant, sleep};

use super::check::{Evidence, check};
use super::client::{Aim, Client};
use super::report::Verdict;
use super::stage::Stage;
use super::{Database, Options};

/// Requests per second.
const RATE: f64 = 200.0;
/// How long d1 waits.
const DELAY: Duration = Duration::from_secs(2);

/// Plays d1 under load, killing a server again and again, and judges what came of it.
pub(super) async fn kills(options: &Options, database: Database) -> Result<Verdict> {
    let mut random = Rng::with_seed(options.seed);
    let mut stage = Stage::plan(options, database).play("d1").await?;
    let aim = Aim { addresses: stage.addresses(), hook: stage.hook(), prefix: "", rate: RATE };
    let client = Client::start(aim);
    let mut lives = Vec::new();
    let mut begin = Instant::now();
    for number in 0..options.kills {
        sleep(life(&mut random, database, number)).await;
        let victim = random.usize(..stage.servers());
        lives.push((begin, Instant::now()));
        stage.kill(victim)?;
        let died = Instant::now();
        // Sometimes it dies again while it starts.
        if random.u8(..10) == 0 {
            stage.spawn(victim)?;
            sleep(Duration::from_millis(random.u64(..500))).await;
            stage.kill(victim)?;
        }
        stage.start(victim).await?;
        begin = if database == Database::Two { died } else { Instant::now() };
    }
    sleep(Duration::from_secs(2)).await;
    let requests = client.stop().await?;
    let told = stage.settle().await?;
    lives.push((begin, Instant::now()));
    // A data folder that is opened again is taken over at once; elsewhere a lease must end first.
    let allowed = Duration::from_secs(if database == Database::Sqlite { 1 } else { 11 });
    let effects = stage.effects();
    let findings = check(&Evidence { requests, effects, told, lives, delay: DELAY, allowed });
    let mut verdict = Verdict::of(format!("{} kills, {}", options.kills, database.name()), &findings);
    verdict.expect("the trial acknowledges something", findings.acknowledged > 0, "nothing was acknowledged");
    Ok(verdict)
}

/// How long a server lives; now and then longer than a lease, so that it can be seen to take over in time.
fn life(random: &mut Rng, database: Database, number: usize) -> Duration {
    match database {
        Database::Postgres | Database::Two if number % 5 == 2 => {
            Duration::from_millis(random.u64(11_500..14_000))
        }
        _ => Duration::from_millis(random.u64(200..4_000)),
    }
}
