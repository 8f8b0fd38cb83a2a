//! A disk that is full for a while: nothing acknowledged is lost, and nobody has to repair anything.

use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, ensure};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use super::super::check::{Evidence, check};
use super::super::client::{Aim, Client, FULL, Outcome};
use super::super::report::Verdict;
use super::super::stage::Stage;
use super::super::{Database, Options};

/// How soon after there is room again work is accepted again.
const RECOVERY: Duration = Duration::from_secs(10);

/// A small file system in memory.
struct SmallDisk {
    folder: TempDir,
}

impl SmallDisk {
    fn mount(mebibytes: u32) -> Result<Self> {
        let folder = TempDir::with_prefix("runnel-disk-")?;
        let size = format!("size={mebibytes}m");
        let status =
            Command::new("mount").args(["-t", "tmpfs", "-o", &size, "none"]).arg(folder.path()).status()?;
        ensure!(status.success(), "a small disk needs the right to mount: run as root, or under unshare -rm");
        Ok(Self { folder })
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Takes all the room there is, and says how many bytes that was.
    fn fill(&self) -> Result<u64> {
        let mut file = std::fs::File::create(self.path().join("filler"))?;
        let mut taken = 0;
        // Ever smaller pieces, until not a byte fits.
        for size in [1 << 20, 4 << 10, 1] {
            while file.write_all(&vec![0; size]).is_ok() {
                taken += size as u64;
            }
        }
        Ok(taken)
    }

    fn clear(&self) -> Result<()> {
        Ok(std::fs::remove_file(self.path().join("filler"))?)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Whoever still has a file open there keeps it until they end.
        let _ = Command::new("umount").arg("--lazy").arg(self.path()).status();
    }
}

/// Fills the disk again and again under load.
pub(super) async fn full(options: &Options) -> Result<Verdict> {
    let fills = if options.long { 10 } else { 3 };
    let disk = SmallDisk::mount(512)?;
    let mut stage = Stage::plan(options, Database::Sqlite).within(disk.path()).play("d1").await?;
    let begin = Instant::now();
    let client =
        Client::start(Aim { addresses: stage.addresses(), hook: stage.hook(), prefix: "", rate: 200.0 });
    let (mut full, mut free) = (Vec::new(), Vec::new());
    for _ in 0..fills {
        sleep(Duration::from_secs(3)).await;
        disk.fill()?;
        let from = Instant::now();
        sleep(Duration::from_secs(4)).await;
        disk.clear()?;
        full.push((from, Instant::now()));
        free.push(Instant::now());
    }
    sleep(RECOVERY).await;
    let requests = client.stop().await?;
    let told = stage.settle().await?;
    let (effects, end) = (stage.effects(), Instant::now());
    let refused = requests.iter().filter(|request| request.outcome == Outcome::Fail(FULL.into())).count();
    let recovered = free.iter().map(|free| {
        let next = requests.iter().filter(|request| request.outcome == Outcome::Ok && request.ended > *free);
        next.map(|request| request.ended - *free).min().unwrap_or(Duration::MAX)
    });
    let recovered = recovered.max().unwrap_or_default();
    let others = requests.iter().filter(|request| matches!(&request.outcome, Outcome::Info(_))).count();
    // While the disk is full nobody could have brought an effect about.
    let mut lives = Vec::new();
    let mut from = begin;
    for (filled, cleared) in full {
        lives.push((from, filled));
        from = cleared;
    }
    lives.push((from, end));
    let (delay, allowed) = (Duration::from_secs(2), RECOVERY);
    let findings = check(&Evidence { requests, effects, told, lives, delay, allowed });
    let mut verdict = Verdict::of(format!("disk full, {fills} times"), &findings);
    verdict.fact("requests refused with 503", refused as f64);
    verdict.fact("ms until work was accepted again, at most", recovered.as_millis() as f64);
    verdict.expect("a full disk refuses with 503", refused > 0, "nothing was refused");
    verdict.expect("every request is answered", others == 0, format!("{others} were not"));
    verdict.expect("it recovers alone", recovered <= RECOVERY, format!("{recovered:?}"));
    Ok(verdict)
}
