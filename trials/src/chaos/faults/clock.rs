//! A system clock that jumps, under load. What is due comes at the latest once the clock has come that far.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::time::{Instant, sleep};

use super::super::check::{Evidence, check};
use super::super::client::{Aim, Client};
use super::super::report::Verdict;
use super::super::stage::Stage;
use super::super::{Database, Options};

/// Where the clock goes, one after another. In the end it is where everything is due.
const JUMPS: [&str; 7] = ["+3600", "+0", "-3600", "+0", "+31536000", "+1", "+31540000"];

/// Moves the clock of one process; with PostgreSQL the database's own clock stays as it is.
pub(super) async fn jumps(options: &Options) -> Result<Verdict> {
    let folder = tempfile::TempDir::with_prefix("runnel-clock-")?;
    let offset = folder.path().join("offset");
    set(&offset, "+0")?;
    let mut stage = Stage::plan(options, options.database.unwrap_or(Database::Sqlite))
        .with("LD_PRELOAD", library()?.display())
        .with("FAKETIME_TIMESTAMP_FILE", offset.display())
        .with("FAKETIME_NO_CACHE", 1)
        .with("FAKETIME_DONT_FAKE_MONOTONIC", 1)
        .play("d1")
        .await?;
    let begin = Instant::now();
    let client =
        Client::start(Aim { addresses: stage.addresses(), hook: stage.hook(), prefix: "", rate: 200.0 });
    for jump in JUMPS {
        sleep(Duration::from_secs(5)).await;
        set(&offset, jump)?;
    }
    sleep(Duration::from_secs(5)).await;
    let requests = client.stop().await?;
    let told = stage.settle().await?;
    let lives = vec![(begin, Instant::now())];
    // A wait that began an hour ahead may last an hour, so nothing is late here; everything must come.
    let (delay, allowed) = (Duration::from_secs(2), Duration::from_secs(3_600));
    let findings = check(&Evidence { requests, effects: stage.effects(), told, lives, delay, allowed });
    Ok(Verdict::of(format!("{} clock jumps", JUMPS.len()), &findings))
}

/// Replaces the file at once: half an offset would be another one.
fn set(offset: &Path, jump: &str) -> Result<()> {
    let next = offset.with_extension("next");
    std::fs::write(&next, format!("{jump}\n"))?;
    Ok(std::fs::rename(next, offset)?)
}

fn library() -> Result<PathBuf> {
    let folders = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib"];
    let paths = folders.map(|folder| Path::new(folder).join("faketime/libfaketimeMT.so.1"));
    let found = paths.into_iter().find(|path| path.is_file());
    found.context("clocks cannot be moved here: install Debian's package \"libfaketime\"")
}
