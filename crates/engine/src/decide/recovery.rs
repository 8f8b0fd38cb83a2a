//! What a crash left undone.

use model::OnUnknown;
use sdk::{Effect, NodeError};

use super::waits::{open_wait, start_child};
use super::{Execution, Phase};
use crate::event::{Attempt, Command, Event, RunStep, Timer};

impl Execution {
    /// What the new owner of a replayed execution does first. Attempts that ended with their process and must not
    /// simply begin again become events, which are decided on here and belong in the journal. The commands are all
    /// those that have not led to an event yet, also the ones that the events bring.
    pub fn recover(&mut self, now_ms: f64) -> (Vec<Event>, Vec<Command>) {
        let events = self.interrupted();
        for event in &events {
            self.decide(event, now_ms);
        }
        (events, self.outstanding())
    }

    /// Whether somebody must say what became of a lost attempt. Once the execution is ending it never runs again.
    fn asks_about(&self, attempt: Attempt) -> bool {
        self.ending.is_some() || self.plan.node(attempt.step.node()).on_unknown == OnUnknown::Ask
    }

    fn interrupted(&self) -> Vec<Event> {
        let running = self.open.iter().filter_map(|open| match open.phase {
            Phase::Running { effect } => Some((open.attempt(), effect)),
            _ => None,
        });
        let interrupted =
            running.filter_map(|(attempt, effect)| match self.plan.node(attempt.step.node()).effect {
                Effect::Unsafe if effect && self.asks_about(attempt) => Some(Event::StepLost(attempt)),
                _ if self.ending.is_some() => Some(Event::StepFailed(attempt, NodeError::cancelled())),
                _ => None,
            });
        interrupted.collect()
    }

    pub(super) fn step_lost(&mut self, attempt: Attempt) -> bool {
        let Some(index) = self.reporting(attempt) else { return false };
        if matches!(self.open[index].phase, Phase::Lost) {
            return false;
        }
        if self.ending.is_some() {
            // Nobody will be asked any more.
            self.open.remove(index);
        } else {
            self.open[index].phase = Phase::Lost;
        }
        true
    }

    /// Somebody wants a lost step to run again. It is a new attempt, because the effect of the old one may happen yet.
    pub(super) fn retry_asked(&mut self, attempt: Attempt) -> bool {
        let Some(index) = self.reporting(attempt) else { return false };
        let open = &mut self.open[index];
        if !matches!(open.phase, Phase::Lost) {
            return false;
        }
        open.attempt += 1;
        open.phase = Phase::Due;
        true
    }

    /// The attempts of which nobody knows what became, for whoever finds out: their result is reported as if they had
    /// just ended.
    pub fn lost_steps(&self) -> impl Iterator<Item = RunStep> {
        self.open.iter().filter(|open| matches!(open.phase, Phase::Lost)).map(super::steps::run_step)
    }

    fn outstanding(&self) -> Vec<Command> {
        let mut commands = Vec::new();
        for open in &self.open {
            match &open.phase {
                Phase::Running { .. } => commands.push(Command::RunStep(super::steps::run_step(open))),
                Phase::Pausing { until_ms } => {
                    commands.push(Command::StartTimer(Timer::Retry(open.attempt()), *until_ms));
                }
                Phase::Waiting(wait) => open_wait(open.step, wait, &mut commands),
                Phase::Calling { children, results } => {
                    commands.push(start_child(open.attempt(), children, results.len()));
                }
                // Begins as soon as it may.
                Phase::Due | Phase::Lost => {}
            }
        }
        commands
    }
}
