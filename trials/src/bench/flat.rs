//! Whether an execution costs the same however many are stored.

use std::time::Duration;

use anyhow::Result;

use super::{Fresh, Options, apart};
use crate::figure::Figure;
use crate::load::Load;
use crate::workflows::workflow;

/// What an execution may cost at the end, against the start.
const ALLOWED: f64 = 1.25;

/// Processor time of the server per execution of w2, in the first seconds and once there are many.
pub(super) async fn flat(options: &Options) -> Result<Vec<Figure>> {
    let goal = if options.long { 1_000_000 } else { 100_000 };
    let fresh = Fresh::start(options, &workflow("w2", None)?).await?;
    let mut windows = Vec::new();
    let mut stored = 0;
    let load = Load { warm_up: Duration::ZERO, ..Load::usual(vec![fresh.target()]) };
    // One window warms the program up.
    let warm_up = load.clone();
    apart(move || warm_up.closed()).await?;
    while stored < goal || windows.len() < 6 {
        let before = fresh.server.processor_time()?;
        let load = load.clone();
        let tally = apart(move || load.closed()).await?.all_answered()?;
        let used = fresh.server.processor_time()? - before;
        stored += tally.answered;
        windows.push((used.as_secs_f64() * 1e6 / tally.answered as f64, tally.rate()));
    }
    let cost = |part: &[(f64, f64)]| part.iter().map(|(cost, _)| *cost).collect::<Vec<_>>();
    let rate = |part: &[(f64, f64)]| part.iter().map(|(_, rate)| *rate).collect::<Vec<_>>();
    let (first, last) = (&windows[..3], &windows[windows.len() - 3..]);
    let (begin, end) =
        (Figure::new("flat_first", "us", cost(first)), Figure::new("flat_last", "us", cost(last)));
    let ratio = Figure::new("flat", "times", vec![end.value() / begin.value()]).at_most(ALLOWED);
    Ok(vec![
        Figure::new("flat_stored", "rows", vec![stored as f64]),
        begin,
        end,
        Figure::new("flat_first_rate", "/s", rate(first)),
        Figure::new("flat_last_rate", "/s", rate(last)),
        ratio,
    ])
}
