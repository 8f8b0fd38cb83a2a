//! One fault at a time, on purpose: `cargo xtask chaos --fault NAME`.

mod clock;
mod disk;
mod freeze;
mod idempotency;
mod poison;
mod postgres;
mod rolling;
mod schedule;
mod stream;
mod waits;

use anyhow::{Result, bail};

use super::Options;
use super::report::Verdict;

/// What can be done to it.
const ALL: [&str; 10] = [
    "disk-full",
    "postgres-restart",
    "clock",
    "stalled-stream",
    "waits",
    "idempotency",
    "schedule",
    "poison",
    "freeze",
    "rolling",
];

/// The faults that a name stands for: one, or `all`.
pub(super) fn named(name: &str) -> Result<Vec<&'static str>> {
    let found: Vec<_> = ALL.into_iter().filter(|known| name == *known || name == "all").collect();
    if found.is_empty() {
        bail!("there is no fault \"{name}\"; there are {} and all", ALL.join(", "));
    }
    Ok(found)
}

/// Plays one fault.
pub(super) async fn fault(options: &Options, name: &str) -> Result<Verdict> {
    match name {
        "disk-full" => disk::full(options).await,
        "postgres-restart" => postgres::restart(options).await,
        "clock" => clock::jumps(options).await,
        "stalled-stream" => stream::stalled(options).await,
        "waits" => waits::due_together(options).await,
        "idempotency" => idempotency::at_once(options).await,
        "schedule" => schedule::killed_at_fire_time(options).await,
        "poison" => poison::pill(options).await,
        "freeze" => freeze::zombie(options).await,
        "rolling" => rolling::restart(options).await,
        other => bail!("there is no fault \"{other}\""),
    }
}
