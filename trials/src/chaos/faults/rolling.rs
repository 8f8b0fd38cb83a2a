//! Two processes that are stopped and started in turn under load, as an upgrade does it.

use std::time::Duration;

use anyhow::Result;
use tokio::time::{Instant, sleep};

use super::super::check::{Evidence, check};
use super::super::client::{Aim, Client, Outcome};
use super::super::report::Verdict;
use super::super::stage::Stage;
use super::super::{Database, Options};

/// Stops each in turn with SIGTERM.
pub(super) async fn restart(options: &Options) -> Result<Verdict> {
    let rounds = if options.long { 20 } else { 6 };
    let mut stage = Stage::plan(options, Database::Two).play("d1").await?;
    let begin = Instant::now();
    let client =
        Client::start(Aim { addresses: stage.addresses(), hook: stage.hook(), prefix: "", rate: 200.0 });
    let mut longest = Duration::ZERO;
    for number in 0..rounds {
        sleep(Duration::from_secs(3)).await;
        let asked = Instant::now();
        stage.stop(number % 2).await?;
        longest = longest.max(asked.elapsed());
        stage.start(number % 2).await?;
    }
    sleep(Duration::from_secs(3)).await;
    let requests = client.stop().await?;
    let told = stage.settle().await?;
    let broken = requests.iter().filter(|request| matches!(request.outcome, Outcome::Info(_))).count();
    let lives = vec![(begin, Instant::now())];
    // Who leaves hands back what it owns, so nobody waits for a lease to end.
    let (effects, delay, allowed) = (stage.effects(), Duration::from_secs(2), Duration::from_secs(2));
    let findings = check(&Evidence { requests, effects, told, lives, delay, allowed });
    let mut verdict = Verdict::of(format!("{rounds} rolling restarts"), &findings);
    verdict.fact("ms until a process had stopped, at most", longest.as_millis() as f64);
    verdict.expect("a stop takes at most 30 s", longest <= Duration::from_secs(30), format!("{longest:?}"));
    verdict.expect("who leaves answers what it took", broken == 0, format!("{broken} unanswered"));
    let unknown = findings.unknown_seen + findings.unknown_unseen;
    verdict.expect("who leaves ends its effects", unknown == 0, format!("{unknown} unknown"));
    Ok(verdict)
}
