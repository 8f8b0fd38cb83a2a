//! What can be seen of an execution from outside.

use model::Items;
use sdk::Wait;
use sdk::history::Source;
use sdk::output::Resume;

use super::{Execution, Open, Phase};
use crate::event::{Attempt, StepId, Timer};

/// Where an open step stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// An attempt runs, or will begin at once.
    Running,
    /// The next attempt waits for its time.
    Pausing,
    /// It waits, and this says whether somebody may end the wait.
    Waiting {
        /// Whether a call or a form ends it.
        answerable: bool,
    },
    /// It waits for child executions.
    Calling,
    /// Nobody knows whether its effect happened.
    Lost,
}

impl Execution {
    /// The step with this number, while it is open: its current attempt and where it stands.
    pub fn open_step(&self, number: u32) -> Option<(Attempt, Standing)> {
        let open = self.open.iter().find(|open| open.step.number == number)?;
        Some((open.attempt(), standing(open)))
    }

    /// How many steps were begun.
    pub fn begun(&self) -> u32 {
        self.begun
    }

    /// The waits that somebody may end.
    pub fn waits(&self) -> impl Iterator<Item = (StepId, &Wait)> {
        self.open.iter().filter_map(|open| match &open.phase {
            Phase::Waiting(wait) if wait.resume != Resume::Never => Some((open.step, wait)),
            _ => None,
        })
    }

    /// What the execution wants to be reminded of, and when (Unix milliseconds).
    pub fn timers(&self) -> impl Iterator<Item = (Timer, f64)> {
        self.open.iter().filter_map(|open| match &open.phase {
            Phase::Waiting(wait) => Some((Timer::Wait(open.step), wait.until_ms?)),
            Phase::Pausing { until_ms } => Some((Timer::Retry(open.attempt()), *until_ms)),
            _ => None,
        })
    }

    /// What the step that ended last gave on its first port.
    pub fn last_items(&self) -> Items {
        let Some(&(node, run)) = self.finished.last() else { return Items::default() };
        self.history.items(Source { node: node as usize, output: 0, run: run as usize })
    }
}

fn standing(open: &Open) -> Standing {
    match &open.phase {
        Phase::Running { .. } | Phase::Due => Standing::Running,
        Phase::Pausing { .. } => Standing::Pausing,
        Phase::Waiting(wait) => Standing::Waiting { answerable: wait.resume != Resume::Never },
        Phase::Calling { .. } => Standing::Calling,
        Phase::Lost => Standing::Lost,
    }
}
