//! The disk below the data folder: room, and how long it takes to make something durable.

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;

use super::Finding;
use super::checks::failed;
use crate::open;

/// With less than this the server soon refuses work.
const FULL: u64 = 256 << 20;
/// With less than this it is time to do something.
const TIGHT: u64 = 2 << 30;
/// How often something is made durable.
const ROUNDS: usize = 21;
/// What a commit may take before people notice.
const SLOW: Duration = Duration::from_millis(20);

/// Looks at the folder.
pub(super) fn check(folder: &Path) -> Vec<Finding> {
    if !folder.is_dir() {
        let message = format!("{} is no folder", open::shown(folder));
        return vec![Finding::problem("disk", message, "set data to the data folder of the instance")];
    }
    vec![room(folder), durability(folder)]
}

fn room(folder: &Path) -> Finding {
    const CHECK: &str = "disk";
    let free = match rustix::fs::statvfs(folder) {
        Ok(room) => room.f_bavail.saturating_mul(room.f_frsize),
        Err(error) => return failed(CHECK, &error.into()),
    };
    let gibibytes = free as f64 / f64::from(1 << 30);
    let message = format!("{gibibytes:.1} GiB are free at {}", open::shown(folder));
    match free {
        free if free < FULL => {
            Finding::problem(CHECK, message, "free some space: new work is about to be refused")
        }
        free if free < TIGHT => Finding::warning(CHECK, message, "free some space, or set retention_days"),
        _ => Finding::ok(CHECK, message),
    }
}

fn durability(folder: &Path) -> Finding {
    const CHECK: &str = "fsync";
    let median = match measure(folder) {
        Ok(median) => median,
        Err(error) => return failed(CHECK, &error),
    };
    let message = format!("making 4 KiB durable takes {:.1} ms", median.as_secs_f64() * 1e3);
    if median > SLOW {
        let fix = "use a disk that is faster, or local: every answer waits for it at least once";
        return Finding::warning(CHECK, message, fix);
    }
    Finding::ok(CHECK, message)
}

fn measure(folder: &Path) -> anyhow::Result<Duration> {
    let mut file = tempfile::tempfile_in(folder).context("the data folder cannot be written to")?;
    let mut rounds = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        file.write_all(&[7; 4096])?;
        file.sync_data()?;
        rounds.push(begun.elapsed());
    }
    rounds.sort_unstable();
    Ok(rounds[ROUNDS / 2])
}
