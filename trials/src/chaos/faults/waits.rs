//! Ten thousand waits that are due in the same minute, and a kill in the middle of it.

use std::time::Duration;

use anyhow::{Result, ensure};
use jiff::Timestamp;
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use super::super::report::Verdict;
use super::super::stage::Stage;
use super::super::{Database, Options};
use crate::http::{Connection, request};
use crate::workflows::waits;

/// How late a wait may end, unless nobody was there.
const ALLOWED: Duration = Duration::from_secs(1);

/// Starts all of them, kills the server half-way through the minute, and looks at when each ended.
pub(super) async fn due_together(options: &Options) -> Result<Verdict> {
    let (count, minute) = if options.short { (1_000, 10) } else { (10_000, 60) };
    let minute = Duration::from_secs(minute);
    let mut stage = Stage::plan(options, options.database.unwrap_or(Database::Sqlite)).build(waits).await?;
    let lead = Duration::from_secs(20);
    let (begin, begin_at) = (Instant::now() + lead, Timestamp::now() + lead);
    let mut random = fastrand::Rng::with_seed(options.seed);
    let due: Vec<Duration> = (0..count).map(|_| minute.mul_f64(random.f64())).collect();
    send_all(&stage, &due, begin_at).await?;
    ensure!(Instant::now() < begin, "the server took {lead:?} and more to accept {count} waits");
    let memory = stage.memory()?;

    sleep_until(begin + minute / 2).await;
    stage.kill(0)?;
    let died = Instant::now();
    stage.start(0).await?;
    let ready = Instant::now();
    sleep_until(begin + minute + Duration::from_secs(3)).await;
    for _ in 0..30 {
        if stage.effect_count() >= count {
            break;
        }
        sleep(Duration::from_secs(1)).await;
    }
    let effects = stage.effects();
    let mut verdict = Verdict::new(format!("{count} waits due in {minute:?}, a kill in the middle"));
    let (mut late, mut excused) = (Vec::new(), 0);
    for (index, due) in due.iter().enumerate() {
        let seen = effects.get(&index.to_string()).map(Vec::as_slice).unwrap_or_default();
        verdict.expect("no wait is lost", !seen.is_empty(), index.to_string());
        verdict.expect("no wait ends twice", seen.len() <= 1, index.to_string());
        let Some(seen) = seen.first() else { continue };
        let due = begin + *due;
        let early = due.saturating_duration_since(seen.at);
        // The sink's clock and the server's differ by nothing, but a moment has a millisecond as its unit.
        verdict.expect("no wait ends early", early < Duration::from_millis(2), format!("{index}: {early:?}"));
        let was_down = due < ready && seen.at > died;
        excused += usize::from(was_down);
        let lateness = seen.at.saturating_duration_since(if was_down { due.max(ready) } else { due });
        verdict.expect("waits end in time", lateness <= ALLOWED, format!("{index}: {lateness:?}"));
        late.push(lateness.as_secs_f64() * 1e3);
    }
    late.sort_by(f64::total_cmp);
    verdict.fact("waits", count as f64);
    verdict.fact("effects seen", effects.len() as f64);
    verdict.fact("due while the server was down", excused as f64);
    verdict.fact("ms late, the median", late.get(late.len() / 2).copied().unwrap_or(0.0).round());
    verdict
        .fact("ms late, one in a hundred", late.get(late.len() * 99 / 100).copied().unwrap_or(0.0).round());
    verdict.fact("ms late at most", late.last().copied().unwrap_or(0.0).round());
    verdict.fact("MiB of memory while all waited", memory as f64 / f64::from(1 << 20));
    Ok(verdict)
}

async fn send_all(stage: &Stage, due: &[Duration], begin: Timestamp) -> Result<()> {
    const SENDERS: usize = 16;
    let mut senders = JoinSet::new();
    for sender in 0..SENDERS {
        let (address, hook) = (stage.addresses()[0], stage.hook());
        let mine: Vec<(usize, Timestamp)> =
            (sender..due.len()).step_by(SENDERS).map(|index| (index, begin + due[index])).collect();
        senders.spawn(async move {
            let mut connection = Connection::open(address).await?;
            for (index, until) in mine {
                let body = json!({ "id": index.to_string(), "until": until.to_string() }).to_string();
                let bytes = request("POST", &hook, &[], Some(body.as_bytes()));
                let answer = connection.exchange(&bytes).await?;
                ensure!(answer.is_ok(), "a wait was refused: {} {}", answer.status, answer.text());
            }
            Ok(())
        });
    }
    senders.join_all().await.into_iter().collect()
}
