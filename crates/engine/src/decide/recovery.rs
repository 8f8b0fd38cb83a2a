//! What a crash left undone.

use sdk::{Effect, NodeError};

use super::waits::{open_wait, start_child};
use super::{Execution, Phase};
use crate::event::{Command, Event, Timer};

impl Execution {
    /// What a new owner of a replayed execution must decide on before anything else: attempts that ended with their
    /// process and must not simply begin again.
    pub fn lost(&self) -> Vec<Event> {
        let running = self.open.iter().filter_map(|open| match open.phase {
            Phase::Running { effect } => Some((open.attempt(), effect)),
            _ => None,
        });
        let lost = running.filter_map(|(attempt, effect)| match self.plan.node(attempt.step.node()).effect {
            Effect::Unsafe if effect => Some(Event::StepLost(attempt)),
            _ if self.ending.is_some() => Some(Event::StepFailed(attempt, NodeError::cancelled())),
            _ => None,
        });
        lost.collect()
    }

    /// Every command that has not led to an event yet. Carrying one out for the second time does no harm.
    pub fn outstanding(&self) -> Vec<Command> {
        let mut commands = Vec::new();
        for open in &self.open {
            match &open.phase {
                Phase::Running { .. } => commands.push(super::steps::run_step(open)),
                Phase::Pausing { until_ms } => {
                    commands.push(Command::StartTimer(Timer::Retry(open.attempt()), *until_ms));
                }
                Phase::Waiting(wait) => open_wait(open.step, wait, &mut commands),
                Phase::Calling { children, results } => {
                    commands.push(start_child(open.step, children, results.len()));
                }
                Phase::Due | Phase::Lost => {}
            }
        }
        commands
    }
}
